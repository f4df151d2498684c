package handshake

import (
	"net/netip"
	"time"
)

// crowd is what the packets of all clients of one listener tell together. From
// packets alone much can only be told of one connection by what befell the others:
// a SYN dropped while there were as many requests as when others were answered was not
// dropped for a full SYN queue, and an ACK that came while no other
// client's did found the room that its SYN had found.
//
// With it, readings are left out that leave no trace and that nothing in the
// capture speaks for. They are possible all the same, so what is told
// without them is likely and never certain.
type crowd struct {
	attempts int           // on this address
	lone     int           // of them, those of which nothing but one SYN was seen
	requests int           // at most: SYN-ACKs sent, no final ACK or RST seen
	recent   int           // at least: of those, begun since
	since    time.Duration //
	unserved int           // finished handshakes of which the server has sent nothing yet: as many wait at most
	answered int           // the most requests, at least, that there were when a SYN was answered; -1 if none was

	admitted time.Duration // when a SYN was last answered
	slowest  time.Duration // answer to a SYN
	takesUp  OptionSet     // of what SYNs have offered, whenever it was taken up

	only  netip.Addr // the first client's
	mixed bool       // there are others

	last, lastOther time.Duration // when the last client's segment came to an unfinished handshake, and the last one of another client
	lastPair        pair

	unsure []*Attempt // whose final ACK has come since a SYN was last answered

	quiet    *Attempt // the first that has sent nothing but its final ACK
	fallen   *Attempt // the last that the server has reset without a word
	repulsed int      // connections whose first data was not taken
	dropped  bool     // one has sent it again

	speaks  bool // the server has sent data before its client has: it does not defer
	crude   bool // a SYN was answered though the queue was full, as Linux did before 4.10
	sumless bool // segments with a wrong checksum were taken: they tell nothing
}

// knock notes how the listener stood when a SYN came.
func (a *Attempt) knock() {
	c := &a.listener.crowd
	switch a.tries {
	case 1:
		a.waiting, a.unserved = c.requests, c.unserved
		if c.attempts == 0 {
			a.t.tries(a.client.Addr())
			c.only = a.client.Addr()
		}
		c.mixed = c.mixed || c.only != a.client.Addr()
		c.attempts++
		c.lone++
		a.set(lone)
	case 2:
		a.t.trouble++
		a.accompany()
		c.dropped = true
	}
}

// admit notes that a SYN was answered: there was room.
func (a *Attempt) admit() {
	a.listener.crowd.admitted = a.t.now
	if !a.t.cfg.Sockets && a.listener.denied > 0 {
		a.listener.reopened = true
	}
	c := &a.listener.crowd
	if a.t.now-c.since > firstTimeout {
		c.recent, c.since = 0, a.t.now
	}
	for _, b := range c.unsure {
		if a.t.now-b.ackIn.first < drained {
			b.set(followed)
		}
	}
	clear(c.unsure)
	c.unsure = c.unsure[:0]
	c.answered = max(c.answered, c.recent)
	if a.synack.n == 0 && a.tries == 1 {
		c.slowest = max(c.slowest, a.t.now-a.asked)
	}
	if !a.is(requested) {
		a.set(requested)
		c.requests++
		c.recent++
	}
}

// accompany notes that there is more of the client than one SYN.
func (a *Attempt) accompany() {
	if a.is(lone) {
		a.clear(lone)
		a.listener.crowd.lone--
	}
}

// spoofed reports that the client is one of so many that have sent a single SYN, and have
// not sent it again when it was due, that its address is taken for a forged one.
func (a *Attempt) spoofed() bool {
	c := &a.listener.crowd
	return a.is(lone) && c.mixed && c.lone >= floodFrom && c.lone*2 > c.attempts && a.t.now-a.syn.last >= firstTimeout
}

// arrive notes a segment of the client that may make a connection.
func (a *Attempt) arrive(now time.Duration) {
	a.accompany()
	if a.hasConnection() {
		return
	}
	c := &a.listener.crowd
	if c.lastPair != a.pair {
		c.lastOther, c.lastPair = c.last, a.pair
	}
	c.last = now
	if !a.is(finished) {
		a.waitedACK = c.unserved
	}
	if a.finish() && a.is(sawSYN) && a.synack.n > 0 {
		if c.lastOther < a.asked {
			a.set(alone)
		}
		if len(c.unsure) < maxDelivered {
			c.unsure = append(c.unsure, a)
		}
	}
	a.leave()
}

// finish notes that the handshake is finished as far as its client can do that; it
// reports whether that is new.
func (a *Attempt) finish() bool {
	if a.is(finished) {
		return false
	}
	a.set(finished)
	c := &a.listener.crowd
	c.unserved++
	if p, known := a.t.probes[a.client.Addr()]; known {
		p.finished++
		a.t.probes[a.client.Addr()] = p
	}
	if c.quiet == nil || c.quiet.data.n > 0 {
		c.quiet = a
	}
	return true
}

