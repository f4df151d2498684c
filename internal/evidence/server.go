package evidence

import (
	"time"
)

// fromServer takes a segment of the server.
func (a *Attempt) fromServer(p *Packet, seen sight) {
	switch {
	case p.Flags.Has(RST):
		a.takeRST(p, seen)
	case p.Flags.Has(SYN | ACK):
		a.takeSYNACK(p, seen)
	case p.Flags.Has(SYN):
	case a.Server.SYNACK.N == 0 && a.challenges(p):
	case p.Len > 0 || p.Flags.Has(FIN):
		a.dates(p)
		if p.Len > 0 {
			a.acts(ActData, p.T)
		}
		if p.Flags.Has(FIN) {
			a.acts(ActFIN, p.T)
			a.Server.FINSent = true
			a.closes(p.T, a.Client.FINSent)
		}
		if a.Client.Data.N == 0 && !a.Midway {
			a.On.Crowd.Speaks = true
		}
		a.show() // a connection that nobody accepted sends neither
		a.accept(p.T)
	case p.Flags.Has(ACK) && !a.Midway && a.Server.SYNACK.N+a.Client.ACK.N > 0: // the SYN-ACK may not have been captured
		switch acked := p.Ack - a.Client.ISN - 1; {
		case acked > 0 && acked <= a.Client.Top+unseen:
			a.dates(p)
			a.take(p.T, acked)
			a.show()
		case acked == 0:
			a.refuses(p)
		}
	}
}

// maker is when the segment came that made the connection, where only a later
// answer shows that one did.
func (a *Attempt) maker() time.Duration {
	if a.Held.Ignored || a.Counters.Strikes[StageACK].Witness != NoWitness {
		return a.Client.LastIn
	}
	if a.Client.ACKIn.N > 0 {
		return a.Client.ACKIn.First
	}
	return a.Client.ACK.First
}

func (a *Attempt) takeSYNACK(p *Packet, seen sight) {
	if a.Midway {
		return
	}
	switch acked := p.Ack - a.Client.ISN - 1; {
	case acked > a.Client.SYNLen:
		return // of an earlier connection
	case acked > 0: // it took the data of a Fast Open SYN (RFC 7413)
		a.Held.FastOpened = true
		a.finish()
		a.connect(p.T)
	}
	a.On.Answered = true
	same := p.Seq == a.Server.ISN && p.Options.TSVal == a.Server.LastStamp // or there is none to compare
	if seen.sent && same && a.copied(&a.Server.SYNACK, p.T, FirstTimeout/2) {
		return
	}
	if seen.sent {
		a.Server.LastStamp = p.Options.TSVal
		a.answer(p)
	}
	if seen.arrived && !(same && a.copied(&a.Server.SYNACKIn, p.T, FirstTimeout/2)) {
		a.Server.SYNACKIn.add(p.T)
	}
}

// answer takes a SYN-ACK as it was sent.
func (a *Attempt) answer(p *Packet) {
	if a.Client.BadSYN {
		a.On.Crowd.Sumless = true // it was taken all the same
	}
	number(&a.Firsts.SYNACK, p)
	if a.Server.SYNACK.N == 0 {
		a.Server.Hops = p.Hops
	}
	if a.Server.SYNACK.N == 0 || a.Server.ISN != p.Seq {
		a.Server.ISN = p.Seq
		a.admit()
		a.offers(p)
		echo := OptTimestamps
		if a.Client.Tries > 1 && p.Options.Present.Has(echo) && p.Options.TSEcr == a.Client.TSVal && a.Client.TSVal != 0 {
			a.Server.AnsweredFirst = true
		}
	} else if !(a.Server.SYNSince || a.Held.FastOpened) && !a.answersEarlier(p) {
		a.resend(p)
	}
	what := SYNACKAgain
	if (a.Server.SYNSince || a.answersEarlier(p)) && a.Server.SYNACK.N > 0 && a.Client.SYN.N > 1 && !a.Held.Cookie {
		if a.Server.SYNSince {
			a.gap() // the SYN-ACK before
		}
		what = SYNACKAnswers
		a.note(Note{What: what}, p.T, p.Number)
	}
	a.Server.SYNACK.add(p.T)
	a.Server.SYNSince = false
	if a.Server.SYNACK.N > 1 {
		a.remark(p.Number, Note{What: what, N: a.Server.SYNACK.N - 1})
	}
}

// resend takes a SYN-ACK that no SYN asked for: the server's timer sent it, so
// there is a request, and what came before has made no connection of it.
func (a *Attempt) resend(p *Packet) {
	a.Held.SawRequest = true
	if !a.Scene.Sockets {
		a.Held.Cookie = false // it was not one
	}
	a.Server.Resent.add(p.T)
	a.note(Note{What: SYNACKAgain}, p.T, p.Number)
	a.revokeTaken()
	a.Held.Futile = a.Client.LastIn
	came := a.Client.ACKIn.N > 0
	if !a.Sees(ServerSide) { // it may have crossed the final ACK
		came = a.Client.ACK.N > 0 && p.T-a.Client.ACK.First > a.Server.SYNACK.First-a.Client.Asked
	}
	if came {
		a.Held.Ignored = true
		a.refuse()
		if a.Client.Top > 0 {
			a.Held.IgnoredData = true
		}
	}
}

// revokeTaken takes back what the counters let expect: the final ACK has made no
// connection, though they know of no drop.
func (a *Attempt) revokeTaken() {
	if a.Counters.Taken && !(a.Held.Connection || a.Accepted()) {
		a.Counters.Taken = false
		a.Held.Futile = a.Client.LastIn
		a.strike(StageACK, NoCounter, SegACK, Moment{a.Client.LastIn, 0})
	}
}

// mistaken takes back that the last segment made a connection: it found none.
func (a *Attempt) mistaken() {
	a.Counters.Taken = false
	if a.Counters.Strikes[StageACK].Witness == NoWitness {
		a.strike(StageACK, NoCounter, SegACK, Moment{a.Client.LastIn, 0})
	}
	a.Server.Belied = true
}

// answersEarlier reports that a SYN-ACK came so soon after the last one that no timer sent
// it: it answers a SYN before the last one.
func (a *Attempt) answersEarlier(p *Packet) bool {
	return !a.Scene.Sockets && a.Server.SYNACK.N > 0 && p.T-a.Server.SYNACK.Last < FirstTimeout/2
}

// serves notes that the server has shown that accept() has returned the connection.
func (a *Attempt) serves(t time.Duration) {
	if a.Server.ServedAt == 0 {
		a.Server.ServedAt = t
	}
}

// take notes that the server has acknowledged something. If that had a wrong checksum, it
// is the capture that has it from before the card has filled it in.
func (a *Attempt) take(t time.Duration, acked uint32) {
	a.Server.TakenAt, a.Server.Acked = t, acked
	if a.Client.BadSums > 0 {
		a.Client.BadSums = 0
		a.On.Crowd.Sumless = true
	}
}

// acts notes what the server does first after the handshake.
func (a *Attempt) acts(act Act, t time.Duration) {
	if a.Server.Act == NoAct && !a.Midway && a.Server.SYNACK.N+a.Client.ACK.N > 0 {
		a.Server.Act, a.Server.ActedAt = act, t
	}
}
