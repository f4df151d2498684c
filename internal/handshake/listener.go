package handshake

import (
	"net/netip"
	"slices"
	"time"

	"listenq/internal/judge"
)

// listener is what is known of one server address.
type listener struct {
	address      netip.AddrPort // as it is listed
	heard, asked bool           // packets of the server, and of a client, were seen
	deaf         bool           // a client went on though nothing of the server was seen
	answered     bool           // it has sent a SYN-ACK, or a sample has shown it
	sampled      bool           // a sample has told whether it is open
	denied       time.Duration  // when a SYN was last answered with RST
	reopened     bool           // packets alone: and another one after that with SYN-ACK
	overflow     bool           // its accept queue was full at some time
	members      []Listener     // the latest sample of each open socket
	ended        time.Duration  // when a sample last told that one was closed
	crowd        crowd
	weighed      judge.Queue   // its accept queue, as its packets allow it to be reconstructed
	visits       []judge.Visit // of those that are folded
	oldest       int           // of visits, if there is no more room
	shown        judge.Queue   // when only an overflow explained what was seen; without a client if it never did
	tally        tally         // of those that are folded

	firstFolded, lastFolded time.Duration // when the first and the last of them began
}

// maxListeners bounds the addresses that are told apart where only packets are given; a
// scan reaches more. The others are one, whose address is the zero one.
const maxListeners = 1 << 16

