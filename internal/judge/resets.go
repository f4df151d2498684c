package judge

import (
	"time"

	"listenq/internal/evidence"
)

// clientResetStates is for a client that sent an RST before the server showed a connection.
func (a attempt) clientResetStates() Outlook {
	switch {
	case a.Client.ACK.N == 0 && !a.Scene.Sockets && !a.Scene.ACKs:
		return Outlook{First: StateGaveUp}.or(StateEstablished, StateByClient, StateHalfOpen, StatePhantom)
	case a.Client.ACK.N == 0 && a.Client.ResetConnected && !a.Scene.Sockets:
		return Outlook{First: StateEstablished}.or(StateGaveUp, StateByClient, StateHalfOpen, StatePhantom) // its final ACK was not captured
	case a.Client.ACK.N == 0:
		return only(StateGaveUp)
	case a.Scene.Sockets:
		return only(StateByClient)
	case a.hadRoom() && a.undeferred():
		return only(StateEstablished)
	}
	return Outlook{First: StateEstablished}.or(StateByClient, StateHalfOpen, StatePhantom)
}

// resetStates is for an RST of the server after its SYN-ACK.
func (a attempt) resetStates() Outlook {
	switch {
	case a.Counters.Aborted:
		return only(StateAborted)
	case a.Counters.Rejected:
		return only(StateRejected)
	case a.Scene.Sockets:
		return a.sampledReset()
	case a.Client.Misacks > 0 && a.Server.ResetSeq == a.Client.Misack:
		return only(StateMisacked)
	case a.HasConnection() || a.Server.Reset.N > 0 && !a.Server.PlainReset:
		// tcp_disconnect and close() with unread data send RST with ACK.
		o := Outlook{First: StateAccepted, Likely: true}.or(StateClosed)
		lives := a.On.Crowd.Admitted > a.Server.Reset.First // unless it is another of its group
		if !lives && (a.informed() && a.Among.FellTogether || a.On.Denied >= a.Server.Reset.First) {
			o = Outlook{First: StateClosed}.or(StateAccepted) // a program that outlook resets what it had accepted, too
		}
		if !a.Sees(evidence.ServerSide) {
			o = o.or(StateForeign)
		}
		return o
	}
	return a.plainResetStates()
}

// sampledReset is why the server reset, where counters and samples show it.
func (a attempt) sampledReset() Outlook {
	switch {
	case a.Samples.Gone && !a.Samples.Orphaned:
		return only(StateStale)
	case a.Samples.AtClose && a.Samples.AtShare && !a.Samples.Waiting:
		return Outlook{First: StateClosed, Likely: true}.or(StateAccepted)
	case a.Samples.AtClose:
		return only(StateClosed)
	case a.HasConnection():
		return Outlook{First: StateQueued}.or(StateClosed, StateAccepted) // until a sample shows which
	case a.Kept() && a.Server.Reset.First-a.Server.SYNACK.Last >= evidence.FirstTimeout:
		return only(StateStale)
	case a.Held.Cookie:
		return only(StateRejected)
	case a.ruledOut(evidence.StageACK)&acceptFull == 0:
		return only(StateAborted)
	}
	return only(StateForeign)
}

// plainResetStates is for packets alone and an RST without ACK: it answers a
// segment that found no connection (tcp_v4_send_reset, net/ipv4/tcp_ipv4.c).
func (a attempt) plainResetStates() Outlook {
	late := a.Server.Reset.First-a.Server.SYNACK.Last >= evidence.FirstTimeout
	prompt := a.Server.Reset.First-a.Client.ACK.First < evidence.FirstTimeout && a.Client.Data.N <= 1 && !a.Client.Beyond
	o := Outlook{First: StateAborted, Likely: prompt}
	o = o.or(StateClosed)
	if late {
		o = Outlook{First: StateStale, Likely: a.Kept(), Others: o.Others}.or(StateAborted)
	}
	if a.Client.Beyond && !a.Kept() {
		o = Outlook{First: StateRejected, Others: o.Others}.or(o.First)
	}
	if !a.Sees(evidence.ServerSide) {
		o = o.or(StateForeign, StateAccepted)
	}
	if a.informed() {
		o = a.likelyReset(late)
	}
	if a.Client.Data.N > 0 {
		o = o.or(StateAccepted) // a filter may reject the data of one that was
	}
	return o
}

// longSilence is after how long without a segment something else may have forgotten the
// connection: NATs, firewalls and balancers do after minutes, and so may the server.
const longSilence = 30 * time.Second

// likelyReset is plainResetStates where other attempts show whether their listener goes on.
func (a attempt) likelyReset(late bool) Outlook {
	denied := a.On.Denied >= a.Server.Reset.First
	quiet := a.Server.Reset.First - max(a.Server.SYNACK.Last, a.Client.ACK.First)
	silent := (a.Held.Ignored || a.Client.Untaken || a.Client.Unacked)
	switch {
	case denied:
		return Outlook{First: StateClosed, Likely: true}.or(StateAborted, StateStale, StateGone)
	case late && a.Kept() && a.Server.Reset.First-a.Server.SYNACK.Last >= a.NextResend():
		return only(StateStale)
	case late && !a.Kept() && quiet > longSilence && !silent:
		return Outlook{First: StateGone}.or(StateRejected, StateStale, StateClosed)
	case late && !a.Kept():
		return Outlook{First: StateRejected}.or(StateStale, StateClosed, StateGone) // a request would have been heard of again
	case late && silent:
		return Outlook{First: StateStale}.or(StateClosed, StateGone)
	case late:
		return Outlook{First: StateAborted}.or(StateStale, StateClosed, StateGone)
	case a.Client.Beyond && !a.Kept():
		return Outlook{First: StateRejected}.or(StateClosed, StateGone)
	}
	return Outlook{First: StateAborted}.or(StateClosed, StateGone)
}
