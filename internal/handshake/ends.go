package handshake

import (
	"iter"
	"time"
)

// end is a way in which an attempt can stand or have ended.
type end uint8

const (
	endUnknown end = iota
	endAccepted
	endQueued
	endEstablished
	endPending
	endExpired // no final ACK came, and the request expired
	endHalfOpen
	endPhantom
	endForgotten
	endUnanswered
	endGaveUp
	endTimedOut
	endAborted
	endRejected
	endStale    // reset by a segment after the request expired
	endClosed   // reset with the listener's end
	endByClient // reset by the client before the server had a connection
	endDead     // reset by the client while it was queued, and gone with its listener
	endForeign  // reset by somebody in between
	endRefused
	endMisacked // reset because the client acknowledged what was never sent
	endGone     // reset because the server has no such connection any more, for whatever reason
	ends
)

// endings says what each end is: its outcome, what finished it, and the stages
// that can hold its cause. The cause is the first stage that was struck; if none
// was it is base. An end that has only stageACK is not reached without a strike there.
var endings = [ends]struct {
	outcome     Outcome
	by          Cause
	first, last stage
	within      causes // what can strike to that end; 0: anything
	base        Cause  // empty: there is no such end without a strike
	failed      bool   // the final ACK may have made no connection
}{
	endUnknown:     {outcome: Unknown, first: stages, base: UnknownCause},
	endAccepted:    {outcome: Accepted, last: stageACK, base: NoCause},
	endQueued:      {outcome: Queued, last: stageACK, base: ByServer},
	endEstablished: {outcome: EstablishedBoth, last: stageACK, base: NoCause},
	endPending:     {outcome: Pending, last: stageSYNACK, base: NoCause},
	endExpired:     {outcome: TimedOut, by: RequestExpired, last: stageSYNACK, base: ByClient},
	endHalfOpen:    {outcome: HalfOpen, first: stageACK, last: stageACK},
	endPhantom:     {outcome: Phantom, first: stageACK, last: stageACK, within: acceptFull | hostDrop | netLoss},
	endForgotten:   {outcome: Forgotten, by: RequestExpired, first: stageACK, last: stageACK},
	endUnanswered:  {outcome: Unanswered, last: stageSYNACK, base: NoCause},
	endGaveUp:      {outcome: GaveUp, by: ByClient, last: stageSYNACK, base: ByClient},
	endTimedOut:    {outcome: TimedOut, by: Timeout, last: stageSYNACK, base: UnknownCause},
	endAborted:     {outcome: Reset, by: AbortOnOverflow, first: stageACK, last: stageACK, within: acceptFull},
	endRejected:    {outcome: Reset, by: CookieRejected, first: stageACK, last: stageACK, within: acceptFull | hostDrop | netLoss},
	endStale:       {outcome: Reset, by: RequestExpired, first: stageACK, last: stageACK},
	endClosed:      {outcome: Reset, by: ListenerClosed, last: stageACK, base: ListenerClosed, failed: true},
	endByClient:    {outcome: Reset, by: ByClient, last: stageACK, base: ByClient, failed: true},
	endDead:        {outcome: Reset, by: ByClient, last: stageACK, base: ByServer},
	endForeign:     {outcome: Reset, first: stages, base: UnknownCause},
	endRefused:     {outcome: Refused, by: ListenerClosed, last: stageSYN, base: NoListener},
	endMisacked:    {outcome: Reset, first: stages, base: ByClient},
	endGone:        {outcome: Reset, first: stages, base: UnknownCause},
}

// outlook is the set of ends that what was seen leaves, and the one that fits best.
type outlook struct {
	first  end
	others endSet
	likely bool // first fits much better
}

type endSet uint32

func (s endSet) has(e end) bool { return s&(1<<e) != 0 }

func (s *endSet) add(all ...end) {
	for _, e := range all {
		*s |= 1 << e
	}
}

func (s endSet) each() iter.Seq[end] {
	return func(yield func(end) bool) {
		for e := range ends {
			if s.has(e) && !yield(e) {
				return
			}
		}
	}
}

func only(e end) outlook { return outlook{first: e} }

// or adds what else can be; what fits best is not among it.
func (o outlook) or(all ...end) outlook {
	o.others.add(all...)
	o.others &^= 1 << o.first
	return o
}

