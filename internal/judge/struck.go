package judge

import (
	"time"

	"listenq/internal/evidence"
)

// strokes are what can have struck each stage first.
type strokes [evidence.Stages]causes

func (a attempt) strokes() strokes {
	return strokes{a.struckBy(evidence.StageSYN), a.struckBy(evidence.StageSYNACK), a.struckBy(evidence.StageACK)}
}

// struckBy is what can have struck a stage first.
func (a attempt) struckBy(s evidence.Stage) causes {
	if st := &a.Counters.Strikes[s]; st.Witness != evidence.NoWitness {
		return meaning(st.Witness, st.Segment, &a.Scene.Settings)
	}
	switch s {
	case evidence.StageSYN:
		return a.struckSYN()
	case evidence.StageSYNACK:
		return a.struckSYNACK()
	}
	return a.struckACK()
}

// struckSYN is for SYNs without a witness. Where the client's side is not
// seen, SYNs may have been lost before the first that came.
func (a attempt) struckSYN() causes {
	if a.Server.Challenges > 0 {
		return oldCause
	}
	if a.Server.RefusedSYN && a.Server.Reset.N >= a.Client.SYN.N && !a.Scene.Sockets {
		return nothing // each of them was answered
	}
	server := a.dropsSYN()
	if a.Client.Disowns {
		server |= oldCause
	}
	switch answered := a.answered(); {
	case !a.Client.SawSYN:
		return anySYN | netLoss | nothing
	case a.Sees(evidence.ClientSide | evidence.ServerSide):
		return a.struckSYNBetween(answered, server)
	case answered && a.mayRepeat():
		if a.lossless() {
			return server | nothing
		}
		return server | netLoss | nothing
	case answered && a.Server.AnsweredFirst:
		return nothing
	case a.lossless() && (a.Client.Tries > 1 || !answered && !a.fresh()):
		return server
	case a.lossless() && answered && a.Accepted():
		return nothing
	case a.Sees(evidence.ServerSide) && a.Client.Tries > 1:
		return server | netLoss
	case a.Sees(evidence.ServerSide) && answered:
		return nothing | netLoss
	case answered && a.Client.Tries <= 1:
		return nothing
	case !answered && !a.fresh():
		return server | netLoss
	}
	return server | netLoss | nothing
}

// mayRepeat reports that the first SYN in the capture may be a repetition of one that was
// dropped before the capture began, as SYNs of others were dropped within it.
func (a attempt) mayRepeat() bool {
	return !a.Scene.Sockets && a.Sees(evidence.ServerSide) && a.queue.SYNs > 0 && a.Client.Tries == 1 && a.Client.SYN.First-a.Scene.Began < longestGap
}

// longestGap is the longest time between two SYNs of a connect(), with the default of
// net.ipv4.tcp_syn_retries, 6: after 1, 2, 4, 8, 16, 32 s.
const longestGap = 32 * time.Second

// answered reports that the first SYN-ACK or RST was seen, or what comes only after it.
func (a attempt) answered() bool {
	return a.Server.SYNACK.N > 0 || a.Server.RefusedSYN || !a.Scene.Sockets && (a.Client.ACK.N > 0 || a.HasConnection())
}

// struckSYNBetween is struckSYN with both sides seen: what was sent and did not
// come was lost, and the lab would have reported that.
func (a attempt) struckSYNBetween(answered bool, server causes) causes {
	lab := a.Scene.Sockets
	switch {
	case a.Client.Tries == 0 && lab:
		return nothing // on its way
	case a.Client.Tries == 0 && !a.fresh():
		return netLoss
	case a.Client.Tries == 0:
		return netLoss | nothing
	case !lab && a.Client.SYN.N > 1 && a.Client.SYNIn.First >= a.Client.SYNAgain && a.Client.SYNIn.N >= a.Client.SYN.N && answered:
		return nothing // none was lost: they were slow
	case !lab && a.Client.SYN.N > 1 && a.Client.SYNIn.First >= a.Client.SYNAgain:
		return netLoss
	case a.Client.Tries > 1:
		return server
	case answered, lab && server == hostDrop && a.fresh():
		return nothing
	case !a.fresh():
		return server
	}
	return server | nothing
}

// fresh reports that there is one SYN and it may yet be answered.
func (a attempt) fresh() bool {
	limit := evidence.FirstTimeout
	if a.informed() && a.On.Answered {
		limit = min(promptly, time.Millisecond+4*a.On.Crowd.Slowest)
	}
	return a.Client.SYN.N <= 1 && a.Scene.Now-a.Client.SYN.Last < limit
}

// promptly is what a server takes at most to answer a SYN, which needs none of its processes.
const promptly = 100 * time.Millisecond

func (a attempt) struckSYNACK() causes {
	server, client := a.Sees(evidence.ServerSide), a.Sees(evidence.ClientSide)
	switch {
	case server && client && (a.Scene.Sockets || a.Server.SYNACK.N <= 1):
		return nothing
	case server && client && a.Server.SYNACKIn.N == 0:
		return netLoss | nothing // it may be on its way
	case server && client && a.Server.BeforeACK > 1 && a.Server.SYNACKIn.N < a.Server.SYNACK.N && a.Scene.Now-a.Server.SYNACK.Last >= evidence.FirstTimeout:
		return netLoss // the client answered none before the second was sent, and not all came
	case server && client:
		if a.Server.BeforeACK > 1 || a.Client.ACK.N == 0 {
			return netLoss | nothing
		}
		return nothing
	case a.lossless() && a.Client.ACK.N == 0:
		return nothing
	case server && (a.Server.SYNACK.N > 1 && a.Client.ACK.N == 0 || a.Server.BeforeACK > 1):
		return netLoss | nothing
	case server:
		return nothing
	case a.Server.SYNACK.N == 0 || a.Client.TriesSent > 1 || a.Server.SYNACK.First-a.Client.SYN.First >= evidence.FirstTimeout:
		return netLoss | nothing
	}
	return nothing
}

