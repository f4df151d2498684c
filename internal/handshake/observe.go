package handshake

import (
	"net/netip"
	"time"
)

// Socket takes a sample of one end of a connection whose packets were seen.
// One that is older than what has come to the server since says nothing new,
// except that accept() returned the connection: that stays true.
func (t *Tracker) Socket(s Socket) {
	t.at(s.T)
	t.sample(s.T)
	a := t.of(s.Client, s.Server)
	switch {
	case a == nil:
		return
	case s.Side == ClientSide:
		a.takeClientSocket(s)
	case s.Owned || s.T >= a.lastIn:
		a.takeServerSocket(s)
	}
	a.settle(s.T)
}

func (a *Attempt) takeClientSocket(s Socket) {
	if s.State == None {
		if s.T > a.syn.last && !a.is(clientClosed) {
			a.set(clientClosed)
			a.vanished = s.T
		}
		return
	}
	a.set(real)
	switch s.State {
	case SynSent, SynRecv, Close:
	default:
		a.set(clientUp)
	}
}

func (a *Attempt) takeServerSocket(s Socket) {
	switch s.State {
	case None:
		a.takeNone(s.T)
	case SynRecv:
		if !a.is(fastOpened) {
			a.takeRequest(s.T)
		}
	case Listen, Close, SynSent:
	default:
		a.show()
		a.waited(s)
	}
}

// processing is how long a segment may take from where it was seen to the
// server's TCP, when its softirqs are busy.
const processing = 20 * time.Millisecond

// takeRequest notes a request. One that is still there when the final ACK has
// been processed shows that the ACK was dropped.
func (a *Attempt) takeRequest(now time.Duration) {
	a.set(sawKept)
	if a.ackIn.n == 0 || now <= a.lastIn+processing || a.is(child|owned) {
		return
	}
	a.set(ignored)
	a.futile = a.lastIn
	a.untake()
}

// takeNone notes that the server has no socket for the connection.
func (a *Attempt) takeNone(now time.Duration) {
	switch {
	case a.dead():
		if length, _, ok := a.listener.queue(); ok && length == 0 {
			a.metDead(a.t.complete)
		}
	case a.hasConnection() || a.synack.n == 0:
	case a.kept():
		// It lasts for one timeout at least after its last SYN-ACK.
		if !a.is(gone) && a.reset.n == 0 && !a.is(embryonic) && now > a.synack.last+firstTimeout*9/10 {
			a.expire(now)
		}
	case a.ackIn.n > 0:
		a.set(vacant)
	}
}

// expire notes that the request has gone by itself. If no final ACK had come
// though the client had sent one, the way was too long for it.
func (a *Attempt) expire(now time.Duration) {
	a.set(gone)
	if a.listener.closed() {
		a.set(orphaned)
	}
	a.note(note{what: expired}, now, 0)
	if a.ack.n > 0 && a.ackIn.n == 0 && a.sees(ServerSide) {
		a.strike(stageACK, netLoss, StruckACK, moment{T: a.ack.first})
	}
}

// kept reports whether the server has or had a request: one was seen, or a SYN-ACK was
// sent while the counters told of no cookie.
func (a *Attempt) kept() bool {
	return a.is(sawKept) || a.synack.n > 0 && a.is(noCookie) && !a.is(cookie|fastOpened)
}

// waited tells from the server's connection whether accept() has returned it:
// it has an owner, or is in a state that only an owner's close() leads to.
func (a *Attempt) waited(s Socket) {
	switch s.State {
	case FinWait1, FinWait2, Closing, LastAck, TimeWait:
		a.accept(s.T)
	default:
		a.set(sawWaiting)
		if s.Owned {
			a.accept(s.T)
		}
	}
}

// Accepted takes that accept() returned the connection at that time. No sample can
// tell it of one that was reset while it waited.
func (t *Tracker) Accepted(client, server netip.AddrPort, at time.Duration) {
	t.at(at)
	if a := t.of(client, server); a != nil {
		a.show()
		a.accept(at)
		a.settle(at)
	}
}

// clockError is how far the times of calls and of packets may disagree.
const clockError = time.Millisecond

// Call takes a system call of the client. It counts as of when it returned.
func (t *Tracker) Call(c Call) {
	now := c.T + c.Duration
	t.at(now)
	a := t.of(c.Client, c.Server)
	if a == nil {
		return
	}
	switch c.Name {
	case "connect":
		a.takeConnect(c, now)
	case "close", "shutdown":
		n := note{what: clientCloses}
		switch {
		case c.Reset:
			n.what = clientResets
		case c.Name == "shutdown":
			n.what = clientShuts
		}
		began := c.T // its FIN or RST leaves before it returns
		if a.is(finSent) && c.T-a.finAt < clockError {
			began = min(began, a.finAt)
		}
		a.note(n, began, 0)
	default:
		if c.Errno != "" && c.Errno != "EAGAIN" && c.Errno != "EINTR" {
			a.note(note{what: callFailed, call: c.Name, errno: c.Errno}, now, 0)
		}
	}
	a.settle(now)
}

func (a *Attempt) takeConnect(c Call, now time.Duration) {
	n := note{what: connectFailed, errno: c.Errno, took: c.Duration}
	switch {
	case c.Own:
		a.set(gaveUp)
		n.what = connectEnded
	case c.Errno == "" || c.Errno == "EISCONN":
		a.set(clientUp)
		return
	case c.Errno == "ETIMEDOUT":
		a.set(timedOut)
	case c.Errno == "ECONNREFUSED":
		a.set(connectDenied)
	case c.Errno == "ECONNRESET":
		a.set(connectReset)
	case c.Errno == "EINPROGRESS" || c.Errno == "EALREADY" || c.Errno == "EINTR" || c.Errno == "EAGAIN":
		return
	}
	a.note(n, now, 0)
}
