package answer

// Observation is a comparison of what another program showed, run inside the
// lab at an observe step, with what was seen just before and just after it.
type Observation struct {
	Line        int          `json:"line"`
	T           Milliseconds `json:"t_ms"`
	Side        string       `json:"side"` // server or client; both are one on loopback
	Program     string       `json:"program"`
	Argv        []string     `json:"argv"`
	Sockets     int          `json:"sockets,omitempty"`  // that were compared
	Counters    int          `json:"counters,omitempty"` // that were compared
	Fields      int          `json:"fields"`             // of all of these
	Moved       int          `json:"moved,omitempty"`    // sockets that came or went meanwhile, so that they were not compared
	Differences []Difference `json:"differences"`
	Explained   []Difference `json:"explained,omitempty"`    // differences that have a known reason
	NotCompared []string     `json:"not_compared,omitempty"` // what only one of both knows
	Missing     string       `json:"missing,omitempty"`      // why nothing was compared
}

// Difference is something that a program showed otherwise.
type Difference struct {
	Of     string `json:"of,omitempty"`    // the socket
	Field  string `json:"field,omitempty"` // or the counter; absent if only one of both saw the socket
	Theirs string `json:"theirs"`
	Ours   string `json:"ours"`
	Why    string `json:"why,omitempty"`
}
