package answer

// Fact is how this kernel behaves in one respect, as found out.
type Fact struct {
	Name           string `json:"name"`
	Group          string `json:"group"`
	Value          any    `json:"value,omitempty"` // bool, int or string; nil: unknown
	Meaning        string `json:"meaning"`         // of the value, for a user
	How            string `json:"how"`
	UnknownBecause string `json:"unknown_because,omitempty"`
}

// The groups of facts, in the order in which they are listed.
const (
	GroupQueues       = "full queues"
	GroupClients      = "clients that get no answer"
	GroupDefaults     = "a new network namespace"
	GroupCounters     = "counters"
	GroupReasons      = "reasons of drops and resets"
	GroupEBPF         = "eBPF"
	GroupUnprivileged = "without root"
)

// Kernel is the answer of `listenq kernel`.
type Kernel struct {
	Schema   string    `json:"schema"`
	Kernel   string    `json:"kernel"`            // its release, as in uname -r
	Version  string    `json:"version,omitempty"` // its build, as in uname -v
	Facts    []Fact    `json:"facts"`
	Settings []Setting `json:"settings"`
	Missing  []Missing `json:"missing,omitempty"`
}

// Setting is a sysctl that decides what happens at a listen queue, as it is in
// the caller's network namespace.
type Setting struct {
	Name           string `json:"name"`
	Value          string `json:"value,omitempty"`
	Experiments    string `json:"experiments"` // the value that experiments begin with
	Meaning        string `json:"meaning"`
	UnknownBecause string `json:"unknown_because,omitempty"`
}
