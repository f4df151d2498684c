package judge

import (
	"time"

	"listenq/internal/evidence"
)

// outlook is the heart of the model: what can have become of the attempt.
func (a attempt) outlook() Outlook {
	switch {
	case a.Accepted():
		return only(StateAccepted)
	case a.Midway || a.Crossed || a.blind():
		return only(StateUnknown)
	case a.Calls.GaveUp:
		return only(StateGaveUp)
	case a.Calls.TimedOut:
		return only(StateTimedOut)
	case a.Calls.Refused || a.Server.RefusedSYN:
		return only(StateRefused)
	case a.Server.Reset.N > 0 || a.Calls.Reset:
		return a.resetStates()
	case a.Samples.Buried:
		return only(StateDead)
	case a.Samples.PerhapsBuried:
		return Outlook{First: StateQueued}.or(StateDead, StateAccepted)
	case a.HasConnection() && a.Scene.Sockets:
		return only(StateQueued)
	case a.HasConnection():
		return only(StateEstablished)
	case a.ForeignReset && a.Scene.Sockets:
		return Outlook{First: StateForeign}
	case a.ForeignReset && a.Server.SYNACK.N == 0:
		return Outlook{First: StateForeign}.or(StateRefused)
	case a.ForeignReset:
		return Outlook{First: StateForeign}.or(StateEstablished)
	case a.Client.Reset.N > 0:
		return a.clientResetStates()
	case a.Server.SYNACK.N == 0:
		return a.unansweredStates()
	case a.Client.ACK.N == 0:
		return a.pendingStates()
	case a.Scene.Sockets:
		return only(a.sampledState())
	}
	return a.openStates()
}

// sampledState is what has become of an attempt whose client has sent its final
// ACK, where counters and samples show what the server has.
func (a attempt) sampledState() State {
	struck := a.Counters.Strikes[evidence.StageACK].Witness != evidence.NoWitness || a.Held.Ignored || a.Samples.Vacant
	switch {
	case a.Samples.Gone:
		return StateForgotten
	case struck && a.Kept():
		return StateHalfOpen
	case struck:
		return StatePhantom
	}
	return StatePending // on its way, or not looked at yet
}

// openStates is for packets alone, after the final ACK.
func (a attempt) openStates() Outlook {
	switch {
	case a.Sees(evidence.ClientSide|evidence.ServerSide) && a.Client.ACKIn.N == 0:
		return a.lostStates()
	case a.hadRoom() && a.Held.Cookie:
		return Outlook{First: StateEstablished}.or(StatePhantom)
	case a.hadRoom() && a.Kept():
		return Outlook{First: StateEstablished}.or(StateHalfOpen)
	case a.hadRoom():
		return Outlook{First: StateEstablished}.or(StateHalfOpen, StatePhantom, StateForgotten)
	}
	if a.Server.Refusals > 0 {
		return Outlook{First: StateEstablished}.or(StateHalfOpen) // a request answers what it does not take, too
	}
	o := a.openFirst()
	// The segment that came after the last SYN-ACK may have made a connection of the request.
	waiting := a.Held.Ignored && a.Client.LastIn <= a.Server.Resent.Last
	if !a.Sees(evidence.ServerSide) || !waiting {
		o = o.or(StateEstablished)
	}
	if !a.Kept() {
		o = o.or(StatePhantom)
	}
	if a.Held.Cookie {
		return o // there is no request that could stay or expire
	}
	if a.Scene.Now-a.Server.SYNACK.Last >= evidence.FirstTimeout {
		o = o.or(StateForgotten)
	}
	return o.or(StateHalfOpen)
}

// lostStates is for both sides seen, when no final ACK has come to the server.
func (a attempt) lostStates() Outlook {
	o := Outlook{First: StateHalfOpen, Likely: a.waitsStill()}
	if a.Scene.Now-a.Server.SYNACK.Last >= evidence.FirstTimeout {
		o = o.or(StateForgotten)
	}
	if !a.Kept() {
		o = o.or(StatePhantom)
	}
	return o
}

// openFirst is the best of the openStates.
func (a attempt) openFirst() Outlook {
	overdue := a.Scene.Now-a.Server.SYNACK.Last > a.NextResend()*5/4
	switch {
	case a.Client.Unacked && !a.Kept():
		return Outlook{First: StatePhantom}
	case (a.Client.Unacked || a.Server.Resent.N >= synackRetries) && overdue:
		return Outlook{First: StateForgotten}
	case a.Client.Unacked, a.Held.Ignored && !overdue:
		return Outlook{First: StateHalfOpen, Likely: a.Kept() && a.Server.Resent.N+a.Client.DataAgain > 1 && a.waitsStill()}
	}
	return Outlook{First: StateEstablished, Likely: a.Server.Resent.N == 0}
}

