package handshake

import (
	"iter"
	"time"
)

// causes is a set of what can have struck a packet. nothing is a member like the
// others: with it, the packet may not have been struck at all.
type causes uint16

const (
	acceptFull causes = 1 << iota
	synFull
	synReserve
	deferred
	hostDrop
	netLoss
	oldCause     // an old connection has answered the SYN
	refusedCause // the server answers the data and takes none of it
	sumCause     // the checksum is wrong
	nothing

	anySYN = acceptFull | synFull | synReserve | hostDrop // whatever a server can do to a SYN
	anyACK = acceptFull | deferred | hostDrop             // and to a final ACK
)

// causeNames is in the order of the bits, which is the order of alternatives.
var causeNames = [...]Cause{AcceptQueueFull, SynQueueFull, SynQueueReserve, DeferAccept, HostDrop, NetworkLoss, OldConnection, DataRefused, BadChecksum, NoCause}

// one reports whether the set has exactly one member.
func (c causes) one() bool { return c != 0 && c&(c-1) == 0 }

// name is the cause of a set of one member, and UnknownCause of any other.
func (c causes) name() Cause {
	for i, name := range causeNames {
		if c == 1<<i {
			return name
		}
	}
	return UnknownCause
}

// each yields the members but nothing, one by one.
func (c causes) each() iter.Seq[causes] {
	return func(yield func(causes) bool) {
		for c &^= nothing; c != 0; c &= c - 1 {
			if !yield(c & -c) {
				return
			}
		}
	}
}

// stage is a part of the handshake that a cause can strike.
type stage uint8

const (
	stageSYN stage = iota
	stageSYNACK
	stageACK // the final ACK, or data or FIN in its place
	stages
)

// strike is the first time that counters or the wire told that a packet of a
// stage was dropped or lost.
type strike struct {
	causes causes // 0 if they never did
	packet Struck
	n      int // how many of the stage were
	at     moment
	since  time.Duration // the first of them, whatever its cause
}

// strokes are what can have struck each stage first.
type strokes [stages]causes

func (a *Attempt) strokes() strokes {
	return strokes{a.struckBy(stageSYN), a.struckBy(stageSYNACK), a.struckBy(stageACK)}
}

// struckBy is what can have struck a stage first.
func (a *Attempt) struckBy(s stage) causes {
	if told := a.strikes[s].causes; told != 0 {
		return told
	}
	switch s {
	case stageSYN:
		return a.struckSYN()
	case stageSYNACK:
		return a.struckSYNACK()
	}
	return a.struckACK()
}

// struckSYN is for SYNs of which nobody told. Where the client's side is not
// seen, SYNs may have been lost before the first that came.
func (a *Attempt) struckSYN() causes {
	if a.odd.challenges > 0 {
		return oldCause
	}
	if a.is(refusedSYN) && a.reset.n >= a.syn.n && !a.t.cfg.Sockets {
		return nothing // each of them was answered
	}
	server := a.dropsSYN()
	switch answered := a.answered(); {
	case !a.is(sawSYN):
		return anySYN | netLoss | nothing
	case a.sees(ClientSide | ServerSide):
		return a.struckSYNBetween(answered, server)
	case answered && a.is(answeredFirst):
		return nothing
	case a.lossless() && (a.tries > 1 || !answered && !a.fresh()):
		return server
	case a.lossless() && answered && a.is(owned):
		return nothing
	case a.sees(ServerSide) && a.tries > 1:
		return server | netLoss
	case a.sees(ServerSide) && answered:
		return nothing | netLoss
	case answered && a.tries <= 1:
		return nothing
	case !answered && !a.fresh():
		return server | netLoss
	}
	return server | netLoss | nothing
}

// answered reports that the first SYN-ACK or RST was seen, or what comes only after it.
func (a *Attempt) answered() bool {
	return a.synack.n > 0 || a.is(refusedSYN) || !a.t.cfg.Sockets && (a.ack.n > 0 || a.hasConnection())
}

// struckSYNBetween is struckSYN with both sides seen: what was sent and did not
// come was lost, and the lab would have told of that.
func (a *Attempt) struckSYNBetween(answered bool, server causes) causes {
	lab := a.t.cfg.Sockets
	switch {
	case a.tries == 0 && lab:
		return nothing // on its way
	case a.tries == 0 && !a.fresh():
		return netLoss
	case a.tries == 0:
		return netLoss | nothing
	case !lab && a.syn.n > 1 && a.synIn.first >= a.synAgain && a.synIn.n >= a.syn.n && answered:
		return nothing // none was lost: they were slow
	case !lab && a.syn.n > 1 && a.synIn.first >= a.synAgain:
		return netLoss
	case a.tries > 1:
		return server
	case answered, lab && server == hostDrop && a.fresh():
		return nothing
	case !a.fresh():
		return server
	}
	return server | nothing
}

// fresh reports that there is one SYN and it may yet be answered.
func (a *Attempt) fresh() bool {
	limit := firstTimeout
	if a.informed() && a.listener.answered {
		limit = min(promptly, time.Millisecond+4*a.listener.crowd.slowest)
	}
	return a.syn.n <= 1 && a.t.now-a.syn.last < limit
}

