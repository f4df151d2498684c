package cli

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"listenq/internal/queue"
	"listenq/internal/record"
)

// listener is a listening socket as the answers show it: a row of `ls`, in text and
// JSON. What is unknown is nil.
type listener struct {
	Address       string               `json:"address"`
	State         queue.State          `json:"state,omitempty"`
	AcceptLen     int                  `json:"accept_len"`
	AcceptLimit   *int                 `json:"accept_limit,omitempty"`
	AcceptMax     int                  `json:"accept_max"`
	Waiting       *int                 `json:"waiting,omitempty"`
	WaitingClosed *int                 `json:"waiting_closed,omitempty"`
	Dead          *uint64              `json:"dead,omitempty"`
	OldestWait    *record.Milliseconds `json:"oldest_wait_ms,omitempty"`
	SynLen        *uint64              `json:"syn_len,omitempty"`
	SynAge        *record.Milliseconds `json:"syn_age_ms,omitempty"`
	Drops         *uint64              `json:"drops,omitempty"`
	Dropped       *uint64              `json:"dropped,omitempty"`
	DropsPerS     *float64             `json:"drops_per_s,omitempty"`
	Netns         queue.NetnsID        `json:"netns,omitempty"`
	NetnsName     string               `json:"-"`
	Processes     []process            `json:"processes,omitzero"` // nil: unknown; empty: none
	ReuseportGrp  string               `json:"reuseport_group,omitempty"`
	DualStack     bool                 `json:"dual_stack,omitempty"`
	UID           uint32               `json:"uid"`
	Inode         uint32               `json:"inode,omitempty"`
}

// process is one that has a listening socket open.
type process struct {
	PID    int    `json:"pid"`
	Name   string `json:"name"`
	Cgroup string `json:"cgroup,omitempty"`
	Unit   string `json:"unit,omitempty"`
}

// namespace is a network namespace that was looked at.
type namespace struct {
	Netns     queue.NetnsID     `json:"netns"`
	Name      string            `json:"name,omitempty"`
	Host      bool              `json:"host,omitempty"`
	Somaxconn *int              `json:"somaxconn,omitempty"`
	Sysctls   map[string]string `json:"sysctls,omitempty"`
	Machine   []string          `json:"machine_sysctls,omitempty"`
	Counters  map[string]uint64 `json:"counters,omitempty"`
}

func newListener(t *queue.Trend) listener {
	l := &t.Listener
	row := listener{
		Address: l.Address.String(), State: t.State,
		AcceptLen: l.AcceptLen, AcceptLimit: limit(l), AcceptMax: t.AcceptMax,
		SynLen: count(&l.SynLen), Drops: count(&l.Drops), Dropped: count(&t.Dropped), Dead: count(&t.Dead),
		Netns: l.Netns, NetnsName: netnsName(t.Namespace, l.Netns),
		Processes: newProcesses(l.Processes), DualStack: l.DualStack, UID: l.UID, Inode: l.Inode,
	}
	if row.AcceptLimit == nil && t.State == queue.OK {
		row.State = "" // it may be full, for all that is known
	}
	if l.SynLen.Known {
		row.SynAge = new(record.MS(l.SynAge))
	}
	if t.DropRate.Known {
		row.DropsPerS = new(math.Round(t.DropRate.PerSecond*10) / 10)
	}
	if l.Shared > 1 {
		row.ReuseportGrp = fmt.Sprintf("%s in %d", l.Address, l.Netns)
	}
	if w := l.Waiting; w != nil {
		row.Waiting, row.WaitingClosed = new(w.Len), new(w.Closed)
		if oldest, ok := w.Oldest(); ok {
			row.OldestWait = new(record.MS(oldest))
		}
	}
	return row
}

func newProcesses(all []queue.Process) []process {
	if all == nil {
		return nil
	}
	rows := make([]process, 0, len(all))
	for _, p := range all {
		rows = append(rows, process{PID: p.PID, Name: p.Name, Cgroup: p.Cgroup, Unit: p.Unit})
	}
	return rows
}

func newNamespace(n *queue.Namespace) namespace {
	row := namespace{Netns: n.ID, Name: n.Name, Host: n.Host, Sysctls: n.Sysctls, Machine: n.Machine, Counters: map[string]uint64{}}
	if somaxconn, err := strconv.Atoi(n.Sysctls["net.core.somaxconn"]); err == nil {
		row.Somaxconn = &somaxconn
	}
	for i, name := range n.Counters.Names {
		row.Counters[name] = n.Counters.Values[i]
	}
	return row
}

// netnsName is how a network namespace is called in a text, and in a filter.
func netnsName(n *queue.Namespace, id queue.NetnsID) string {
	switch {
	case n != nil && n.Name != "":
		return n.Name
	case n != nil && n.Host:
		return "host"
	}
	return strconv.FormatUint(uint64(id), 10)
}

func newMissing(all []queue.Missing) []record.Missing {
	var rows []record.Missing
	for _, m := range all {
		rows = append(rows, record.Missing{What: m.What, Why: m.Why, Hint: m.Hint})
	}
	return rows
}

// limit is nil where the source does not tell it.
func limit(l *queue.Listener) *int {
	if l.AcceptLimit == queue.NoLimit {
		return nil
	}
	return &l.AcceptLimit
}

// count is nil where nobody looked.
func count(c *queue.Count) *uint64 {
	if !c.Known {
		return nil
	}
	return &c.N
}

// window is the time from the first sample kept to the last.
func window(h *queue.History, trends []queue.Trend) (d time.Duration) {
	for _, t := range trends {
		d = max(d, t.Window)
	}
	for _, n := range h.Namespaces() {
		d = max(d, n.Window)
	}
	return d
}
