package record

import (
	"encoding/json"
	"io"
	"time"

	"listenq/internal/answer"
	"listenq/internal/evidence"
)

// Event is one line of events.jsonl: what was seen at T, as exactly one of the
// others. Socket, listener and counter events are written when something
// changed, not at every sample.
type Event struct {
	T        time.Duration   `json:"t_ns"` // monotonic, since the start
	Step     *Step           `json:"step,omitempty"`
	Socket   *SocketState    `json:"socket,omitempty"`
	Listener *ListenerSample `json:"listener,omitempty"`
	Counters *CounterSample  `json:"counters,omitempty"`
	Reaction *Reaction       `json:"reaction,omitempty"`
	Call     *ClientCall     `json:"call,omitempty"`
	Accept   *Accept         `json:"accept,omitempty"`
}

// Step says that a line of the script begins.
type Step struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

// SocketState is one end of a connection.
type SocketState struct {
	Side        string               `json:"side"` // client or server
	Client      string               `json:"client"`
	Server      string               `json:"server"`
	State       evidence.State       `json:"state"`
	Owned       bool                 `json:"owned"` // a process has it
	RecvQ       int                  `json:"recv_q"`
	SendQ       int                  `json:"send_q"`
	Timer       string               `json:"timer,omitempty"`
	Expires     answer.Milliseconds  `json:"timer_ms,omitempty"`
	Retransmits int                  `json:"retransmits"`
	Wait        *answer.Milliseconds `json:"wait_ms,omitempty"` // in the accept queue
	Info        map[string]uint64    `json:"tcp_info,omitempty"`
}

// ListenerSample is a listener's two queues.
type ListenerSample struct {
	Name string `json:"name"`
	answer.ListenerState
	Drops *uint64 `json:"drops,omitempty"`
}

// CounterSample is how far the counters of one side moved since the sample before.
type CounterSample struct {
	Side  string            `json:"side"`
	Delta map[string]uint64 `json:"delta"`
}

// Reaction is what the server's counters did while packets were delivered to
// it: with one packet, that packet's doing.
type Reaction struct {
	Packets int            `json:"packets"`
	Packet  int            `json:"packet,omitempty"` // its number in packets.pcapng, if it is one
	Delta   map[string]int `json:"delta"`
}

// ClientCall is a system call of the named client, when it returned.
type ClientCall struct {
	Name string `json:"name"`
	answer.Call
}

// Accept is a connection that accept() returned to the lab's own server.
type Accept struct {
	Server string `json:"server"`
	Client string `json:"client"`
}

// Events writes events.jsonl.
type Events struct {
	enc *json.Encoder
}

// NewEvents writes to w, one line an event.
func NewEvents(w io.Writer) *Events {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &Events{enc: enc}
}

// Write writes one event.
func (e *Events) Write(ev Event) error { return e.enc.Encode(ev) }