// leave notes that an attempt is no request any more, as far as its client can do that.
func (a *Attempt) leave() {
	if !a.is(requested) {
		return
	}
	a.clear(requested)
	c := &a.listener.crowd
	c.requests--
	if a.synack.first >= c.since && c.recent > 0 {
		c.recent--
	}
}

// refuse notes that the server has asked again for an ACK that had come.
func (a *Attempt) refuse() {
	a.t.trouble++
	c := &a.listener.crowd
	if !a.is(requested) {
		a.set(requested)
		c.requests++
	}
	if a.is(alone) {
		c.crude = true
	}
}

// repulse notes that data came again that had come before and was not acknowledged.
func (a *Attempt) repulse() {
	a.t.trouble++
	c := &a.listener.crowd
	if !a.is(untaken) {
		a.set(untaken)
		c.repulsed++
	}
}

// serve notes that accept() has returned a connection, or nobody will.
func (a *Attempt) serve() {
	if a.is(finished) && !a.is(served) {
		a.set(served)
		a.listener.crowd.unserved--
	}
}

// informed reports that there are others to judge by: packets alone, seen at the server.
func (a *Attempt) informed() bool {
	return !a.t.cfg.Sockets && a.sees(ServerSide) && (a.listener.crowd.attempts > 1 || a.is(owned)) && !a.t.strict
}

// lost notes that the network has lost a packet of this client's or to it.
func (a *Attempt) lost() {
	if len(a.t.losing) < maxLosing {
		a.t.losing[a.client.Addr()] = struct{}{}
	}
}

// maxLosing bounds the clients that are known to be on a bad way; with so many, all are.
const maxLosing = 1 << 16

// lossless reports that nothing in the capture shows that packets of this client are
// lost before they come to it.
func (a *Attempt) lossless() bool {
	_, losing := a.t.losing[a.client.Addr()]
	return a.informed() && !losing && len(a.t.losing) < maxLosing
}

// dropsSYN is what a server can have dropped the first SYN for, by what it did with
// those of others.
func (a *Attempt) dropsSYN() causes {
	set := anySYN &^ a.ruledOut[stageSYN]
	if !a.informed() || a.listener.crowd.answered < 0 {
		return set
	}
	left := a.left() & anySYN
	if left == 0 || left == hostDrop {
		return set // the others mislead: settings change, and so does what is let in
	}
	return set & left
}

// reserves reports that n requests can be what is let in before the last quarter of
// net.ipv4.tcp_max_syn_backlog: tcp_conn_request (net/ipv4/tcp_input.c) drops when the
// limit less n is below limit>>2. The default limit is a power of two (tcp_init,
// net/ipv4/tcp.c), and one that somebody sets is round, or small.
func reserves(n int) bool {
	kept := n - 1
	for limit := 4 * kept / 3; limit > 4*(kept-1)/3; limit-- {
		if limit < 128 || limit%64 == 0 || limit%100 == 0 || limit&(limit+1) == 0 {
			return true
		}
	}
	return false
}

// roomy reports that nothing speaks for a full queue when the final ACK came.
func (a *Attempt) roomy() bool {
	c := &a.listener.crowd
	if !a.informed() || a.ackIn.n == 0 || a.is(ignored|unacked|untaken) || a.sees(ClientSide) && a.resent.n > 0 && a.ack.first < a.resent.first {
		return false
	}
	return a.is(alone) && !c.crude || a.is(followed) && !c.dropped
}

// undeferred reports that the server is not held back by TCP_DEFER_ACCEPT: it has sent
// first, or there is no request that could wait (cookie_v4_check, net/ipv4/syncookies.c).
func (a *Attempt) undeferred() bool {
	return a.informed() && (a.listener.crowd.speaks || a.is(cookie))
}

// dropsACK narrows what a server can have dropped a final ACK for.
func (a *Attempt) dropsACK(set causes) causes {
	if !a.informed() {
		return set
	}
	if a.undeferred() || a.is(untaken) {
		set &^= deferred
	}
	if left := a.left() & (anyACK | refusedCause | sumCause); left != 0 {
		return set&left | left&(refusedCause|sumCause)
	}
	return set
}

// fall notes that the server has reset what it had not spoken to. When several fall at
// one moment their listener was closed (inet_csk_listen_stop, net/ipv4/inet_connection_sock.c).
func (a *Attempt) fall() {
	c := &a.listener.crowd
	if b := c.fallen; b != nil && b != a && a.t.now-b.reset.first < atOnce {
		a.set(together)
		b.set(together)
	}
	c.fallen = a
}

// drained is how soon a queue that was full may have room again.
const drained = time.Millisecond

// atOnce is how far apart in time segments of one action of the server can be.
const atOnce = 10 * time.Millisecond

// heldBackLong is how late the data must be for TCP_DEFER_ACCEPT to be worth a word
// where nothing shows whether it is set.
const heldBackLong = 100 * time.Millisecond