// sure reports that there is no other end, or none that fits nearly as well.
func (o outlook) sure() bool { return o.others == 0 || o.likely }

// ends is the heart of the model: what can have become of the attempt.
func (a *Attempt) ends() outlook {
	switch {
	case a.is(owned):
		return only(endAccepted)
	case a.is(midway|crossed) || a.blind():
		return only(endUnknown)
	case a.is(gaveUp):
		return only(endGaveUp)
	case a.is(timedOut):
		return only(endTimedOut)
	case a.is(connectDenied) || a.is(refusedSYN):
		return only(endRefused)
	case a.reset.n > 0 || a.is(connectReset):
		return a.resetEnds()
	case a.is(buried):
		return only(endDead)
	case a.is(perhapsBuried):
		return outlook{first: endQueued}.or(endDead, endAccepted)
	case a.hasConnection() && a.t.cfg.Sockets:
		return only(endQueued)
	case a.hasConnection():
		return only(endEstablished)
	case a.is(foreignReset) && a.t.cfg.Sockets:
		return outlook{first: endForeign}
	case a.is(foreignReset) && a.synack.n == 0:
		return outlook{first: endForeign}.or(endRefused)
	case a.is(foreignReset):
		return outlook{first: endForeign}.or(endEstablished)
	case a.clientReset.n > 0:
		return a.clientResetEnds()
	case a.synack.n == 0:
		return a.unansweredEnds()
	case a.ack.n == 0:
		return a.pendingEnds()
	case a.t.cfg.Sockets:
		return only(a.sampledEnd())
	}
	return a.openEnds()
}

// sampledEnd is what has become of an attempt whose client has sent its final
// ACK, where counters and samples tell what the server has.
func (a *Attempt) sampledEnd() end {
	struck := a.strikes[stageACK].causes != 0 || a.is(ignored|vacant)
	switch {
	case a.is(gone):
		return endForgotten
	case struck && a.kept():
		return endHalfOpen
	case struck:
		return endPhantom
	}
	return endPending // on its way, or not looked at yet
}

// openEnds is for packets alone, after the final ACK.
func (a *Attempt) openEnds() outlook {
	switch {
	case a.sees(ClientSide|ServerSide) && a.ackIn.n == 0:
		return a.lostEnds()
	case a.roomy() && a.is(cookie):
		return outlook{first: endEstablished}.or(endPhantom)
	case a.roomy() && a.kept():
		return outlook{first: endEstablished}.or(endHalfOpen)
	case a.roomy():
		return outlook{first: endEstablished}.or(endHalfOpen, endPhantom, endForgotten)
	}
	if a.odd.refusals > 0 {
		return outlook{first: endEstablished}.or(endHalfOpen) // a request answers what it does not take, too
	}
	o := a.openFirst()
	// The segment that came after the last SYN-ACK may have made a connection of the request.
	waiting := a.is(ignored) && a.lastIn <= a.resent.last
	if !a.sees(ServerSide) || !waiting {
		o = o.or(endEstablished)
	}
	if !a.kept() {
		o = o.or(endPhantom)
	}
	if a.is(cookie) {
		return o // there is no request that could stay or expire
	}
	if a.t.now-a.synack.last >= firstTimeout {
		o = o.or(endForgotten)
	}
	return o.or(endHalfOpen)
}

// lostEnds is for both sides seen, when no final ACK has come to the server.
func (a *Attempt) lostEnds() outlook {
	o := outlook{first: endHalfOpen, likely: a.waitsStill()}
	if a.t.now-a.synack.last >= firstTimeout {
		o = o.or(endForgotten)
	}
	if !a.kept() {
		o = o.or(endPhantom)
	}
	return o
}

// openFirst is the best of the openEnds.
func (a *Attempt) openFirst() outlook {
	overdue := a.t.now-a.synack.last > a.nextResend()*5/4
	switch {
	case a.is(unacked) && !a.kept():
		return outlook{first: endPhantom}
	case (a.is(unacked) || a.resent.n >= synackRetries) && overdue:
		return outlook{first: endForgotten}
	case a.is(unacked), a.is(ignored) && !overdue:
		return outlook{first: endHalfOpen, likely: a.kept() && a.resent.n+a.dataAgain > 1 && a.waitsStill()}
	}
	return outlook{first: endEstablished, likely: a.resent.n == 0}
}

