package kernel

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// queues is what is known of the queues of a namespace's listeners beyond their
// own rows: what walks over the hash table of connections found.
type queues struct {
	groups   map[endpoint]*group
	queued   int  // connections in all accept queues
	dropping bool // TcpExtListenDrops rose since the sample before
	drops    queue.Count
	walked   bool
	walkedAt time.Duration
}

// endpoint is where a listener of a family listens. All that belongs to a listener has
// its family.
type endpoint struct {
	family  int
	address netip.AddrPort
}

// group is the listeners of one place, which the kernel chooses from for each
// connection (SO_REUSEPORT), so that it is not known whose a connection is.
type group struct {
	sample    uint64 // the last that showed it
	listeners int
	queued    int
	who       uint64 // the sum of their cookies, or inodes
	before    uint64 // who as of the sample before

	requests   queue.Count
	requestsAt time.Duration
	waiting    *queue.Waiting // of the last walk, and never changed after it; nil if not known
	waitingAt  time.Duration
}

// gather takes the listeners of a sample and their families, and appends the group
// of each.
func (q *queues) gather(groups []*group, listeners []queue.Listener, families []int, sample uint64) []*group {
	if q.groups == nil {
		q.groups = make(map[endpoint]*group, len(listeners))
	}
	q.queued = 0
	groups = slices.Grow(groups, len(listeners))
	for i := range listeners {
		groups = append(groups, q.add(&listeners[i], families[i], sample))
	}
	q.settle(sample)
	return groups
}

// add counts a listener in.
func (q *queues) add(l *queue.Listener, family int, sample uint64) *group {
	at := endpoint{family, l.Address}
	g := q.groups[at]
	if g == nil {
		g = &group{}
		q.groups[at] = g
	}
	if g.sample != sample {
		g.sample, g.before = sample, g.who
		g.listeners, g.queued, g.who = 0, 0, 0
	}
	g.listeners++
	g.queued += l.AcceptLen
	g.who += cmp.Or(l.Cookie, uint64(l.Inode))
	q.queued += l.AcceptLen
	return g
}

// settle forgets what a new socket at an old address has nothing to do with, and who
// waited before the queue was seen empty.
func (q *queues) settle(sample uint64) {
	for at, g := range q.groups {
		switch {
		case g.sample != sample:
			delete(q.groups, at)
		case g.who != g.before:
			g.requests, g.waiting = queue.Count{}, nil
		case g.queued == 0:
			g.waiting = nil
		}
	}
}

// notice takes the counters of the sample.
func (q *queues) notice(c queue.Counters) {
	n, known := c.Get("TcpExtListenDrops")
	q.dropping = known && q.drops.Known && n > q.drops.N
	q.drops = queue.Count{N: n, Known: known}
}

// walk goes over the connections of the namespace: requests, and, if somebody
// waits and that is wanted, those who wait.
func (n *netns) walk(now time.Duration, o HostOptions) error {
	waiting := o.Waiting && n.queued > 0
	// With Info: a request has none, a Fast Open connection in the same state has.
	req := Request{Family: unix.AF_UNSPEC, States: States(evidence.SynRecv), Info: true}
	if waiting {
		req.States |= States(evidence.Established, evidence.CloseWait)
	}
	n.walked, n.walkedAt = true, now
	n.clear(now, waiting)
	err := n.sockets.Dump(req, func(s *Socket) error {
		n.take(s, waiting)
		return nil
	})
	if err != nil {
		n.forget()
		return err
	}
	for _, g := range n.groups {
		if waiting && g.waiting != nil {
			slices.SortFunc(g.waiting.Waits, func(a, b time.Duration) int { return cmp.Compare(b, a) })
		}
	}
	return nil
}

func (q *queues) clear(now time.Duration, waiting bool) {
	for _, g := range q.groups {
		g.requests, g.requestsAt = queue.Known(0), now
		if waiting && g.queued > 0 {
			g.waiting, g.waitingAt = &queue.Waiting{}, now
		}
	}
}

func (q *queues) forget() {
	for _, g := range q.groups {
		g.requests, g.waiting = queue.Count{}, nil
	}
}

// take counts one socket of a walk. A child in the accept queue has no struct
// socket yet and so no inode; those of other states than asked for are orphans.
func (q *queues) take(s *Socket, waiting bool) {
	if s.Inode != 0 {
		return
	}
	g := q.of(s)
	switch {
	case g == nil:
	case s.State == evidence.SynRecv && len(s.Info) == 0:
		g.requests.N++
	case waiting && g.waiting != nil:
		g.wait(s)
	}
}

func (g *group) wait(s *Socket) {
	g.waiting.Len++
	if s.State == evidence.CloseWait {
		g.waiting.Closed++
	}
	if wait, ok := s.Info.LastDataSent(); ok {
		g.waiting.Waits = append(g.waiting.Waits, wait)
	}
}

// of is whose a connection is: of those who listen at its very address, or else at
// any (__inet_lookup_listener, net/ipv4/inet_hashtables.c, and inet6_lookup_listener).
func (q *queues) of(s *Socket) *group {
	port, six := s.Local.Port(), s.Family == unix.AF_INET6
	g := q.groups[endpoint{s.Family, s.Local}]
	if g == nil && s.Local.Addr().Is4() {
		g = q.groups[endpoint{s.Family, netip.AddrPortFrom(netip.IPv4Unspecified(), port)}]
	}
	if g == nil && six {
		g = q.groups[endpoint{s.Family, netip.AddrPortFrom(netip.IPv6Unspecified(), port)}]
	}
	return g
}

// fill fills in what is known about a listener's queues.
func (g *group) fill(l *queue.Listener, now time.Duration) {
	if g.listeners > 1 {
		l.Shared = g.listeners
	}
	if g.requests.Known {
		l.SynLen, l.SynAge = g.requests, max(0, now-g.requestsAt)
	}
	if g.waiting != nil && l.AcceptLen > 0 {
		w := *g.waiting
		w.Age = max(0, now-g.waitingAt)
		l.Waiting = &w
	}
}
