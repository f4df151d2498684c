package queue

import (
	"cmp"
	"slices"
	"time"
)

// Tally is what moved from its first sample to its last, without the course between:
// it may go on for long. It keeps the listeners and the namespaces that went
// meanwhile. What came meanwhile began with nothing dropped. It is not safe for
// concurrent use.
type Tally struct {
	samples    int
	first      time.Duration
	last       time.Duration
	listeners  map[identity]*Total
	namespaces map[NetnsID]*NamespaceTrend
	missing    []Missing
}

// Sums is what a Tally has summed up. It does not change.
type Sums struct {
	Window     time.Duration    // from the first sample to the last
	Listeners  []Total          // those that dropped most first, then the fullest
	Namespaces []NamespaceTrend // by their number
	Missing    []Missing        // as of the last sample
}

// Total is what moved of a listener.
type Total struct {
	Listener  Listener // as it was seen last, without Waiting
	Namespace *Namespace
	AcceptMax int   // the most that a sample saw
	Dropped   Count // by sk_drops
	DroppedBy DropCause
	Gone      bool // it is not in the last sample

	drops Count // as of the first sample
	seen  int   // the number of the last sample that had it
}

// NewTally begins with nothing.
func NewTally() *Tally {
	return &Tally{listeners: map[identity]*Total{}, namespaces: map[NetnsID]*NamespaceTrend{}}
}

// Add takes a sample. It copies what it keeps: the caller may use it again.
func (t *Tally) Add(s *Sample) {
	if t.samples == 0 {
		t.first = s.T
	}
	t.samples++
	t.last, t.missing = s.T, s.Missing
	for i := range s.Listeners {
		t.addListener(&s.Listeners[i])
	}
	for i := range s.Namespaces {
		t.addNamespace(&s.Namespaces[i])
	}
}

func (t *Tally) addListener(l *Listener) {
	id := identify(l)
	total := t.listeners[id]
	if total == nil {
		total = &Total{drops: l.Drops}
		if t.samples > 1 && l.Drops.Known {
			total.drops = Known(0)
		}
		t.listeners[id] = total
	}
	total.Listener = *l
	total.Listener.Waiting = nil
	total.AcceptMax = max(total.AcceptMax, l.AcceptLen)
	total.Dropped = moved(total.drops, l.Drops)
	total.seen = t.samples
}

func (t *Tally) addNamespace(n *Namespace) {
	trend := t.namespaces[n.ID]
	if trend == nil {
		trend = &NamespaceTrend{first: n.Counters}
		trend.first.Values = slices.Clone(n.Counters.Values)
		if t.samples > 1 {
			clear(trend.first.Values)
		}
		t.namespaces[n.ID] = trend
	}
	values := append(trend.Namespace.Counters.Values[:0], n.Counters.Values...)
	trend.Namespace = *n
	trend.Namespace.Counters.Values = values
	trend.Window = n.Counters.T - t.first
}

// Sums returns what has moved so far.
func (t *Tally) Sums() Sums {
	sums := Sums{Window: t.last - t.first, Missing: t.missing, Listeners: make([]Total, 0, len(t.listeners)), Namespaces: make([]NamespaceTrend, 0, len(t.namespaces))}
	for _, n := range t.namespaces {
		c := *n
		c.Namespace.Counters.Values = slices.Clone(c.Namespace.Counters.Values)
		sums.Namespaces = append(sums.Namespaces, c)
	}
	slices.SortFunc(sums.Namespaces, func(a, b NamespaceTrend) int { return cmp.Compare(a.Namespace.ID, b.Namespace.ID) })
	spaces := make(map[NetnsID]*Namespace, len(sums.Namespaces))
	for i := range sums.Namespaces {
		spaces[sums.Namespaces[i].Namespace.ID] = &sums.Namespaces[i].Namespace
	}
	drops := dropsOf{}
	for _, total := range t.listeners {
		drops.add(total.Listener.Netns, total.Dropped)
	}
	for _, total := range t.listeners {
		c := *total
		c.Gone, c.Namespace = total.seen != t.samples, spaces[total.Listener.Netns]
		c.DroppedBy = c.dropped(drops[c.Listener.Netns]).cause(t.namespaces[c.Listener.Netns])
		sums.Listeners = append(sums.Listeners, c)
	}
	slices.SortFunc(sums.Listeners, compareTotals)
	return sums
}

func compareTotals(a, b Total) int {
	return cmp.Or(
		cmp.Compare(b.Dropped.N, a.Dropped.N),
		cmp.Compare(b.fill(), a.fill()),
		cmp.Compare(a.Listener.Netns, b.Listener.Netns),
		a.Listener.Address.Compare(b.Listener.Address),
		cmp.Compare(a.Listener.Inode, b.Listener.Inode),
	)
}

// dropped is what DroppedBy is found by: all is what the listeners of its namespace dropped.
func (t *Total) dropped(all Count) dropped {
	return dropped{n: t.Dropped, all: all, full: t.Listener.FullAt(t.AcceptMax)}
}

// fill is how full the accept queue was at most.
func (t *Total) fill() float64 {
	l := t.Listener
	l.AcceptLen = t.AcceptMax
	return l.Fill()
}

// Overflows are the packets that a namespace's listeners dropped because a queue had
// no room.
type Overflows struct {
	AcceptFull Count // SYNs, final ACKs and data: the accept queue was full
	SynFull    Count // SYNs: the SYN queue was full, without SYN cookies
	SynReserve Count // SYNs: likely, the last quarter of tcp_max_syn_backlog is for known peers
}

// Any reports whether there was one; known is false if that cannot be decided.
func (o Overflows) Any() (overflowed, known bool) {
	overflowed = o.AcceptFull.N+o.SynFull.N+o.SynReserve.N > 0
	return overflowed, overflowed || o.AcceptFull.Known && o.SynFull.Known
}

// Overflows derives them from the counters. The reserve has none of its own: it is the
// rest of ListenDrops where there are no SYN cookies (tcp_conn_request,
// net/ipv4/tcp_input.c). With cookies that rest is lack of memory or of a route, and
// before Linux 4.9 every cookie that was sent.
func (n *NamespaceTrend) Overflows() Overflows {
	o := Overflows{AcceptFull: n.Moved("TcpExtListenOverflows"), SynFull: n.Moved("TcpExtTCPReqQFullDrop")}
	all := n.Moved("TcpExtListenDrops")
	if n.Namespace.Sysctls["net.ipv4.tcp_syncookies"] == "0" && all.Known && o.AcceptFull.Known && o.SynFull.Known {
		o.SynReserve = Known(all.N - min(all.N, o.AcceptFull.N+o.SynFull.N))
	}
	return o
}
