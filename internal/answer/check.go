package answer

import (
	"time"

	"listenq/internal/queue"
)

// Check is the answer of `check`.
type Check struct {
	Schema     string           `json:"schema"`
	Overflowed *bool            `json:"overflowed,omitempty"` // a packet was dropped because a queue of a listener was full; absent: not known
	Duration   Milliseconds     `json:"duration_ms"`          // how long the command ran
	Command    CheckCommand     `json:"command"`
	Listeners  []CheckListener  `json:"listeners"` // seen while it ran, those that dropped most first
	Namespaces []CheckNamespace `json:"namespaces"`
	Missing    []Missing        `json:"missing,omitempty"`

	Why string `json:"-"` // it is not known
}

// CheckCommand is what was run.
type CheckCommand struct {
	Argv []string `json:"argv"` // the command and its arguments
	Exit int      `json:"exit"` // its exit code; 128 + N if signal N ended it
}

// CheckListener is what moved of a listener while the command ran.
type CheckListener struct {
	Address     string          `json:"address"`
	AcceptLimit *int            `json:"accept_limit,omitempty"`
	AcceptMax   int             `json:"accept_max"`
	Dropped     *uint64         `json:"dropped,omitempty"`
	DroppedBy   queue.DropCause `json:"dropped_by,omitempty"`
	Overflowed  *bool           `json:"overflowed,omitempty"`
	Closed      bool            `json:"closed,omitempty"`
	Netns       queue.NetnsID   `json:"netns,omitempty"`
	Processes   []Process       `json:"processes,omitzero"`
}

// CheckNamespace is what moved of a network namespace's counters.
type CheckNamespace struct {
	Netns      queue.NetnsID `json:"netns"`
	Name       string        `json:"name,omitempty"`
	AcceptFull *uint64       `json:"accept_queue_full,omitempty"` // packets dropped because an accept queue was full
	SynFull    *uint64       `json:"syn_queue_full,omitempty"`    // SYNs dropped because a SYN queue was full
	SynReserve *uint64       `json:"syn_queue_reserve,omitempty"` // SYNs dropped, likely for the last quarter of tcp_max_syn_backlog

	Label      string `json:"-"` // Name, or its number
	overflowed *bool
}

// NewCheck judges what moved while a command ran for so long. Without a filter the counters of
// the network namespaces decide. With one, a listener that it matches has to have dropped
// something, too.
func NewCheck(sums queue.Sums, f queue.Filter, command CheckCommand, took time.Duration) Check {
	c := Check{
		Schema: CheckSchema, Duration: MS(took), Command: command,
		Listeners: []CheckListener{}, Namespaces: []CheckNamespace{},
	}
	spaces := map[queue.NetnsID]opinions{}
	var all opinions
	for _, n := range sums.Namespaces {
		row := newCheckNamespace(&n)
		c.Namespaces = append(c.Namespaces, row)
		spaces[n.Namespace.ID] = opinions{row.overflowed}
		all = append(all, row.overflowed)
	}
	var matched opinions
	owners := true
	for _, l := range sums.Listeners {
		if !f.Match(&queue.Trend{Listener: l.Listener, Namespace: l.Namespace}) {
			continue
		}
		overflowed := overflowedHere(&l, spaces[l.Listener.Netns].any())
		matched, owners = append(matched, overflowed), owners && l.Listener.Processes != nil
		c.Listeners = append(c.Listeners, newCheckListener(&l, overflowed))
	}
	c.Missing = NewMissing(sums.Missing, owners)
	if f.Empty() {
		c.decide(all, "the counters of a network namespace could not be read")
	} else if len(matched) == 0 {
		c.decide(opinions{nil}, "no listener was seen that matches "+f.String())
	} else {
		c.decide(matched, "its namespace had overflows, or they could not be counted, and which listener they were of was not seen")
	}
	return c
}

func (c *Check) decide(all opinions, why string) {
	if c.Overflowed = all.any(); c.Overflowed == nil {
		c.Why = why
	}
}

// opinions on one question: yes, no, or nil where it is not known.
type opinions []*bool

// any is yes if one is yes, no if all are no.
func (all opinions) any() *bool {
	var open bool
	for _, a := range all {
		if a != nil && *a {
			return a
		}
		open = open || a == nil
	}
	if open || len(all) == 0 {
		return nil
	}
	return new(false)
}

// overflowedHere reports whether a queue of the listener overflowed. What overflows
// raises sk_drops; other things do, too, so that the counters of its namespace have to
// agree. One that has closed may have dropped something that no sample saw; what dropped more
// than all queues did may have been something else alone.
func overflowedHere(l *queue.Total, namespace *bool) *bool {
	switch {
	case namespace != nil && !*namespace:
		return new(false)
	case !l.Dropped.Known, namespace == nil && l.Dropped.N > 0, l.Dropped.N == 0 && l.Gone, l.DroppedBy == queue.DropOther:
		return nil
	}
	return new(l.Dropped.N > 0)
}

func newCheckListener(l *queue.Total, overflowed *bool) CheckListener {
	return CheckListener{
		Address: l.Listener.Address.String(), AcceptLimit: limit(&l.Listener), AcceptMax: l.AcceptMax, Dropped: count(&l.Dropped), DroppedBy: l.DroppedBy,
		Overflowed: overflowed, Closed: l.Gone, Netns: l.Listener.Netns, Processes: newProcesses(l.Listener.Processes),
	}
}

func newCheckNamespace(n *queue.NamespaceTrend) CheckNamespace {
	o := n.Overflows()
	row := CheckNamespace{
		Netns: n.Namespace.ID, Name: n.Namespace.Name, Label: NetnsName(&n.Namespace, n.Namespace.ID),
		AcceptFull: count(&o.AcceptFull), SynFull: count(&o.SynFull), SynReserve: count(&o.SynReserve),
	}
	if bad, known := o.Any(); known {
		row.overflowed = &bad
	}
	return row
}