// waitsStill reports that the server's timer was not due again: a request is there.
func (a *Attempt) waitsStill() bool { return a.t.now-a.synack.last < a.nextResend() }

// synackRetries is the default of net.ipv4.tcp_synack_retries.
const synackRetries = 5

// unansweredEnds is for a client whose SYNs have had no SYN-ACK, as far as seen.
func (a *Attempt) unansweredEnds() outlook {
	o := only(endUnanswered)
	if a.t.cfg.Sockets {
		if a.is(clientClosed) {
			return a.clientVanished()
		}
		return o
	}
	gap := max(firstTimeout, a.synGap)
	quiet := a.t.now - a.syn.last
	if a.informed() && (quiet < patience || a.spoofed()) {
		return o // it was there a moment ago, or never
	}
	o = o.or(endGaveUp)
	if !a.sees(ServerSide) {
		o = o.or(endPending) // the SYN-ACKs may be lost
	}
	switch {
	case quiet > gap*19/10 && a.sees(ClientSide) && a.syn.n > 6:
		o = outlook{first: endTimedOut, likely: true, others: o.others}.or(endUnanswered)
	case quiet > gap*9/10:
		o = o.or(endTimedOut)
	}
	return o
}

// patience is how long a client is taken to be there still after it has sent something.
const patience = 100 * time.Millisecond

// clientVanished is for a client without calls whose socket is gone: it gave up, or
// connect() timed out when the next SYN was due, and all retries were used up.
func (a *Attempt) clientVanished() outlook {
	if a.vanished-a.syn.last < max(firstTimeout, a.synGap*9/10) || a.syn.n <= a.t.synRetries {
		return outlook{first: endGaveUp, likely: true}.or(endTimedOut)
	}
	return outlook{first: endTimedOut, likely: true}.or(endGaveUp)
}

// pendingEnds is for a SYN that was answered, and no final ACK was seen.
func (a *Attempt) pendingEnds() outlook {
	o := outlook{first: endPending, likely: a.resent.n == 0}
	switch expired := a.t.now-a.synack.last >= firstTimeout; {
	case a.t.cfg.Sockets && a.is(gone):
		return only(endExpired)
	case a.t.cfg.Sockets && a.is(clientClosed) && a.synackIn.n == 0:
		return a.clientVanished()
	case a.t.cfg.Sockets:
		return only(endPending)
	case !a.t.acks: // the capture may have been taken with a filter for SYNs
		return outlook{first: endPending}.or(endEstablished, endHalfOpen, endPhantom, endForgotten, endGaveUp, endExpired, endTimedOut)
	case a.lossless():
		return a.overdueEnds()
	case !a.sees(ClientSide):
		o = o.or(endHalfOpen, endPhantom, endGaveUp)
		if expired {
			o = o.or(endExpired, endForgotten, endTimedOut)
		}
	case a.synackIn.n == 0:
		o = o.or(endGaveUp)
		if expired {
			o = o.or(endExpired, endTimedOut)
		}
	case expired:
		o = o.or(endExpired)
	}
	return o
}

// overdueEnds is for a request whose client is not there, or does not answer: one
// that had given up would answer the SYN-ACK with RST.
func (a *Attempt) overdueEnds() outlook {
	switch {
	case a.t.now-a.synack.last <= a.nextResend()*5/4:
		return only(endPending)
	case a.kept():
		return only(endExpired)
	}
	return outlook{first: endPending, likely: true}.or(endExpired) // a cookie keeps nothing that could expire
}

// clientResetEnds is for a client that sent an RST before the server showed a connection.
func (a *Attempt) clientResetEnds() outlook {
	switch {
	case a.ack.n == 0 && !a.t.cfg.Sockets && !a.t.acks:
		return outlook{first: endGaveUp}.or(endEstablished, endByClient, endHalfOpen, endPhantom)
	case a.ack.n == 0 && a.odd.connected && !a.t.cfg.Sockets:
		return outlook{first: endEstablished}.or(endGaveUp, endByClient, endHalfOpen, endPhantom) // its final ACK was not captured
	case a.ack.n == 0:
		return only(endGaveUp)
	case a.t.cfg.Sockets:
		return only(endByClient)
	case a.roomy() && a.undeferred():
		return only(endEstablished)
	}
	return outlook{first: endEstablished}.or(endByClient, endHalfOpen, endPhantom)
}

