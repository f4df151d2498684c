package answer

import "listenq/internal/judge"

// Burst is the answer of `listenq lab burst` (schema listenq/burst/v1).
type Burst struct {
	Schema     string       `json:"schema"`
	Kernel     string       `json:"kernel,omitempty"`
	Server     string       `json:"server"` // its step in the script
	Stopped    bool         `json:"stopped,omitempty"`
	Somaxconn  int          `json:"somaxconn,omitempty"` // net.core.somaxconn as it was raised inside the experiment, so that the backlog counts
	Limit      *int         `json:"accept_limit,omitempty"`
	Clients    int          `json:"clients"` // the largest burst that was to be tried
	Largest    *BurstRange  `json:"largest,omitempty"`
	Bounded    bool         `json:"bounded,omitempty"` // none that was tried had a drop
	Searches   []int        `json:"searches"`          // what each search found
	Tried      int          `json:"tried"`             // bursts
	Rows       []BurstRow   `json:"rows"`
	FirstDrop  *BurstDrop   `json:"first_drop,omitempty"`
	Want       *BurstWant   `json:"want,omitempty"`
	Duration   Milliseconds `json:"duration_ms"`
	Recordings string       `json:"recordings,omitempty"`
}

// BurstRange is the largest burst without a drop. Least and Most differ where the
// same burst was taken once and not another time.
type BurstRange struct {
	Least int `json:"least"` // the smallest burst with a drop was one larger
	Most  int `json:"most"`  // the largest burst without a drop
}

// BurstDrop is the connection whose packet was dropped first in the smallest
// burst with a drop.
type BurstDrop struct {
	Clients    int           `json:"clients"`
	Connection RunConnection `json:"connection"`
}

// BurstRow is what became of one burst.
type BurstRow struct {
	Clients      int                   `json:"clients"`
	Backlog      *int                  `json:"backlog,omitempty"` // of a server of ours
	Clean        bool                  `json:"clean"`             // no packet was dropped and nobody was late
	Dropped      uint64                `json:"dropped"`           // SYNs, final ACKs and data, by ListenDrops, to the end of the run
	Struck       map[judge.Struck]int  `json:"struck"`            // connections, by the first packet of each that was dropped
	ACKsWithin   *Milliseconds         `json:"acks_within_ms,omitempty"`
	Late         int                   `json:"late"` // connections that the server had late
	LateMin      *Milliseconds         `json:"late_min_ms,omitempty"`
	LateMax      *Milliseconds         `json:"late_max_ms,omitempty"`
	NotConnected int                   `json:"not_connected"` // those that it did not have in the end
	Outcomes     map[judge.Outcome]int `json:"outcomes"`      // in the end
	Recording    string                `json:"recording,omitempty"`

	Hasty bool `json:"-"` // it ended before the clients that were late were connected
}

// BurstWant is the smallest backlog for a wanted burst.
type BurstWant struct {
	Clients  int        `json:"clients"`
	Backlog  *int       `json:"backlog,omitempty"` // absent: none was found
	Verified bool       `json:"verified"`          // a run with it had no drop, and one with a smaller backlog had
	Rows     []BurstRow `json:"rows"`              // those runs
}
