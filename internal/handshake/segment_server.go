package handshake

import "time"

// fromServer takes a segment of the server.
func (a *Attempt) fromServer(p *Packet, seen sight) {
	switch {
	case p.Flags.Has(RST):
		a.takeRST(p, seen)
	case p.Flags.Has(SYN | ACK):
		a.takeSYNACK(p, seen)
	case p.Flags.Has(SYN):
	case a.synack.n == 0 && a.challenges(p):
	case p.Len > 0 || p.Flags.Has(FIN):
		a.dates(p)
		if p.Len > 0 {
			a.answerOf(Served, p.T)
		}
		if p.Flags.Has(FIN) {
			a.answerOf(ShutFirst, p.T)
			a.set(serverFIN)
			a.closes(p.T, a.is(finSent))
		}
		if a.data.n == 0 && !a.is(midway) {
			a.listener.crowd.speaks = true
		}
		a.show() // a connection that nobody accepted sends neither
		a.accept(p.T)
	case p.Flags.Has(ACK) && !a.is(midway) && a.synack.n+a.ack.n > 0: // the SYN-ACK may not have been captured
		switch acked := p.Ack - a.isn - 1; {
		case acked > 0 && acked <= a.top+unseen:
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
	if a.is(ignored) || a.strikes[stageACK].causes != 0 {
		return a.lastIn
	}
	if a.ackIn.n > 0 {
		return a.ackIn.first
	}
	return a.ack.first
}

func (a *Attempt) takeSYNACK(p *Packet, seen sight) {
	if a.is(midway) {
		return
	}
	switch acked := p.Ack - a.isn - 1; {
	case acked > a.synLen:
		return // of an earlier connection
	case acked > 0: // it took the data of a Fast Open SYN (RFC 7413)
		a.set(fastOpened)
		a.finish()
		a.connect(p.T)
	}
	a.listener.answered = true
	same := p.Seq == a.serverISN && p.Options.TSVal == a.odd.stamp // or there are none to tell it by
	if seen.sent && same && a.copied(&a.synack, p.T, firstTimeout/2) {
		return
	}
	if seen.sent {
		a.odd.stamp = p.Options.TSVal
		a.answer(p)
	}
	if seen.arrived && !(same && a.copied(&a.synackIn, p.T, firstTimeout/2)) {
		a.synackIn.add(p.T)
	}
}

// answer takes a SYN-ACK as it was sent.
func (a *Attempt) answer(p *Packet) {
	if a.odd.badSYN {
		a.listener.crowd.sumless = true // it was taken all the same
	}
	number(&a.firsts.synack, p)
	if a.synack.n == 0 || a.serverISN != p.Seq {
		a.serverISN = p.Seq
		a.admit()
		a.offers(p)
		echo := OptTimestamps
		if a.tries > 1 && p.Options.Present.Has(echo) && p.Options.TSEcr == a.tsval && a.tsval != 0 {
			a.set(answeredFirst)
		}
	} else if !a.is(synSince|fastOpened) && !a.answersEarlier(p) {
		a.resend(p)
	}
	what := synackAgain
	if (a.is(synSince) || a.answersEarlier(p)) && a.synack.n > 0 && a.syn.n > 1 && !a.is(cookie) {
		if a.is(synSince) {
			a.lost() // the SYN-ACK before
		}
		what = synackAnswers
		a.note(note{what: what}, p.T, p.Number)
	}
	a.synack.add(p.T)
	a.clear(synSince)
	if a.synack.n > 1 {
		a.remark(p.Number, note{what: what, n: a.synack.n - 1})
	}
}

// resend takes a SYN-ACK that no SYN asked for: the server's timer sent it, so
// there is a request, and what came before has made no connection of it.
func (a *Attempt) resend(p *Packet) {
	a.set(sawKept)
	if !a.t.cfg.Sockets {
		a.clear(cookie) // it was not one
	}
	a.resent.add(p.T)
	a.note(note{what: synackAgain}, p.T, p.Number)
	a.untake()
	a.futile = a.lastIn
	came := a.ackIn.n > 0
	if !a.sees(ServerSide) { // it may have crossed the final ACK
		came = a.ack.n > 0 && p.T-a.ack.first > a.synack.first-a.asked
	}
	if came {
		a.set(ignored)
		a.refuse()
		if a.top > 0 {
			a.set(ignoredData)
		}
	}
}

// untake takes back what the counters let expect: the final ACK has made no
// connection, though they know of no drop.
func (a *Attempt) untake() {
	if a.is(taken) && !a.is(child|owned) {
		a.clear(taken)
		a.futile = a.lastIn
		a.strike(stageACK, hostDrop, StruckACK, moment{a.lastIn, 0})
	}
}

// mistaken takes back that the last segment made a connection: it found none.
func (a *Attempt) mistaken() {
	a.clear(taken)
	if a.strikes[stageACK].causes == 0 {
		a.strike(stageACK, hostDrop, StruckACK, moment{a.lastIn, 0})
	}
	if n := len(a.history); n > 1 && a.history[n-1].Outcome == Queued && a.history[n-1].T >= a.lastIn {
		a.history = a.history[:n-1]
	}
}

func (a *Attempt) takeRST(p *Packet, seen sight) {
	if a.strange(p) {
		return
	}
	if a.synack.n == 0 && a.ack.n > 0 && !a.t.cfg.Sockets {
		a.set(midway) // its client has answered a SYN-ACK that was not captured
	}
	a.closes(p.T, true)
	if a.ack.n > 0 {
		a.answerOf(ResetFirst, p.T)
	}
	if p.Flags.Has(ACK) && a.synack.n > 0 {
		a.serves(p.T)
	}
	a.leave()
	a.serve()
	sent, in := &a.reset, &a.resetIn
	stray := a.dead() && !p.Flags.Has(ACK)
	if stray {
		sent, in = &a.stray, &a.strayIn
	}
	if seen.arrived {
		in.add(p.T)
	}
	switch {
	case seen.sent && stray:
		a.note(note{what: strayReset}, p.T, p.Number)
		a.remark(p.Number, note{what: strayReset})
	case seen.sent && a.reset.n == 0:
		a.firstReset(p)
	}
	if seen.sent && !stray && a.reset.n > 0 && a.is(refusedSYN) {
		a.note(note{what: serverReset}, p.T, p.Number)
	}
	if seen.sent {
		sent.add(p.T)
	}
	if seen.sent && !stray && a.reset.n == 1 && !a.is(plainReset|refusedSYN|owned) {
		a.fall()
	}
	if seen.sent && !stray {
		a.remark(p.Number, note{what: serverReset, outlook: a.ends()})
	}
	if in.n > sent.n {
		a.set(foreignReset)
	}
}

// dead reports whether a client has reset its connection before accept() returned
// it, where samples are given: the server's socket is gone, its place in the accept
// queue is not.
func (a *Attempt) dead() bool {
	return a.t.cfg.Sockets && a.hasConnection() && !a.is(owned) && a.rstIn.n > 0 && a.reset.n == 0
}

func (a *Attempt) firstReset(p *Packet) {
	a.odd.reset = p.Seq
	switch {
	case a.synack.n == 0 && !a.is(midway):
		a.set(refusedSYN)
		a.listener.denied = p.T
	case !p.Flags.Has(ACK):
		a.set(plainReset)
	}
	if a.is(plainReset) && a.is(taken) && !a.is(child|owned) {
		a.mistaken()
	}
	if a.t.cfg.Sockets && !a.is(refusedSYN|owned) && (!a.is(gone) || a.is(orphaned)) {
		a.listener.suspect(a)
	}
	n := note{what: serverReset}
	if a.is(plainReset) {
		n.segment = a.lastKind
	}
	a.note(n, p.T, p.Number)
}