// resetEnds is for an RST of the server after its SYN-ACK.
func (a *Attempt) resetEnds() outlook {
	switch {
	case a.is(aborted):
		return only(endAborted)
	case a.is(rejected):
		return only(endRejected)
	case a.t.cfg.Sockets:
		return a.sampledReset()
	case a.odd.misacks > 0 && a.odd.reset == a.odd.misack:
		return only(endMisacked)
	case a.hasConnection() || a.reset.n > 0 && !a.is(plainReset):
		// tcp_disconnect and close() with unread data send RST with ACK.
		o := outlook{first: endAccepted, likely: true}.or(endClosed)
		lives := a.listener.crowd.admitted > a.reset.first // unless it is another of its group
		if !lives && (a.informed() && a.is(together) || a.listener.denied >= a.reset.first) {
			o = outlook{first: endClosed}.or(endAccepted) // a program that ends resets what it had accepted, too
		}
		if !a.sees(ServerSide) {
			o = o.or(endForeign)
		}
		return o
	}
	return a.plainResetEnds()
}

// sampledReset is why the server reset, where counters and samples tell.
func (a *Attempt) sampledReset() outlook {
	switch {
	case a.is(gone) && !a.is(orphaned):
		return only(endStale)
	case a.is(atClose) && a.is(afterShare) && !a.is(sawWaiting):
		return outlook{first: endClosed, likely: true}.or(endAccepted)
	case a.is(atClose):
		return only(endClosed)
	case a.hasConnection():
		return outlook{first: endQueued}.or(endClosed, endAccepted) // until a sample tells
	case a.kept() && a.reset.first-a.synack.last >= firstTimeout:
		return only(endStale)
	case a.is(cookie):
		return only(endRejected)
	case a.ruledOut[stageACK]&acceptFull == 0:
		return only(endAborted)
	}
	return only(endForeign)
}

// plainResetEnds is for packets alone and an RST without ACK: it answers a
// segment that found no connection (tcp_v4_send_reset, net/ipv4/tcp_ipv4.c).
func (a *Attempt) plainResetEnds() outlook {
	late := a.reset.first-a.synack.last >= firstTimeout
	prompt := a.reset.first-a.ack.first < firstTimeout && a.data.n <= 1 && !a.is(beyond)
	o := outlook{first: endAborted, likely: prompt}
	o = o.or(endClosed)
	if late {
		o = outlook{first: endStale, likely: a.kept(), others: o.others}.or(endAborted)
	}
	if a.is(beyond) && !a.kept() {
		o = outlook{first: endRejected, others: o.others}.or(o.first)
	}
	if !a.sees(ServerSide) {
		o = o.or(endForeign, endAccepted)
	}
	if a.informed() {
		o = a.likelyReset(late)
	}
	if a.data.n > 0 {
		o = o.or(endAccepted) // a filter may reject the data of one that was
	}
	return o
}

// longSilence is after how long without a segment something else may have forgotten the
// connection: NATs, firewalls and balancers do after minutes, and so may the server.
const longSilence = 30 * time.Second

// likelyReset is plainResetEnds where others tell whether their listener goes on.
func (a *Attempt) likelyReset(late bool) outlook {
	denied := a.listener.denied >= a.reset.first
	quiet := a.reset.first - max(a.synack.last, a.ack.first)
	silent := a.is(ignored | untaken | unacked)
	switch {
	case denied:
		return outlook{first: endClosed, likely: true}.or(endAborted, endStale, endGone)
	case late && a.kept() && a.reset.first-a.synack.last >= a.nextResend():
		return only(endStale)
	case late && !a.kept() && quiet > longSilence && !silent:
		return outlook{first: endGone}.or(endRejected, endStale, endClosed)
	case late && !a.kept():
		return outlook{first: endRejected}.or(endStale, endClosed, endGone) // a request would have been heard of again
	case late && silent:
		return outlook{first: endStale}.or(endClosed, endGone)
	case late:
		return outlook{first: endAborted}.or(endStale, endClosed, endGone)
	case a.is(beyond) && !a.kept():
		return outlook{first: endRejected}.or(endClosed, endGone)
	}
	return outlook{first: endAborted}.or(endClosed, endGone)
}
