package evidence

import (
	"time"
)

// connect notes that the server has a connection, since the segment that came at t.
func (a *Attempt) connect(t time.Duration) {
	if !a.HasConnection() {
		a.Held.Since, a.Held.EnteredBy = t, a.Client.LastIn
	}
	a.Held.Connection = true
	a.Client.Unacked, a.Samples.Vacant, a.Samples.Gone = false, false, false
}

// show notes that the server's connection was seen. Samples and calls may be reported
// of it before the segment that made it: that is stamped when its delivery has returned.
func (a *Attempt) show() {
	if !a.HasConnection() && a.Scene.Sockets && (a.Client.ACKIn.N == 0 || a.Held.Futile == a.Client.LastIn) {
		a.Held.Overtaken = true
	}
	a.connect(a.maker())
}

// accept notes that accept() has returned the connection.
func (a *Attempt) accept(t time.Duration) {
	a.serve()
	a.serves(t)
	if !a.Accepted() {
		a.Held.Owned = true
		a.note(Note{What: AcceptReturned}, t, 0)
	}
}

// TakeSocket takes a sample of one of its ends. One of the server that is older than what
// has come there since says nothing new, except that accept() returned the connection: that
// stays true.
func (a *Attempt) TakeSocket(s Socket) {
	switch {
	case s.Side == ClientSide:
		a.takeClientSocket(s)
	case s.Owned || s.T >= a.Client.LastIn:
		a.takeServerSocket(s)
	}
}

// TakeAccepted takes that accept() returned the connection at that time.
func (a *Attempt) TakeAccepted(at time.Duration) {
	a.show()
	a.accept(at)
}

// EmptyQueue takes that the accept queue was found empty. If the client had reset the
// connection while it waited there, accept() has returned it; that is reported.
func (a *Attempt) EmptyQueue(now time.Duration) bool {
	if !a.Dead() || a.Samples.Buried || a.Samples.PerhapsBuried || now <= a.Client.ResetIn.Last+processing {
		return false
	}
	a.accept(now)
	return true
}

// ListenerEnds takes that a listener of its address has ended, as a sample showed; it
// reports whether the attempt ended with it, since its connection waited there although its
// client had reset it.
func (a *Attempt) ListenerEnds(now time.Duration) bool {
	if !a.Dead() || a.Samples.Buried {
		return false
	}
	if !a.On.Closed() {
		a.Samples.PerhapsBuried = true
		return false
	}
	a.Samples.Buried = true
	a.note(Note{What: QueueGone}, now, 0)
	return true
}

// Suspect reports that the server's RST may have come with the end of its listener, and no
// sample has shown. After that end it did.
func (a *Attempt) Suspect() bool {
	switch l := a.On; {
	case l.Closed():
		a.Samples.AtClose = true
	case l.Ended > 0 && l.Ended >= a.Scene.Complete: // its sample came first, and others share the address
		a.Samples.AtClose, a.Samples.AtShare = true, true
	default:
		return true
	}
	return false
}

// Decide takes what a sample of its listener shows about why the server has reset: with the end
// of a listener which was open in the last complete sample before the reset; else the
// listener outlived the connection. s is nil when a sample is complete. It reports whether it
// is decided.
func (a *Attempt) Decide(s *Queues) bool {
	switch first := a.Server.Reset.First; {
	case a.Accepted():
	case s != nil && !s.Open && first > a.Scene.Complete:
		a.Samples.AtClose = true
		a.Samples.AtShare = a.Samples.AtShare || !a.On.Closed()
	case s != nil && s.Open && s.T >= first && a.On.Single() && a.HasConnection(),
		a.Scene.Complete >= first && a.HasConnection():
		a.Samples.Outlived = true
	case a.Scene.Complete < first:
		return false
	}
	return true
}

func (a *Attempt) takeClientSocket(s Socket) {
	if s.State == None {
		if s.T > a.Client.SYN.Last && !a.Samples.ClientGone {
			a.Samples.ClientGone = true
			a.Samples.Vanished = s.T
		}
		return
	}
	a.Real = true
	switch s.State {
	case SynSent, SynRecv, Close:
	default:
		a.Calls.Connected = true
	}
}

func (a *Attempt) takeServerSocket(s Socket) {
	switch s.State {
	case None:
		a.takeNone(s.T)
	case SynRecv:
		if !a.Held.FastOpened {
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
	a.Held.SawRequest = true
	if a.Client.ACKIn.N == 0 || now <= a.Client.LastIn+processing || a.Held.Connection || a.Accepted() {
		return
	}
	a.Held.Ignored = true
	a.Held.Futile = a.Client.LastIn
	a.revokeTaken()
}

// takeNone notes that the server has no socket for the connection.
func (a *Attempt) takeNone(now time.Duration) {
	switch {
	case a.HasConnection() || a.Server.SYNACK.N == 0:
	case a.Kept():
		// It lasts for one timeout at least after its last SYN-ACK.
		if !a.Samples.Gone && a.Server.Reset.N == 0 && !a.Counters.Embryonic && now > a.Server.SYNACK.Last+FirstTimeout*9/10 {
			a.expire(now)
		}
	case a.Client.ACKIn.N > 0:
		a.Samples.Vacant = true
	}
}

// expire notes that the request has gone by itself. If no final ACK had come
// though the client had sent one, the way was too long for it.
func (a *Attempt) expire(now time.Duration) {
	a.Samples.Gone = true
	if a.On.Closed() {
		a.Samples.Orphaned = true
	}
	a.note(Note{What: Expired}, now, 0)
	if a.Client.ACK.N > 0 && a.Client.ACKIn.N == 0 && a.Sees(ServerSide) {
		a.strike(StageACK, TooLate, SegACK, Moment{T: a.Client.ACK.First})
	}
}

// waited reports, by the server's connection, whether accept() has returned it:
// it has an owner, or is in a state that only an owner's close() leads to.
func (a *Attempt) waited(s Socket) {
	switch s.State {
	case FinWait1, FinWait2, Closing, LastAck, TimeWait:
		a.accept(s.T)
	default:
		a.Samples.Waiting = true
		if s.Owned {
			a.accept(s.T)
		}
	}
}
