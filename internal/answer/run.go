package answer

import (
	"listenq/internal/evidence"
	"listenq/internal/judge"
	"slices"
)

// Experiments is the answer of `lab run`, and of `explain` of its recording.
type Experiments struct {
	Schema  string   `json:"schema"`
	Runs    []Run    `json:"runs"`              // of several kernels: those of all scripts for each
	Kernels []Kernel `json:"kernels,omitempty"` // absent without --kernel
}

func NewExperiments(runs []Run) Experiments {
	return Experiments{Schema: ExperimentsSchema, Runs: runs}
}

// Filter is a packet filter of an experiment.
type Filter struct {
	Name    string `json:"name"`
	Text    string `json:"text"`              // of its step
	Packets *int   `json:"packets,omitempty"` // segments that it took, by its own counter; a filter at a socket has none
}

// Run is the result of one experiment on one kernel: result.json, and one
// element of the runs of `lab run --json` (schema listenq/lab/v1). Fields are
// added, never changed; what is unknown is left out.
type Run struct {
	Scenario     string          `json:"scenario"`
	Title        string          `json:"title"`
	Kernel       string          `json:"kernel"`
	Facts        map[string]any  `json:"facts,omitempty"` // the facts that the script asked for, as probed
	Pass         bool            `json:"pass"`
	Skipped      string          `json:"skipped,omitempty"`    // why it was not run
	Incomplete   bool            `json:"incomplete,omitempty"` // it was cut short, or the lab lost frames: what is here was seen, more was to be
	Error        string          `json:"error,omitempty"`
	Hint         string          `json:"hint,omitempty"` // what to do about the error
	Verdict      string          `json:"verdict,omitempty"`
	Duration     Milliseconds    `json:"duration_ms"`
	Setup        Milliseconds    `json:"setup_ms,omitempty"`      // of it: before the first step and after the last
	Prescribed   Milliseconds    `json:"prescribed_ms,omitempty"` // of it: waits that the script or the kernel's timers prescribe
	Recording    string          `json:"recording,omitempty"`
	Expectations []Expectation   `json:"expectations"`
	Connections  []RunConnection `json:"connections"`
	Folded       []Folded        `json:"folded,omitempty"`
	Commands     []Command       `json:"commands,omitempty"`
	Filters      []Filter        `json:"filters,omitempty"`
	Listeners    []RunListener   `json:"listeners"`
	Counters     Counters        `json:"counters"`
	Observations []Observation   `json:"observations,omitempty"`
	Missing      []Missing       `json:"missing,omitempty"`
}

// Expectation is one expect line (or wait until) and what came of it.
type Expectation struct {
	Line       int    `json:"line"`
	Text       string `json:"text"`
	Pass       bool   `json:"pass"`
	Unknown    bool   `json:"unknown,omitempty"`     // it needs a value that is not known: neither it nor its opposite holds
	Got        string `json:"got,omitempty"`         // the values that decided, where it failed
	NotTaken   string `json:"not_taken,omitempty"`   // the condition that this kernel does not meet: neither passed nor failed
	FromSource bool   `json:"from_source,omitempty"` // the branch was read in the kernel's source, not run
}

// RunConnection is one attempt of a client and what became of it.
type RunConnection struct {
	Name              string           `json:"name"`
	Client            string           `json:"client"`
	Server            string           `json:"server"`
	Outcome           judge.Outcome    `json:"outcome"`
	Cause             judge.Cause      `json:"cause"`
	EndedBy           judge.Cause      `json:"ended_by,omitempty"`
	Struck            judge.Struck     `json:"struck,omitempty"`
	Handshake         judge.Kind       `json:"handshake,omitempty"`
	Confidence        judge.Confidence `json:"confidence"`
	Alternatives      []judge.Reading  `json:"alternatives,omitempty"`
	History           []Change         `json:"history"`
	ClientState       evidence.State   `json:"client_state,omitempty"`
	ServerState       evidence.State   `json:"server_state,omitempty"`
	Connect           *Milliseconds    `json:"connect_ms,omitempty"` // how long connect() took; absent while it has not returned
	Delay             *Milliseconds    `json:"delay_ms,omitempty"`   // how late the server had it; absent if it was not late
	SynRetransmits    int              `json:"syn_retransmits"`
	SynAckRetransmits int              `json:"synack_retransmits"`
	DataRetransmits   int              `json:"data_retransmits"`
	Calls             []Call           `json:"calls"`
	Story             []Line           `json:"story"`
}

// Change is a moment at which a connection's outcome became another.
type Change struct {
	T       Milliseconds  `json:"t_ms"`
	Outcome judge.Outcome `json:"outcome"`
}

// Call is a system call of a client.
type Call struct {
	T        Milliseconds  `json:"t_ms"`
	Call     string        `json:"call"`
	Result   int           `json:"result"`
	Errno    string        `json:"errno,omitempty"`
	Duration *Milliseconds `json:"duration_ms,omitempty"` // absent while it has not returned
}

// Line is one sentence of a connection's story.
type Line struct {
	T      Milliseconds `json:"t_ms"`
	Text   string       `json:"text"`
	Packet int          `json:"packet,omitempty"` // its number in packets.pcapng
}

// Folded counts attempts that were too many to keep one by one (a flood).
type Folded struct {
	Server   string                `json:"server"`
	Attempts int                   `json:"attempts"`
	Outcomes map[judge.Outcome]int `json:"outcomes"`
	Causes   map[judge.Cause]int   `json:"causes"`
}

// Command is a command that the script ran as a client.
type Command struct {
	Name     string       `json:"name"`
	Argv     []string     `json:"argv"`
	T        Milliseconds `json:"t_ms"`
	Duration Milliseconds `json:"duration_ms"`
	Exit     int          `json:"exit"`
	Output   string       `json:"output,omitempty"` // both streams, at most 64 KiB
}

// RunListener is a listening socket, before the first client and at the end.
type RunListener struct {
	Name        string            `json:"name"`
	Address     string            `json:"address"`
	AcceptLimit int               `json:"accept_limit"`
	AcceptMax   int               `json:"accept_max"` // the most that samples saw
	SynMax      *int              `json:"syn_max,omitempty"`
	Drops       *uint64           `json:"drops,omitempty"` // sk_drops: +1 for a SYN, +2 for an ACK of a kept request
	Fullest     ListenerState     `json:"fullest"`         // when it held the most beyond its limit
	Before      ListenerState     `json:"before"`
	After       ListenerState     `json:"after"`
	Info        map[string]uint64 `json:"tcp_info,omitempty"` // every field that the kernel gave at the end
}

// ListenerState is what a listener's queues held at one moment.
type ListenerState struct {
	Open        bool `json:"open"`
	AcceptLen   int  `json:"accept_len"`
	AcceptLimit int  `json:"accept_limit"`
	SynLen      *int `json:"syn_len,omitempty"`
}

// Counters are the kernel's TCP counters that moved, by side.
type Counters struct {
	Server map[string]Movement `json:"server,omitempty"`
	Client map[string]Movement `json:"client,omitempty"` // absent where both sides share one namespace
}

// Movement is a counter's value before the first step and after the last.
type Movement struct {
	Before uint64 `json:"before"`
	After  uint64 `json:"after"`
}

// Hold reports whether all expectations that were looked at hold.
func Hold(all []Expectation) bool {
	return !slices.ContainsFunc(all, func(x Expectation) bool { return !x.Pass && x.NotTaken == "" })
}
