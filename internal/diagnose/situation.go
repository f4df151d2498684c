package diagnose

import (
	"net/netip"
	"strconv"
	"time"

	"listenq/internal/queue"
)

// The bounds between one cause and another.
const (
	leastSamples = 5                // samples, to say how a queue moves
	recentWindow = 10 * time.Second // causes are distinguished by how it moved within this time
	stoppedAfter = time.Second      // no accept for so long is a stop, not a pause
	smallLimit   = 128              // the backlog that many programs have as their default, and those below
	majority     = 0.5              // of the samples
)

// netns is a network namespace and what listens in it.
type netns struct {
	id        queue.NetnsID
	trend     *queue.NamespaceTrend // nil: its counters and settings could not be looked at
	host      *queue.Namespace      // that of PID 1; nil if not known
	listeners []*situation          // worst first
	groups    map[netip.AddrPort][]*situation

	unknown int    // listeners whose drops are not known
	dropped uint64 // by all others
	full    int    // that were seen full and may have dropped something
}

// situation is one listener and what is known around it.
type situation struct {
	*queue.Trend
	netns      *netns
	overflowed bool // its accept queue dropped something within the window
	certain    bool // that was seen; else another listener of the namespace may have
	alone      bool // no other listener of the namespace dropped anything
	cause      cause
}

// namespaces looks at a host once, for all rules.
func namespaces(v *queue.View) []*netns {
	namespaces, trends := v.Namespaces, v.Listeners
	byID := map[queue.NetnsID]*netns{}
	var all []*netns
	at := func(id queue.NetnsID) *netns {
		if byID[id] == nil {
			byID[id] = &netns{id: id}
			all = append(all, byID[id])
		}
		return byID[id]
	}
	var host *queue.Namespace
	for i := range namespaces {
		n := &namespaces[i]
		at(n.Namespace.ID).trend = n
		if n.Namespace.Host {
			host = &n.Namespace
		}
	}
	for i := range trends {
		p := at(trends[i].Listener.Netns)
		p.listeners = append(p.listeners, &situation{Trend: &trends[i], netns: p})
	}
	for _, p := range all {
		p.host = host
		p.judge()
	}
	return all
}

func (p *netns) judge() {
	p.groups = map[netip.AddrPort][]*situation{}
	dropping := 0
	for _, s := range p.listeners {
		p.groups[s.Listener.Address] = append(p.groups[s.Listener.Address], s)
		switch {
		case !s.Dropped.Known:
			p.unknown++
		case s.Dropped.N > 0:
			p.dropped += s.Dropped.N
		}
		if s.mayDrop() {
			dropping++
		}
		if s.mayDrop() && s.wasFull() {
			p.full++
		}
	}
	for _, s := range p.listeners {
		s.alone = dropping == 1
		s.overflowed, s.certain = s.findOverflow()
		s.cause = s.findCause()
	}
}

// mayDrop reports whether the listener dropped something, for all that is known.
func (s *situation) mayDrop() bool { return !s.Dropped.Known || s.Dropped.N > 0 }

// moved is how far a counter of the namespace moved within the window.
func (p *netns) moved(name string) queue.Count {
	if p.trend == nil {
		return queue.Count{}
	}
	return p.trend.Moved(name)
}

// rose is how far it rose; 0 where that is not known, so that nothing is said of it.
func (p *netns) rose(name string) uint64 {
	if c := p.moved(name); c.Known {
		return c.N
	}
	return 0
}

// sysctl is a setting of the namespace; false where it was not read.
func (p *netns) sysctl(name string) (string, bool) {
	if p.trend == nil {
		return "", false
	}
	v, ok := p.trend.Namespace.Sysctls[name]
	return v, ok
}

// somaxconn is net.core.somaxconn of the namespace; false where it was not read.
func (p *netns) somaxconn() (int, bool) {
	v, ok := p.sysctl("net.core.somaxconn")
	n, err := strconv.Atoi(v)
	return n, ok && err == nil
}

// serves reports whether anything listens here that others than the host itself reach.
func (p *netns) serves() bool {
	for _, s := range p.listeners {
		if !s.Listener.Address.Addr().Unmap().IsLoopback() {
			return true
		}
	}
	return false
}

// wasFull reports whether a sample saw the accept queue full.
func (s *situation) wasFull() bool {
	return s.Listener.FullAt(s.AcceptMax)
}

// findOverflow finds out whether the accept queue dropped something. sk_drops rises by
// other things, too (a duplicate SYN, TCP_DEFER_ACCEPT), so the counter of the
// namespace has to agree; without it the queue has to have been seen full.
func (s *situation) findOverflow() (overflowed, certain bool) {
	overflows := s.netns.moved("TcpExtListenOverflows")
	switch {
	case overflows.Known && overflows.N == 0, s.Dropped.Known && s.Dropped.N == 0:
		return false, true
	case s.wasFull():
		return overflows.Known || s.Dropped.Known, true
	case !overflows.Known || !s.Dropped.Known:
		return false, false
	}
	certain = s.alone || s.exceedOthers(overflows.N)
	return certain || !s.othersFull(), certain
}

// exceedOthers reports whether there were more overflows than the other listeners can
// account for: each raises sk_drops of its listener by one at least. Its own are known.
func (s *situation) exceedOthers(overflows uint64) bool {
	theirs := s.netns.dropped - s.Dropped.N
	return s.netns.unknown == 0 && overflows > theirs+theirs/queue.CounterSkew+queue.CounterSkew
}

// othersFull reports whether another listener that dropped something was seen full:
// then the overflows may all be its own. This one was not.
func (s *situation) othersFull() bool { return s.netns.full > 0 }