// promptly is what a server takes at most to answer a SYN, which needs none of its processes.
const promptly = 100 * time.Millisecond

func (a *Attempt) struckSYNACK() causes {
	server, client := a.sees(ServerSide), a.sees(ClientSide)
	switch {
	case server && client && (a.t.cfg.Sockets || a.synack.n <= 1):
		return nothing
	case server && client && a.synackIn.n == 0:
		return netLoss | nothing // it may be on its way
	case server && client && a.beforeACK > 1 && a.synackIn.n < a.synack.n && a.t.now-a.synack.last >= firstTimeout:
		return netLoss // the client answered none before the second was sent, and not all came
	case server && client:
		if a.beforeACK > 1 || a.ack.n == 0 {
			return netLoss | nothing
		}
		return nothing
	case a.lossless() && a.ack.n == 0:
		return nothing
	case server && (a.synack.n > 1 && a.ack.n == 0 || a.beforeACK > 1):
		return netLoss | nothing
	case server:
		return nothing
	case a.synack.n == 0 || a.triesSent > 1 || a.synack.first-a.syn.first >= firstTimeout:
		return netLoss | nothing
	}
	return nothing
}

// struckACK is for final ACKs of which nobody told. Whatever befell one may have
// been made good by the next segment without a trace.
func (a *Attempt) struckACK() causes {
	switch {
	case a.is(fastOpened):
		return nothing // the SYN made the connection
	case a.ack.n == 0 && a.lossless():
		return nothing
	case a.ack.n == 0:
		return netLoss | nothing
	case a.sees(ClientSide|ServerSide) && !a.t.cfg.Sockets && a.ackIn.n == 0:
		return netLoss
	case a.odd.refusals > 0:
		return refusedCause
	case a.badSum():
		return sumCause
	case a.roomy() && a.is(dataFirst):
		return nothing | netLoss
	case a.roomy() && !a.hasConnection():
		return hostDrop | a.held() | nothing // a filter leaves no trace so soon
	case a.roomy():
		return a.held() | nothing
	}
	set := a.dropsACK(anyACK) | netLoss
	set &^= a.ruledOut[stageACK]
	if a.is(ignoredData | unacked | untaken) {
		set &^= deferred // data ends its wait
	}
	switch {
	case a.t.cfg.Sockets:
		set &^= netLoss // told by the wire; lo loses nothing
	case a.sees(ClientSide|ServerSide) && a.ackIn.n > 0 && a.ackIn.n >= a.ack.n && a.resent.n > 0 && a.resent.first < a.ackIn.first:
		return set | netLoss | nothing // it was slow, or lost and another one in its place
	case a.sees(ClientSide|ServerSide) && (a.ackIn.n == 0 || a.resent.n > 0 && a.ack.first < a.resent.first && a.resent.first < a.ackIn.first):
		return netLoss
	case a.sees(ClientSide|ServerSide) && a.ackIn.n == a.ack.n,
		a.sees(ServerSide) && !a.sees(ClientSide) && a.beforeACK <= 1 && !a.is(dataFirst):
		set &^= netLoss
	}
	switch {
	case !a.t.cfg.Sockets && !a.sees(ServerSide):
		return set | nothing // the network may be slow, or lose what the server answers
	case a.is(ignored) || a.t.cfg.Sockets && a.is(untaken|unacked) && !a.is(child|owned):
		return set
	case a.is(untaken|unacked) && !a.is(child|owned):
		return set | nothing // the data alone may have been struck
	case a.informed() && a.is(child) && a.dataAgain == 0 && a.dataIn > 0 && a.takenAtOnce():
		return nothing // a queue that was full is full a moment later
	case a.is(taken) || a.t.cfg.Sockets && a.is(child) || a.ack.n == 1 && !a.is(dataFirst):
		return nothing
	}
	return set | nothing
}

// held is TCP_DEFER_ACCEPT, where nothing speaks against it.
func (a *Attempt) held() causes {
	if a.undeferred() || a.hasConnection() && (a.data.n == 0 || a.data.first-a.ack.first < heldBackLong) {
		return 0
	}
	return deferred
}

// takenAtOnce reports that the data came to the server so soon after the final ACK that
// a queue that was full for the one was full for the other.
func (a *Attempt) takenAtOnce() bool {
	return a.ackIn.n > 0 && a.dataIn-a.ackIn.first < drained
}

// silent reports that the server has not sent its SYN-ACK again when its timer
// would have: it does not wait for a final ACK, or only by TCP_DEFER_ACCEPT.
func (a *Attempt) silent() bool {
	return a.sees(ServerSide) && a.t.now-a.synack.last > a.nextResend()*3/2
}

// nextResend is how long the server's timer runs after the last SYN-ACK
// (reqsk_timer_handler, net/ipv4/inet_connection_sock.c: 1 s, doubled each time).
func (a *Attempt) nextResend() time.Duration {
	return firstTimeout << min(a.resent.n, 7)
}
