package queue

import (
	"cmp"
	"slices"
	"time"
)

// Trend is a listener as of the last sample, and its course.
type Trend struct {
	Listener  Listener
	Namespace *Namespace // of the last sample; nil if its namespace could not be looked at
	State     State
	Window    time.Duration // from the first to the last Point
	Points    []Point       // the History's own
	AcceptMax int           // the most that a sample saw
	Dropped   Count         // within the window; unknown with one sample
	DroppedBy DropCause
	DropRate  Rate
	Arrivals  Rate // into the accept queue; unknown unless it was never empty
	Accepts   Rate
	Dead      Count   // of those in the queue, the ones that their client has reset: seen in two samples
	FullShare float64 // of the samples
	Recreated bool    // another socket was at this address before
	Paths     Paths
}

// Trends are the listeners of the last sample, worst first: by state, how full
// they are, and address.
func (h *History) Trends() []Trend { return h.trends(h.keep) }

// trends are those of the last part of the course, which is so long.
func (h *History) trends(window time.Duration) []Trend {
	since := h.last.T - window
	all := make([]Trend, len(h.last.Listeners))
	order := make([]int, len(all))
	namespaces := make(map[NetnsID]*Namespace, len(h.last.Namespaces))
	for i := range h.last.Namespaces {
		n := &h.last.Namespaces[i]
		namespaces[n.ID] = cmp.Or(namespaces[n.ID], n)
	}
	for i := range all {
		l := &h.last.Listeners[i]
		all[i].Namespace = namespaces[l.Netns]
		all[i].fill(l, h.courses[i], since)
		order[i] = i
	}
	if h.samples > 1 { // else nobody knows of drops
		spaces := h.namespaceTrends(window)
		nameDrops(all, spaces)
		splitDrops(all, spaces)
	}
	for i := range all {
		all[i].State = all[i].Listener.state(all[i].dropping())
	}
	slices.SortFunc(order, func(a, b int) int { return Worse(&all[a], &all[b]) })
	arrange(all, order)
	return all
}

// Worst are the listeners of the last sample in the order of Trends. They are the History's
// own: the caller may give one other Processes, in a slice that nobody else has.
func (h *History) Worst() []*Listener {
	own := make(map[identity]*Listener, len(h.last.Listeners))
	for i := range h.last.Listeners {
		own[identify(&h.last.Listeners[i])] = &h.last.Listeners[i]
	}
	trends := h.Trends()
	all := make([]*Listener, 0, len(trends))
	for i := range trends {
		all = append(all, own[identify(&trends[i].Listener)])
	}
	return all
}

// arrange puts all[order[i]] at i. A Trend is large: each moves once. It uses order up.
func arrange(all []Trend, order []int) {
	for start := range order {
		if order[start] == start {
			continue
		}
		displaced, i := all[start], start
		for order[i] != start {
			next := order[i]
			all[i], order[i] = all[next], i
			i = next
		}
		all[i], order[i] = displaced, i
	}
}

// Worse compares trends for a list that begins with the worst. No two sockets are equal.
func Worse(a, b *Trend) int {
	if a.State != b.State {
		return cmp.Compare(slices.Index(States, a.State), slices.Index(States, b.State))
	}
	if fill := cmp.Compare(b.Listener.Fill(), a.Listener.Fill()); fill != 0 {
		return fill
	}
	if netns := cmp.Compare(a.Listener.Netns, b.Listener.Netns); netns != 0 {
		return netns
	}
	if address := a.Listener.Address.Compare(b.Listener.Address); address != 0 {
		return address
	}
	return cmp.Compare(a.Listener.Inode, b.Listener.Inode)
}

// fill fills in a Trend from the course of its listener.
func (t *Trend) fill(l *Listener, track *track, since time.Duration) {
	points := track.points[expired(track.points, since, pointTime):]
	t.Listener, t.Points = *l, points
	t.Window, t.Recreated = points[len(points)-1].T-points[0].T, track.recreated
	full := 0
	for _, p := range points {
		t.AcceptMax = max(t.AcceptMax, p.AcceptLen)
		if p.Full {
			full++
		}
	}
	t.FullShare = float64(full) / float64(len(points))
	t.Dropped = total(points, func(p Point) Count { return p.Dropped })
	if t.Dropped.Known {
		t.DropRate = per(t.Dropped.N, t.Window)
	}
	if n := total(points, func(p Point) Count { return p.Arrived }); n.Known {
		t.Arrivals = per(n.N, t.Window)
	}
	if n := total(points, func(p Point) Count { return p.Accepted }); n.Known {
		t.Accepts = per(n.N, t.Window)
	}
	t.Dead = track.dead()
}

// dropping reports whether packets were dropped within the window, and clients feel it.
func (t *Trend) dropping() bool {
	return t.Dropped.Known && t.Dropped.N > 0 && !t.DroppedBy.Harmless()
}

// LimitBy says what made the limit of the accept queue.
type LimitBy string

// What can have made it. A limit that is as high as somaxconn was made by it, or the program
// has asked for just that.
const (
	LimitUnknown     LimitBy = ""
	LimitByBacklog   LimitBy = "backlog"
	LimitBySomaxconn LimitBy = "somaxconn?"
)

// LimitBy is what made the limit of its accept queue.
func (t *Trend) LimitBy() LimitBy {
	somaxconn, known := t.Namespace.Somaxconn()
	switch {
	case !known || t.Listener.AcceptLimit == NoLimit:
		return LimitUnknown
	case t.Listener.AcceptLimit == somaxconn:
		return LimitBySomaxconn
	}
	return LimitByBacklog
}

// total is the sum over all points but the first, which has nothing before it.
func total(points []Point, of func(Point) Count) Count {
	if len(points) < 2 {
		return Count{}
	}
	var sum uint64
	for _, p := range points[1:] {
		n := of(p)
		if !n.Known {
			return Count{}
		}
		sum += n.N
	}
	return Known(sum)
}

// NamespaceTrend is a namespace as of the last sample, and how far its counters moved.
type NamespaceTrend struct {
	Namespace Namespace
	Window    time.Duration
	first     Counters
}

// Moved is how far a counter moved within the window; unknown with one sample.
func (n *NamespaceTrend) Moved(name string) Count {
	if n.Window <= 0 {
		return Count{}
	}
	return n.Namespace.Counters.Since(n.first, name)
}

// PerSecond is the same as a rate.
func (n *NamespaceTrend) PerSecond(name string) Rate {
	c := n.Moved(name)
	if !c.Known {
		return Rate{}
	}
	return per(c.N, n.Window)
}

// Namespaces are those of the last sample, in its order.
func (h *History) Namespaces() []NamespaceTrend { return h.namespaceTrends(h.keep) }

// namespaceTrends are those of the last part of the course, which is so long.
func (h *History) namespaceTrends(window time.Duration) []NamespaceTrend {
	all := make([]NamespaceTrend, 0, len(h.last.Namespaces))
	for _, n := range h.last.Namespaces {
		kept := h.namespaces[n.ID].all
		first := kept[expired(kept, h.last.T-window, countersTime)]
		all = append(all, NamespaceTrend{Namespace: n, Window: n.Counters.T - first.T, first: first})
	}
	return all
}