// listener returns what is known of an address; what was sampled of the wildcard
// address holds for it, too.
func (t *Tracker) listener(address netip.AddrPort) *listener {
	l := t.listeners[address]
	if l == nil && len(t.listeners) >= maxListeners && !t.cfg.Sockets {
		address = netip.AddrPort{}
		l = t.listeners[address]
	}
	if l == nil {
		l = &listener{address: address, crowd: crowd{answered: -1}}
		for wild, w := range t.wildcards {
			if wild.Addr().IsUnspecified() && wild.Port() == address.Port() {
				l.members = slices.Clone(w.members)
				l.answered, l.sampled, l.overflow = w.answered, w.sampled, w.overflow
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
	return l != nil && l.answered
}

// Listener takes a sample of a listener. That of a wildcard address is taken
// for every address with its port.
func (t *Tracker) Listener(s Listener) {
	t.at(s.T)
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

func (t *Tracker) takeListener(l *listener, s Listener) {
	l.take(s)
	if !s.Open {
		t.bury(l, s.T)
	}
	t.undecided = slices.DeleteFunc(t.undecided, func(a *Attempt) bool { return a.listener == l && a.decide(&s) })
	if length, _, ok := l.queue(); ok && length == 0 && s.Open {
		t.emptied(l, s.T)
	}
}

// sample begins a look at everything, if it is later than the last one. What that
// one has not said to be closed was open then.
func (t *Tracker) sample(now time.Duration) {
	if now <= t.sampled {
		return
	}
	t.complete, t.sampled = t.sampled, now
	t.undecided = slices.DeleteFunc(t.undecided, func(a *Attempt) bool { return a.decide(nil) })
}

// suspect keeps a connection or request that the server has reset until a sample
// tells whether its listener's end was why. After that end it was.
func (l *listener) suspect(a *Attempt) {
	switch {
	case l.closed():
		a.set(atClose)
	case l.ended > 0 && l.ended >= a.t.complete: // its sample came first, and others share the address
		a.set(atClose | afterShare)
	case len(a.t.undecided) < maxDelivered:
		a.t.undecided = append(a.t.undecided, a)
	}
}

// bury notes which connections had been reset by their clients when the listener
// ended that they waited for.
func (t *Tracker) bury(l *listener, now time.Duration) {
	for _, a := range t.dead {
		if a.listener != l || !a.dead() || a.is(buried) {
			continue
		}
		if !l.closed() {
			a.set(perhapsBuried)
			continue
		}
		a.set(buried)
		a.note(note{what: queueGone}, now, 0)
		a.settle(now)
	}
	t.dead = slices.DeleteFunc(t.dead, func(a *Attempt) bool { return a.is(owned|buried) || a.reset.n > 0 })
}

// emptied notes that accept() has returned what clients had reset: the queue has
// nothing any more.
func (t *Tracker) emptied(l *listener, now time.Duration) {
	for _, a := range t.dead {
		if a.listener == l {
			a.metDead(now)
		}
	}
	t.dead = slices.DeleteFunc(t.dead, func(a *Attempt) bool { return a.is(owned) || a.reset.n > 0 })
}

// metDead notes that accept() has returned a connection that its client had reset.
func (a *Attempt) metDead(now time.Duration) {
	if a.dead() && !a.is(buried|perhapsBuried) && now > a.rstIn.last+processing {
		a.accept(now)
		a.settle(now)
	}
}

func (l *listener) take(s Listener) {
	l.sampled = true
	l.answered = l.answered || s.Open
	i := slices.IndexFunc(l.members, func(m Listener) bool { return m.Inode == s.Inode })
	switch {
	case s.Open && i < 0:
		l.members = append(l.members, s)
	case s.Open:
		l.members[i] = s
	case s.Inode == 0:
		l.members, l.ended = l.members[:0], s.T
	case i >= 0:
		l.members, l.ended = slices.Delete(l.members, i, i+1), s.T
	}
	l.overflow = l.overflow || l.full()
}

// decide settles why the server has reset, when a sample tells: by the end of its
// listener, which was open in the last complete sample before the reset, else a
// connection by the program that accepted it. s is nil when a sample is complete. It
// reports whether it did.
func (a *Attempt) decide(s *Listener) bool {
	switch {
	case a.is(owned):
	case s != nil && !s.Open && a.reset.first > a.t.complete:
		a.set(atClose)
		if !a.listener.closed() {
			a.set(afterShare)
		}
	case s != nil && s.Open && s.T >= a.reset.first && len(a.listener.members) == 1 && a.hasConnection(),
		a.t.complete >= a.reset.first && a.hasConnection():
		a.set(owned)
	case a.t.complete < a.reset.first:
		return false
	}
	a.settle(a.reset.first)
	return true
}

// closed reports that the listener was looked for and is not there.
func (l *listener) closed() bool { return l.sampled && len(l.members) == 0 }

// full reports that a member's accept queue is (sk_acceptq_is_full,
// include/net/sock.h: length > limit, in all versions).
func (l *listener) full() bool {
	return slices.ContainsFunc(l.members, func(m Listener) bool { return m.AcceptLen > m.AcceptLimit })
}

// queue returns length and limit of the accept queue; ok is false if it is not
// known which member's queue counts.
func (l *listener) queue() (length, limit int, ok bool) {
	if len(l.members) != 1 {
		return 0, 0, false
	}
	return l.members[0].AcceptLen, l.members[0].AcceptLimit, true
}

// measure adds what the last sample has shown of the queue that a drop or cookie is
// about, if it was full then; else the sample is older.
func (l *listener) measure(n *note, r *reserve) {
	if len(l.members) != 1 {
		return
	}
	m := &l.members[0]
	switch n.causes {
	case acceptFull:
		n.length, n.limit, n.measured = m.AcceptLen, m.AcceptLimit, m.AcceptLen > m.AcceptLimit
	case synFull:
		n.length, n.limit, n.measured = m.SynLen, m.AcceptLimit, m.SynLen > m.AcceptLimit
	case synReserve:
		n.length, n.limit, n.measured = m.SynLen, r.backlog, r.backlogKnown && r.backlog-m.SynLen < r.backlog>>2
	}
}

// reserve is what decides whether the last quarter of the SYN queue is kept for
// proven peers (tcp_conn_request, net/ipv4/tcp_input.c, since 2.6).
type reserve struct {
	cookies, backlog           int // net.ipv4.tcp_syncookies, tcp_max_syn_backlog
	cookiesKnown, backlogKnown bool
}

// Sysctl takes a setting of the server's namespace: net.ipv4.tcp_syncookies and
// net.ipv4.tcp_max_syn_backlog tell what a ListenDrops that comes alone means,
// net.ipv4.tcp_syn_retries, where both sides have the same, when connect() cannot have timed out.
// Others are ignored.
func (t *Tracker) Sysctl(name string, value int) {
	switch name {
	case "net.ipv4.tcp_syncookies":
		t.reserve.cookies, t.reserve.cookiesKnown = value, true
	case "net.ipv4.tcp_max_syn_backlog":
		t.reserve.backlog, t.reserve.backlogKnown = value, true
	case "net.ipv4.tcp_syn_retries":
		t.synRetries = value
	}
}

// unexplained is what a SYN was struck by when ListenDrops rose alone: it was
// the reserve, or memory, route or a security module failed.
func (t *Tracker) unexplained(l *listener) causes {
	r := &t.reserve
	if r.cookiesKnown && r.cookies != 0 {
		return hostDrop
	}
	if !r.cookiesKnown || !r.backlogKnown || len(l.members) != 1 || l.members[0].SynLen < 0 {
		return synReserve | hostDrop
	}
	if r.backlog-l.members[0].SynLen < r.backlog>>2 {
		return synReserve
	}
	return synReserve | hostDrop // the sample may be older than the drop
}

// Folded counts attempts on one server of which nothing more is kept: clients
// that sent a SYN and were never heard of again, as in a flood; and where only packets
// are given, all that are over.
type Folded struct {
	Server      netip.AddrPort
	Attempts    int
	Outcomes    map[Outcome]int // as of when they were folded
	Causes      map[Cause]int
	First, Last time.Duration // when the first and the last of them began
}

func (l *listener) fold(a *Attempt, r Reading) {
	if l.tally.attempts == 0 {
		l.firstFolded = a.started
	}
	l.lastFolded = a.started
	l.tally.add(a, r)
}

// Folded returns what Config.MaxAttempts has folded, by server.
func (t *Tracker) Folded() []Folded {
	var all []Folded
	for address, l := range t.listeners {
		if y := &l.tally; y.attempts > 0 {
			all = append(all, Folded{address, y.attempts, y.outcomes, y.causes, l.firstFolded, l.lastFolded})
		}
	}
	slices.SortFunc(all, func(a, b Folded) int { return a.Server.Compare(b.Server) })
	return all
}
