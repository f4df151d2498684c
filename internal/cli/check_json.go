package cli

import (
	"listenq/internal/queue"
	"listenq/internal/record"
)

// checked is the answer of `check`.
type checked struct {
	Schema     string              `json:"schema"`
	Overflowed *bool               `json:"overflowed,omitempty"` // nil: cannot be told
	Duration   record.Milliseconds `json:"duration_ms"`
	Command    checkedCommand      `json:"command"`
	Listeners  []checkedListener   `json:"listeners"`
	Namespaces []checkedNamespace  `json:"namespaces"`
	Missing    []record.Missing    `json:"missing,omitempty"`

	why string // it cannot be told
}

type checkedCommand struct {
	Argv []string `json:"argv"`
	Exit int      `json:"exit"`
}

// checkedListener is what moved of a listener while the command ran.
type checkedListener struct {
	Address     string        `json:"address"`
	AcceptLimit *int          `json:"accept_limit,omitempty"`
	AcceptMax   int           `json:"accept_max"`
	Dropped     *uint64       `json:"dropped,omitempty"`
	Overflowed  *bool         `json:"overflowed,omitempty"`
	Closed      bool          `json:"closed,omitempty"`
	Netns       queue.NetnsID `json:"netns,omitempty"`
	Processes   []process     `json:"processes,omitzero"`
}

// checkedNamespace is what moved of a network namespace's counters.
type checkedNamespace struct {
	Netns      queue.NetnsID `json:"netns"`
	Name       string        `json:"name,omitempty"`
	AcceptFull *uint64       `json:"accept_queue_full,omitempty"`
	SynFull    *uint64       `json:"syn_queue_full,omitempty"`
	SynReserve *uint64       `json:"syn_queue_reserve,omitempty"`

	label      string
	overflowed *bool
}

// newChecked judges what moved. Without a filter the counters of the namespaces
// decide. With one, a listener that it matches has to have dropped something, too.
func newChecked(t *queue.Tally, f queue.Filter, e ended) checked {
	c := checked{
		Schema: "listenq/check/v1", Duration: record.MS(e.took), Command: checkedCommand{e.argv, e.exit},
		Listeners: []checkedListener{}, Namespaces: []checkedNamespace{},
	}
	spaces := map[queue.NetnsID]answers{}
	var all answers
	for _, n := range t.Namespaces() {
		row := newCheckedNamespace(&n)
		c.Namespaces = append(c.Namespaces, row)
		spaces[n.Namespace.ID] = answers{row.overflowed}
		all = append(all, row.overflowed)
	}
	var matched answers
	for _, l := range t.Listeners() {
		if !f.Match(&queue.Trend{Listener: l.Listener, Namespace: l.Namespace}) {
			continue
		}
		answer := overflowedHere(&l, spaces[l.Listener.Netns].any())
		matched = append(matched, answer)
		c.Listeners = append(c.Listeners, newCheckedListener(&l, answer))
	}
	if f.Empty() {
		c.decide(all, "the counters of a network namespace could not be read")
	} else if len(matched) == 0 {
		c.decide(answers{nil}, "no listener was seen that matches "+f.String())
	} else {
		c.decide(matched, "its namespace had overflows, or they could not be counted, and which listener they were of was not seen")
	}
	return c
}

func (c *checked) decide(all answers, why string) {
	if c.Overflowed = all.any(); c.Overflowed == nil {
		c.why = why
	}
}

// err is what the exit code says.
func (c *checked) err() error {
	switch {
	case c.Overflowed == nil:
		return commandStatus(exitCheck)
	case *c.Overflowed:
		return errBad
	case c.Command.Exit != 0:
		return commandStatus(c.Command.Exit)
	}
	return nil
}

// answers to one question: yes, no, or nil: it cannot be told.
type answers []*bool

// any is yes if one is yes, no if all are no.
func (all answers) any() *bool {
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

// overflowedHere tells whether a queue of the listener overflowed. What overflows
// raises sk_drops; other things do, too, so that the counters of its namespace have to
// agree. One that has closed may have dropped something that no sample saw.
func overflowedHere(l *queue.Total, namespace *bool) *bool {
	switch {
	case namespace != nil && !*namespace:
		return new(false)
	case !l.Dropped.Known, namespace == nil && l.Dropped.N > 0, l.Dropped.N == 0 && l.Gone:
		return nil
	}
	return new(l.Dropped.N > 0)
}

func newCheckedListener(l *queue.Total, overflowed *bool) checkedListener {
	return checkedListener{
		Address: l.Listener.Address.String(), AcceptLimit: limit(&l.Listener), AcceptMax: l.AcceptMax, Dropped: count(&l.Dropped),
		Overflowed: overflowed, Closed: l.Gone, Netns: l.Listener.Netns, Processes: newProcesses(l.Listener.Processes),
	}
}

func newCheckedNamespace(n *queue.NamespaceTrend) checkedNamespace {
	o := n.Overflows()
	row := checkedNamespace{
		Netns: n.Namespace.ID, Name: n.Namespace.Name, label: netnsName(&n.Namespace, n.Namespace.ID),
		AcceptFull: count(&o.AcceptFull), SynFull: count(&o.SynFull), SynReserve: count(&o.SynReserve),
	}
	if bad, known := o.Any(); known {
		row.overflowed = &bad
	}
	return row
}
