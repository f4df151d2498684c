package explain

import (
	"cmp"
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"listenq/internal/answer"
	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"
)

// collector keeps the connections of the answer, within bounds.
type collector struct {
	options     Options
	seed        maphash.Seed
	groups      map[alike]*answer.Group
	connections []answer.Connection
	fine        int // of connections
	leftOut     int
	ungrouped   int
}

// alike is what attempts of a group have in common.
type alike struct {
	server       netip.AddrPort
	sides        evidence.Side
	reading      judge.Reading
	struck       judge.Struck
	kind         judge.Kind
	confidence   judge.Confidence
	alternatives uint64
	then         judge.What
}

// maxGroups bounds the groups; a listener has a dozen.
const maxGroups = 1 << 12

func newCollector(o Options) *collector {
	return &collector{options: o, seed: maphash.MakeSeed(), groups: map[alike]*answer.Group{}, connections: []answer.Connection{}}
}

// add takes an attempt of which nothing more is to come.
func (c *collector) add(a *handshake.Attempt, v *judge.Verdict, sides evidence.Side, e *explainer) {
	if !c.options.Listener.Match(a.Server()) {
		return
	}
	if len(c.options.Outcomes) > 0 && !slices.Contains(c.options.Outcomes, v.Outcome) {
		return
	}
	server := a.Server()
	if a.Unasked() {
		server = netip.AddrPortFrom(a.Client().Addr(), 0) // what was not asked for is listed under who received it
	}
	key := alike{server, sides, v.Reading, v.Struck, v.Handshake, v.Confidence, c.sum(v.Alternatives), a.Sequel().What}
	g := c.groups[key]
	switch {
	case g == nil && len(c.groups) < maxGroups:
		g = &answer.Group{First: milliseconds(a.Start()), Example: e.connection(a, v, sides)}
		c.groups[key] = g
	case g == nil:
		c.ungrouped++
	}
	if g != nil {
		join(g, a.Start(), v)
	}
	switch {
	case !c.room(v):
		c.leftOut++
	case g != nil && g.Count == 1:
		c.connections = append(c.connections, g.Example)
	default:
		c.connections = append(c.connections, e.connection(a, v, sides))
	}
}

// room reports whether one more can be listed; half of it is for those that are not fine.
func (c *collector) room(v *judge.Verdict) bool {
	limit := c.options.Connections
	if v.Cause == judge.NoCause {
		if c.fine >= limit/2 || len(c.connections) >= limit {
			return false
		}
		c.fine++
		return true
	}
	return len(c.connections) < limit
}

func (c *collector) sum(all []judge.Reading) uint64 {
	if len(all) == 0 {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(c.seed)
	for _, r := range all {
		h.WriteString(string(r.Outcome))
		h.WriteByte(0)
		h.WriteString(string(r.Cause))
		h.WriteByte(0)
		h.WriteString(string(r.EndedBy))
		h.WriteByte(0)
	}
	return h.Sum64()
}

// join counts an attempt in its group.
func join(g *answer.Group, start time.Duration, v *judge.Verdict) {
	g.Count++
	at := milliseconds(start)
	g.First, g.Last = min(g.First, at), max(g.Last, at)
	if v.Late {
		if d := milliseconds(v.Delay); g.Longest == nil || d > *g.Longest {
			g.Longest = &d
		}
	}
}

// connection is an attempt as the answer lists it.
func (e *explainer) connection(a *handshake.Attempt, v *judge.Verdict, sides evidence.Side) answer.Connection {
	c := answer.Connection{
		Client: a.Client().String(), Server: a.Server().String(), CapturedAt: placeOf(sides), Start: milliseconds(a.Start()),
		Reading:        answer.Reading{Reading: v.Reading, Struck: v.Struck, Handshake: v.Handshake, Confidence: v.Confidence, Alternatives: v.Alternatives},
		SynRetransmits: v.SynRetransmits, SynAckRetransmits: v.SynAckRetransmits, DataRetransmits: v.DataRetransmits,
		Evidence: e.evidence(a.Evidence(v)),
	}
	for _, h := range a.Hypotheses() {
		c.Hypotheses = append(c.Hypotheses, answer.Hypothesis{Name: h.Hypothesis.String(), Out: h.Out, Proven: h.Only})
	}
	if then := a.Sequel(); then.What != "" {
		c.Then = &answer.Sequel{What: then.What, After: milliseconds(then.After)}
	}
	if v.Late {
		c.Delay = new(milliseconds(v.Delay))
	}
	return c
}

// finish puts what was kept into the report.
func (c *collector) finish(r *answer.Explanation) {
	r.Connections, r.LeftOut, r.OtherGroups = c.connections, c.leftOut, c.ungrouped
	slices.SortStableFunc(r.Connections, func(a, b answer.Connection) int { return cmp.Compare(a.Start, b.Start) })
	r.Groups = []answer.Group{}
	for _, g := range c.groups {
		r.Groups = append(r.Groups, *g)
	}
	slices.SortFunc(r.Groups, worseGroup)
}

// worstFirst orders outcomes from the worst for clients to the best.
var worstFirst = []judge.Outcome{
	judge.Phantom, judge.Forgotten, judge.HalfOpen, judge.Reset, judge.TimedOut,
	judge.Unanswered, judge.GaveUp, judge.Refused, judge.Queued, judge.Pending,
	judge.Unknown, judge.EstablishedBoth, judge.Accepted,
}

func worseGroup(a, b answer.Group) int {
	rank := func(g *answer.Group) int {
		queue := 1
		if g.Example.Cause == judge.AcceptQueueFull {
			queue = 0
		}
		late := 1
		if g.Longest != nil {
			late = 0
		}
		return (slices.Index(worstFirst, g.Example.Outcome)*2+late)*2 + queue
	}
	return cmp.Or(
		cmp.Compare(rank(&a), rank(&b)),
		cmp.Compare(b.Count, a.Count),
		cmp.Compare(a.First, b.First),
		cmp.Compare(a.Example.Client, b.Example.Client),
	)
}

// Outcomes are all that an attempt can have, the worst for clients first.
func Outcomes() []judge.Outcome { return slices.Clone(worstFirst) }
