package handshake

import (
	"net/netip"
	"slices"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// listener is a server address: what was seen of it, and what its attempts add up to.
type listener struct {
	tracker *Tracker
	seen    evidence.Listener
	queue   judge.Queue // its accept queue, as its packets allow it to be reconstructed
	shown   judge.Queue // when only an overflow explained what was seen, while attempts were folded; without a client if it never did

	visits []judge.Visit // of those that are folded
	oldest int           // of visits, if there is no more room

	sum                     sum           // of those that are folded
	firstFolded, lastFolded time.Duration // when the first and the last of them began
}

// maxListeners bounds the addresses that are followed where only packets are given; a
// scan reaches more. The others are one, whose address is the zero one.
const maxListeners = 1 << 16

// listener returns what is known of an address; what was sampled of the wildcard
// address holds for it, too.
func (t *Tracker) listener(address netip.AddrPort) *listener {
	l := t.listeners[address]
	if l == nil && len(t.listeners) >= maxListeners && !t.scene.Sockets {
		address = netip.AddrPort{}
		l = t.listeners[address]
	}
	if l == nil {
		l = &listener{tracker: t}
		l.seen.Begin(t.scene, address)
		for wild, w := range t.wildcards {
			if wild.Addr().IsUnspecified() && wild.Port() == address.Port() {
				l.seen.Share(&w.seen)
			}
		}
		t.listeners[address] = l
	}
	return l
}

// serves reports whether something at this address has answered a SYN or was
// sampled as a listener.
func (t *Tracker) serves(address netip.AddrPort) bool {
	l := t.listeners[address]
	return l != nil && l.seen.Answered
}

// Listener takes a sample of a listener. That of a wildcard address is taken
// for every address with its port.
func (t *Tracker) Listener(s evidence.Queues) {
	t.scene.At(s.T)
	t.sample(s.T)
	s.Address = unmap(s.Address)
	l := t.listener(s.Address)
	t.takeListener(l, s)
	if !s.Address.Addr().IsUnspecified() {
		return
	}
	t.wildcards[s.Address] = l
	for address, l := range t.listeners {
		if address.Port() == s.Address.Port() && address != s.Address {
			t.takeListener(l, s)
		}
	}
}

func (t *Tracker) takeListener(l *listener, s evidence.Queues) {
	l.seen.Sample(s)
	if !s.Open {
		t.bury(l, s.T)
	}
	t.undecided = slices.DeleteFunc(t.undecided, func(a *Attempt) bool { return a.listener == l && a.decide(&s) })
	if s.Open && l.seen.Emptied() {
		t.emptied(l, s.T)
	}
}

// sample begins a look at everything, if it is later than the last one.
func (t *Tracker) sample(now time.Duration) {
	if t.scene.Sample(now) {
		t.undecided = slices.DeleteFunc(t.undecided, func(a *Attempt) bool { return a.decide(nil) })
	}
}

// decide takes what a sample shows about why the server has reset; it reports whether it did.
func (a *Attempt) decide(s *evidence.Queues) bool {
	if !a.seen.Decide(s) {
		return false
	}
	a.settle(a.seen.Server.Reset.First)
	return true
}

// suspect keeps a connection or request that the server has reset until a sample
// shows whether its listener's end was why.
func (t *Tracker) suspect(a *Attempt) {
	if a.seen.Suspect() && len(t.undecided) < maxDelivered {
		t.undecided = append(t.undecided, a)
	}
}

// bury notes which connections had been reset by their clients when the listener
// ended that they waited for.
func (t *Tracker) bury(l *listener, now time.Duration) {
	for _, a := range t.dead {
		if a.listener == l && a.seen.ListenerEnds(now) {
			a.settle(now)
		}
	}
	t.dead = slices.DeleteFunc(t.dead, func(a *Attempt) bool {
		return a.seen.Accepted() || a.seen.Samples.Buried || a.seen.Server.Reset.N > 0
	})
}

// emptied notes that accept() has returned what clients had reset: the queue has
// nothing any more.
func (t *Tracker) emptied(l *listener, now time.Duration) {
	for _, a := range t.dead {
		if a.listener == l && a.seen.EmptyQueue(now) {
			a.settle(now)
		}
	}
	t.dead = slices.DeleteFunc(t.dead, func(a *Attempt) bool { return a.seen.Accepted() || a.seen.Server.Reset.N > 0 })
}

// unmap makes an address of a dual-stack socket that of its packets.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
