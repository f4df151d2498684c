package evidence

import (
	"net/netip"
	"time"
)

// Crowd is what the packets of all clients of one listener show together. From
// packets alone much about one connection follows only from what befell the others:
// a SYN dropped while there were as many requests as when others were answered was not
// dropped for a full SYN queue, and an ACK that came while no other
// client's did found the room that its SYN had found.
type Crowd struct {
	Attempts int // on this address
	Lone     int // of them, those of which nothing but one SYN was seen
	Requests int // at most: SYN-ACKs sent, no final ACK or RST seen
	Unserved int // finished handshakes of which the server has sent nothing yet: as many wait at most
	Answered int // the most requests, at least, that there were when a SYN was answered; -1 if none was

	Admitted time.Duration // when a SYN was last answered
	Slowest  time.Duration // answer to a SYN

	Only       netip.Addr // the first client's
	Mixed      bool       // there are others
	Again      bool       // a client has sent its SYN again
	Speaks     bool       // the server has sent data before its client has: it does not defer
	AskedAlone bool       // it has asked again for the final ACK of one that was Alone
	Sumless    bool       // segments with a wrong checksum were taken: they mean nothing

	recent int           // requests, at least: of those, begun since
	since  time.Duration //

	takesUp OptionSet // of what SYNs have offered, whenever it was taken up

	last, lastOther time.Duration // when the last client's segment came to an unfinished handshake, and the last one of another client
	lastEnds        Ends

	unsure []*Attempt // whose final ACK has come since a SYN was last answered
	fallen *Attempt   // the last that the server has reset without a word
}

// countSYN notes how the listener stood when a SYN came.
func (a *Attempt) countSYN() {
	c := &a.On.Crowd
	switch a.Client.Tries {
	case 1:
		a.Among.Waiting, a.Among.Unserved = int32(c.Requests), int32(c.Unserved)
		if c.Attempts == 0 {
			a.Scene.tries(a.Ends.Client.Addr())
			c.Only = a.Ends.Client.Addr()
		}
		c.Mixed = c.Mixed || c.Only != a.Ends.Client.Addr()
		c.Attempts++
		c.Lone++
		a.Among.Lone = true
	case 2:
		a.Scene.Trouble++
		a.accompany()
		c.Again = true
	}
}

// admit notes that a SYN was answered: there was room.
func (a *Attempt) admit() {
	a.On.Crowd.Admitted = a.Scene.Now
	if !a.Scene.Sockets && a.On.Denied > 0 {
		a.On.Reopened = true
	}
	c := &a.On.Crowd
	if a.Scene.Now-c.since > FirstTimeout {
		c.recent, c.since = 0, a.Scene.Now
	}
	for _, b := range c.unsure {
		if a.Scene.Now-b.Client.ACKIn.First < Drained {
			b.Among.Followed = true
		}
	}
	clear(c.unsure)
	c.unsure = c.unsure[:0]
	c.Answered = max(c.Answered, c.recent)
	if a.Server.SYNACK.N == 0 && a.Client.Tries == 1 {
		c.Slowest = max(c.Slowest, a.Scene.Now-a.Client.Asked)
	}
	if !a.Among.Requested {
		a.Among.Requested = true
		c.Requests++
		c.recent++
	}
}

// accompany notes that there is more of the client than one SYN.
func (a *Attempt) accompany() {
	if a.Among.Lone {
		a.Among.Lone = false
		a.On.Crowd.Lone--
	}
}

// arrive notes a segment of the client that may make a connection.
func (a *Attempt) arrive(now time.Duration) {
	a.accompany()
	if a.HasConnection() {
		return
	}
	c := &a.On.Crowd
	if c.lastEnds != a.Ends {
		c.lastOther, c.lastEnds = c.last, a.Ends
	}
	c.last = now
	if !a.Among.Finished {
		a.Among.WaitedACK = int32(c.Unserved)
	}
	if a.finish() && a.Client.SawSYN && a.Server.SYNACK.N > 0 {
		if c.lastOther < a.Client.Asked {
			a.Among.Alone = true
		}
		if len(c.unsure) < maxUnsure {
			c.unsure = append(c.unsure, a)
		}
	}
	a.leave()
}

// finish notes that the handshake is finished as far as its client can do that; it
// reports whether that is new.
func (a *Attempt) finish() bool {
	if a.Among.Finished {
		return false
	}
	a.Among.Finished = true
	c := &a.On.Crowd
	c.Unserved++
	if p, known := a.Scene.Probes[a.Ends.Client.Addr()]; known {
		p.Finished++
		a.Scene.Probes[a.Ends.Client.Addr()] = p
	}
	return true
}

// Forget notes that nothing more is kept of the attempt: it is not counted among those that
// wait any more.
func (a *Attempt) Forget() {
	a.serve()
	if a.Scene.Now-a.Server.SYNACK.Last > a.NextResend() {
		a.leave()
	}
}

// leave notes that an attempt is no request any more, as far as its client can do that.
func (a *Attempt) leave() {
	if !a.Among.Requested {
		return
	}
	a.Among.Requested = false
	c := &a.On.Crowd
	c.Requests--
	if a.Server.SYNACK.First >= c.since && c.recent > 0 {
		c.recent--
	}
}

// refuse notes that the server has asked again for an ACK that had come.
func (a *Attempt) refuse() {
	a.Scene.Trouble++
	c := &a.On.Crowd
	if !a.Among.Requested {
		a.Among.Requested = true
		c.Requests++
	}
	if a.Among.Alone {
		c.AskedAlone = true
	}
}

// repulse notes that data came again that had come before and was not acknowledged.
func (a *Attempt) repulse() {
	a.Scene.Trouble++
	a.Client.Untaken = true
}

// serve notes that accept() has returned a connection, or nobody will.
func (a *Attempt) serve() {
	if a.Among.Finished && !a.Among.Served {
		a.Among.Served = true
		a.On.Crowd.Unserved--
	}
}

// fall notes that the server has reset what it had not spoken to. When several fall at
// one moment their listener was closed (inet_csk_listen_stop, net/ipv4/inet_connection_sock.c).
func (a *Attempt) fall() {
	c := &a.On.Crowd
	if b := c.fallen; b != nil && b != a && a.Scene.Now-b.Server.Reset.First < atOnce {
		a.Among.FellTogether = true
		b.Among.FellTogether = true
	}
	c.fallen = a
}

// Drained is how soon a queue that was full may have room again.
const Drained = time.Millisecond

// atOnce is how far apart in time segments of one action of the server can be.
const atOnce = 10 * time.Millisecond

// maxUnsure bounds those whose final ACK has come while no SYN was answered.
const maxUnsure = 4096