// struckACK is for final ACKs without a witness. Whatever befell one may have
// been made good by the next segment without a trace.
func (a attempt) struckACK() causes {
	switch {
	case a.Held.FastOpened:
		return nothing // the SYN made the connection
	case a.Client.ACK.N == 0 && !a.Scene.ACKs && !a.Scene.Sockets && a.Server.SYNACK.N > 0:
		return anyACK | netLoss | nothing // the capture has no ACKs, of nobody
	case a.Client.ACK.N == 0 && a.lossless() && a.Sees(evidence.ClientSide):
		return nothing // it has sent none
	case a.Client.ACK.N == 0:
		return netLoss | nothing
	case a.Sees(evidence.ClientSide|evidence.ServerSide) && !a.Scene.Sockets && a.Client.ACKIn.N == 0:
		return netLoss
	case a.HasConnection() && a.Sees(evidence.ClientSide|evidence.ServerSide) && !a.Scene.Sockets && !a.Client.DataFirst && a.Client.DataAgain == 0 && a.Client.DataIn > 0 && a.Client.ACKIn.First == a.Client.DataIn:
		return netLoss // data came first, which was not sent first
	case a.Server.Refusals > 0:
		return refusedCause
	case a.BadSum():
		return sumCause
	case a.hadRoom() && a.Client.DataFirst:
		return nothing | netLoss
	case a.hadRoom() && !a.HasConnection():
		return hostDrop | a.held() | nothing // a filter leaves no trace so soon
	case a.hadRoom():
		return a.held() | nothing
	}
	set := a.dropsACK(anyACK) | netLoss
	set &^= a.ruledOut(evidence.StageACK)
	if a.Held.IgnoredData || a.Client.Unacked || a.Client.Untaken {
		set &^= deferred // data ends its wait
	}
	switch {
	case a.Scene.Sockets:
		set &^= netLoss // known from the wire; lo loses nothing
	case a.Sees(evidence.ClientSide|evidence.ServerSide) && a.Client.ACKIn.N > 0 && a.Client.ACKIn.N >= a.Client.ACK.N && a.Server.Resent.N > 0 && a.Server.Resent.First < a.Client.ACKIn.First:
		return set | netLoss | nothing // it was slow, or lost and another one in its place
	case a.Sees(evidence.ClientSide|evidence.ServerSide) && (a.Client.ACKIn.N == 0 || a.Server.Resent.N > 0 && a.Client.ACK.First < a.Server.Resent.First && a.Server.Resent.First < a.Client.ACKIn.First):
		return netLoss
	case a.Sees(evidence.ClientSide|evidence.ServerSide) && a.Client.ACKIn.N == a.Client.ACK.N,
		a.Sees(evidence.ServerSide) && !a.Sees(evidence.ClientSide) && a.Server.BeforeACK <= 1 && !a.Client.DataFirst:
		set &^= netLoss
	}
	switch {
	case !a.Scene.Sockets && !a.Sees(evidence.ServerSide):
		return set | nothing // the network may be slow, or lose what the server answers
	case a.Held.Ignored || a.Scene.Sockets && (a.Client.Untaken || a.Client.Unacked) && !(a.Held.Connection || a.Accepted()):
		return set
	case (a.Client.Untaken || a.Client.Unacked) && !(a.Held.Connection || a.Accepted()):
		return set | nothing // the data alone may have been struck
	case a.informed() && a.Held.Connection && a.Client.DataAgain == 0 && a.Client.DataIn > 0 && a.takenAtOnce():
		return nothing // that anybody felt: a queue that was full is nearly always full a moment later
	case a.Counters.Taken || a.Scene.Sockets && a.Held.Connection || a.Client.ACK.N == 1 && !a.Client.DataFirst:
		return nothing
	}
	return set | nothing
}

// held is TCP_DEFER_ACCEPT, where nothing speaks against it.
func (a attempt) held() causes {
	if a.undeferred() || a.HasConnection() && (a.Client.Data.N == 0 || a.Client.Data.First-a.Client.ACK.First < heldBackLong) {
		return 0
	}
	return deferred
}

// heldBackLong is how late the data must be for TCP_DEFER_ACCEPT to be worth a word
// where nothing shows whether it is set.
const heldBackLong = 100 * time.Millisecond

// takenAtOnce reports that the data came to the server so soon after the final ACK that
// a queue that was full for the one was full for the other.
func (a attempt) takenAtOnce() bool {
	return a.Client.ACKIn.N > 0 && a.Client.DataIn-a.Client.ACKIn.First < evidence.Drained
}

// silent reports that the server has not sent its SYN-ACK again when its timer
// would have: it does not wait for a final ACK, or only by TCP_DEFER_ACCEPT.
func (a attempt) silent() bool {
	return a.Sees(evidence.ServerSide) && a.Scene.Now-a.Server.SYNACK.Last > a.NextResend()*3/2
}