// waitsStill reports that the server's timer was not due again: a request is there.
func (a attempt) waitsStill() bool { return a.Scene.Now-a.Server.SYNACK.Last < a.NextResend() }

// synackRetries is the default of net.ipv4.tcp_synack_retries.
const synackRetries = 5

// unansweredStates is for a client whose SYNs have had no SYN-ACK, as far as seen.
func (a attempt) unansweredStates() Outlook {
	o := only(StateUnanswered)
	if a.Scene.Sockets {
		if a.Samples.ClientGone {
			return a.clientVanished()
		}
		return o
	}
	gap := max(evidence.FirstTimeout, a.Client.SYNGap)
	quiet := a.Scene.Now - a.Client.SYN.Last
	if a.informed() && (quiet < patience || a.spoofed()) {
		return o // it was there a moment ago, or never
	}
	o = o.or(StateGaveUp)
	if !a.Sees(evidence.ServerSide) {
		o = o.or(StatePending) // the SYN-ACKs may be lost
	}
	if !a.On.Heard && !a.Sees(evidence.ClientSide) {
		o = o.or(StateRefused) // nor is it known that the capture holds what the server sends
	}
	switch {
	case quiet > gap*19/10 && a.Sees(evidence.ClientSide) && a.Client.SYN.N > 6:
		o = Outlook{First: StateTimedOut, Likely: true, Others: o.Others}.or(StateUnanswered)
	case quiet > gap*9/10:
		o = o.or(StateTimedOut)
	}
	return o
}

// patience is how long a client is taken to be there still after it has sent something.
const patience = 100 * time.Millisecond

// clientVanished is for a client without calls whose socket is gone: it gave up, or
// connect() timed out when the next SYN was due, and all retries were used up.
func (a attempt) clientVanished() Outlook {
	if a.Samples.Vanished-a.Client.SYN.Last < max(evidence.FirstTimeout, a.Client.SYNGap*9/10) || int(a.Client.SYN.N) <= a.Scene.Settings.SYNRetries {
		return Outlook{First: StateGaveUp, Likely: true}.or(StateTimedOut)
	}
	return Outlook{First: StateTimedOut, Likely: true}.or(StateGaveUp)
}

// pendingStates is for a SYN that was answered, and no final ACK was seen.
func (a attempt) pendingStates() Outlook {
	o := Outlook{First: StatePending, Likely: a.Server.Resent.N == 0}
	switch expired := a.Scene.Now-a.Server.SYNACK.Last >= evidence.FirstTimeout; {
	case a.Scene.Sockets && a.Samples.Gone:
		return only(StateExpired)
	case a.Scene.Sockets && a.Samples.ClientGone && a.Server.SYNACKIn.N == 0:
		return a.clientVanished()
	case a.Scene.Sockets:
		return only(StatePending)
	case !a.Scene.ACKs: // the capture may have been taken with a filter for SYNs
		return Outlook{First: StatePending}.or(StateEstablished, StateHalfOpen, StatePhantom, StateForgotten, StateGaveUp, StateExpired, StateTimedOut)
	case a.lossless():
		return a.overdueStates()
	case !a.Sees(evidence.ClientSide):
		o = o.or(StateHalfOpen, StatePhantom, StateGaveUp)
		if expired {
			o = o.or(StateExpired, StateForgotten, StateTimedOut)
		}
	case a.Server.SYNACKIn.N == 0:
		o = o.or(StateGaveUp)
		if expired {
			o = o.or(StateExpired, StateTimedOut)
		}
	case expired:
		o = o.or(StateExpired)
	}
	return o
}

// overdueStates is for a request whose client is not there, or does not answer: one
// that had given up would answer the SYN-ACK with RST.
func (a attempt) overdueStates() Outlook {
	switch {
	case a.Scene.Now-a.Server.SYNACK.Last <= a.NextResend()*5/4:
		return Outlook{First: StatePending, Likely: true}.or(StateHalfOpen, StatePhantom) // its ACK may be the first thing that is lost
	case a.Kept():
		return only(StateExpired)
	}
	return Outlook{First: StatePending, Likely: true}.or(StateExpired) // a cookie keeps nothing that could expire
}
