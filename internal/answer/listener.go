package answer

import (
	"fmt"
	"math"
	"net/netip"

	"listenq/internal/queue"
)

// Listener is a listening socket as the answers show it: a row of `ls`, in text and
// JSON. What is unknown is nil.
type Listener struct {
	Address       string          `json:"address"`                  // where it listens: ip:port or [ip]:port
	State         queue.State     `json:"state,omitempty"`          // dropping, full, stalled, high or ok; absent: its limit is not known
	AcceptLen     int             `json:"accept_len"`               // connections that wait for accept()
	AcceptLimit   *int            `json:"accept_limit,omitempty"`   // of the accept queue, as of the last listen(): one more fits
	AcceptMax     int             `json:"accept_max"`               // the most that a look within the window saw in the accept queue
	Waiting       *int            `json:"waiting,omitempty"`        // of the accept queue, those that the kernel shows as sockets
	WaitingClosed *int            `json:"waiting_closed,omitempty"` // of them, those whose client has closed
	Dead          *uint64         `json:"dead,omitempty"`           // in the accept queue, and reset by their client
	OldestWait    *Milliseconds   `json:"oldest_wait_ms,omitempty"` // how long the first in the accept queue has waited
	SynLen        *uint64         `json:"syn_len,omitempty"`        // requests: handshakes that are not finished
	SynAge        *Milliseconds   `json:"syn_age_ms,omitempty"`     // how long ago they were counted
	Drops         *uint64         `json:"drops,omitempty"`          // sk_drops since the socket was made (net/ipv4/tcp_input.c, tcp_listendrop)
	Dropped       *uint64         `json:"dropped,omitempty"`        // sk_drops within the window
	DroppedBy     queue.DropCause `json:"dropped_by,omitempty"`     // what dropped them: queue, defer-accept, reset, other (no queue); absent: not known
	DropsPerS     *float64        `json:"drops_per_s,omitempty"`    // sk_drops within the window, per second
	Netns         queue.NetnsID   `json:"netns,omitempty"`          // number of its network namespace, as in /proc/PID/ns/net
	NetnsName     string          `json:"-"`
	Processes     []Process       `json:"processes,omitzero"`        // that have it open; absent: not known, empty: none
	ReuseportGrp  string          `json:"reuseport_group,omitempty"` // names the group that shares its address with SO_REUSEPORT
	DualStack     bool            `json:"dual_stack,omitempty"`      // an IPv6 socket that takes IPv4, too
	UID           uint32          `json:"uid"`                       // of the user who made it
	Inode         uint32          `json:"inode,omitempty"`           // of the socket

	AcceptsPerS *float64      `json:"-"` // connections that accept() returned, as a rate
	LimitBy     queue.LimitBy `json:"-"`
	at          netip.AddrPort
}

// Process is one that has a listening socket open.
type Process struct {
	PID    int    `json:"pid"` // in the namespace of the listenq that looked
	Name   string `json:"name"`
	Cgroup string `json:"cgroup,omitempty"` // path of its control group
	Unit   string `json:"unit,omitempty"`   // its systemd unit, or the container that its control group names
}

// NewListener is a listener as its history shows it.
func NewListener(t *queue.Trend) Listener {
	l := &t.Listener
	row := Listener{
		Address: l.Address.String(), State: t.State,
		AcceptLen: l.AcceptLen, AcceptLimit: limit(l), AcceptMax: t.AcceptMax,
		SynLen: count(&l.SynLen), Drops: count(&l.Drops), Dropped: count(&t.Dropped), DroppedBy: t.DroppedBy, Dead: count(&t.Dead),
		Netns: l.Netns, NetnsName: NetnsName(t.Namespace, l.Netns),
		Processes: newProcesses(l.Processes), DualStack: l.DualStack, UID: l.UID, Inode: l.Inode,
		AcceptsPerS: rate(t.Accepts), LimitBy: t.LimitBy(), at: l.Address, DropsPerS: rate(t.DropRate),
	}
	if row.AcceptLimit == nil && t.State == queue.OK {
		row.State = "" // it may be full, for all that is known
	}
	if l.SynLen.Known {
		row.SynAge = new(MS(l.SynAge))
	}
	if l.Shared > 1 {
		row.ReuseportGrp = fmt.Sprintf("%s in %d", l.Address, l.Netns)
	}
	if w := l.Waiting; w != nil {
		row.Waiting, row.WaitingClosed = new(w.Len), new(w.Closed)
		if oldest, ok := w.Oldest(); ok {
			row.OldestWait = new(MS(oldest))
		}
	}
	return row
}

// Fill is how full the accept queue is, as queue.Listener.Fill.
func (l *Listener) Fill() float64 {
	if l.AcceptLimit == nil {
		return 0
	}
	return (&queue.Listener{AcceptLen: l.AcceptLen, AcceptLimit: *l.AcceptLimit}).Fill()
}

// Belongs is what the process belongs to, as queue.Process.Belongs.
func (p *Process) Belongs() string {
	return (&queue.Process{Unit: p.Unit, Cgroup: p.Cgroup}).Belongs()
}

func newProcesses(all []queue.Process) []Process {
	if all == nil {
		return nil
	}
	rows := make([]Process, 0, len(all))
	for _, p := range all {
		rows = append(rows, Process{PID: p.PID, Name: p.Name, Cgroup: p.Cgroup, Unit: p.Unit})
	}
	return rows
}

// limit is nil where the source does not have it.
func limit(l *queue.Listener) *int {
	if l.AcceptLimit == queue.NoLimit {
		return nil
	}
	return &l.AcceptLimit
}

// rate is a rate in tenths; nil where it is not known.
func rate(r queue.Rate) *float64 {
	if !r.Known {
		return nil
	}
	return new(math.Round(r.PerSecond*10) / 10)
}

// count is nil where nobody looked.
func count(c *queue.Count) *uint64 {
	if !c.Known {
		return nil
	}
	return &c.N
}

// Bad reports whether its state says that somebody should look at it.
func (l *Listener) Bad() bool { return l.State != queue.OK && l.State != "" }

// Waits reports whether a connection has waited for long to be accepted: its server
// may be stuck, however much room there is.
func (l Listener) Waits() bool {
	return l.OldestWait != nil && l.OldestWait.Duration() >= queue.Patience
}

// DroppedByWords says what dropped packets where it was no queue; empty where it was one, or
// that is not known.
func DroppedByWords(c queue.DropCause) string {
	switch c {
	case queue.DropDefer:
		return " (by TCP_DEFER_ACCEPT: final ACKs without data)"
	case queue.DropReset:
		return " (with handshakes that their clients reset)"
	case queue.DropOther:
		return " (by no queue: ListenDrops did not rise as much)"
	}
	return ""
}
