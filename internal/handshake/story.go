package handshake

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Story tells the attempt in sentences, by their time. They hold no address and
// no absolute time: attempts that went alike have equal stories.
func (a *Attempt) Story() []Line {
	o := a.ends()
	end := o.first
	var lines []Line
	say := func(at moment, text string) {
		if text != "" {
			lines = append(lines, Line{T: at.T, Text: text, Packet: at.number})
		}
	}
	for i := range a.notes {
		say(a.notes[i].at, a.sentence(&a.notes[i], o))
	}
	switch {
	case a.hasConnection():
		say(moment{T: a.established}, a.connectedSentence(end))
	case end == endPending || end == endExpired:
		say(moment{T: a.synack.first}, a.pendingSentence())
	case end == endUnanswered && a.syn.n == 1 && a.strikes[stageSYN].n == 0:
		say(moment{T: a.syn.first}, "the client sends its SYN: no answer yet")
	case end == endEstablished:
		say(moment{T: a.ack.first}, "the client sends its final ACK and is connected; nothing shows whether the server is")
	case o.sure() && (end == endHalfOpen || end == endPhantom || end == endForgotten) && a.strikes[stageACK].causes == 0:
		say(moment{T: a.ack.first}, "the final ACK makes no connection"+a.difference())
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.T, b.T) })
	return lines
}

func (a *Attempt) connectedSentence(end end) string {
	text := "the server has the connection"
	sets := a.strokes()
	switch d, late := a.delay(end, &sets); {
	case !late || d < roundTo/2:
	case a.heldBack():
		text += ", " + seconds(d) + " s after the ACK that it ignored by design"
	default:
		text += ", " + seconds(d) + " s late"
	}
	switch {
	case end == endQueued && a.listener.closed():
		return text + "; its listener is closed"
	case end == endQueued && a.reset.n > 0:
	case end == endQueued:
		return text + "; it waits in the accept queue"
	case end == endEstablished:
		return text + "; whether it was accepted cannot be seen"
	}
	return text
}

// heldBack reports that nothing but TCP_DEFER_ACCEPT struck the attempt, as its program
// wants it.
func (a *Attempt) heldBack() bool {
	return a.strikes[stageSYN].causes|a.strikes[stageSYNACK].causes == 0 && a.strikes[stageACK].causes == deferred
}

func (a *Attempt) pendingSentence() string {
	switch {
	case a.is(cookie):
		return "" // told with the cookie
	case a.kept():
		return "the server keeps a request (SYN_RECV) and waits for the final ACK"
	case a.t.cfg.Sockets:
		return "the server answers with its SYN-ACK; whether it keeps a request or has sent a SYN cookie is not known"
	}
	return "the server waits for the final ACK"
}

// sentence tells one note; empty where another one tells more.
func (a *Attempt) sentence(n *note, o outlook) string {
	switch n.what {
	case synAgain:
		if a.strikes[stageSYN].n > 0 {
			return ""
		}
		return "the client sends its SYN again" + n.repeated(a.syn.first) + a.whySYNAgain() + a.uncounted()
	case synackAgain:
		return "the server sends its SYN-ACK again" + n.repeated(a.synack.first) + ": " + a.whyAgain()
	case synackAnswers:
		return "the server sends its SYN-ACK again" + times(n.n) + ", as an answer to the SYN that was sent again"
	case dataAgain:
		if a.hasConnection() || a.tells(segData) || a.tells(segFIN) {
			return ""
		}
		return "the client sends its data again" + n.repeated(a.data.first) + ": the server does not acknowledge it"
	case dropped:
		return a.droppedSentence(n)
	case lost:
		return n.subject() + " is lost on the way" + times(n.n) + a.afterLoss(n)
	case held:
		return n.subject() + " is held back on the way"
	case sentCookie:
		return "the server answers with a SYN cookie and keeps no request" + n.whyCookie()
	case serverReset:
		return a.resetSentence(n, o)
	case strayReset:
		return "the server answers what comes after the client's RST with RST: it has no such connection any more"
	case queueGone:
		return "the listener is closed, and with it ends the accept queue; the connection in it was dead, since its client had reset it"
	case challenged:
		return "the server answers the SYN with a bare ACK" + times(n.n) + ": it has another connection from this address and port, in TIME-WAIT or still open"
	case strangeReset:
		return "an RST comes that does not acknowledge the SYN: the client ignores it"
	case badSum:
		return n.subject() + " comes with a wrong checksum: TCP drops it"
	case refused:
		return "the server answers the data with an ACK that takes none of it" + times(n.n) + a.whyRefused()
	case accepted:
		text := "accept() returns the connection" + after(n.at.T-a.established)
		if a.t.cfg.Sockets && a.rstIn.n > 0 && a.rstIn.first < n.at.T {
			text += ": it is dead, since its client has reset it"
		}
		return text
	case expired:
		if a.is(orphaned) {
			return "the request goes with its listener, without a word: the server has nothing any more" + a.stillConnected()
		}
		return "the request expires" + after(n.at.T-a.synack.first) + " without a word: the server has nothing any more" + a.stillConnected()
	}
	return n.callSentence()
}

func (n *note) callSentence() string {
	switch n.what {
	case clientCloses:
		return "the client closes"
	case clientShuts:
		return "the client half-closes: shutdown() sends its FIN"
	case clientResets:
		return "the client resets the connection"
	case callFailed:
		return n.call + "() fails: " + n.errno
	case connectFailed:
		return "connect() fails" + after(n.took) + ": " + n.errno
	case connectEnded:
		return "the client gives up" + after(n.took)
	}
	return ""
}

// tells reports whether a drop or loss of such segments is told.
func (a *Attempt) tells(s segment) bool {
	return slices.ContainsFunc(a.notes, func(n note) bool {
		return n.segment == s && (n.what == dropped || n.what == lost)
	})
}

func (a *Attempt) droppedSentence(n *note) string {
	text := n.subject() + " is dropped"
	switch {
	case n.n > 1 && n.segment == segSYN:
		text += n.repeated(a.syn.first)
	case n.n > 1 && n.segment != segACK:
		text += n.repeated(a.data.first)
	}
	text += ": " + n.reason()
	if n.at == a.strikes[stageACK].at {
		text += a.difference()
	}
	return text
}

// whySYNAgain says what the first SYN has met, as far as that was seen.
func (a *Attempt) whySYNAgain() string {
	switch {
	case a.odd.challenges > 0:
		return ": it was answered for another connection"
	case a.is(refusedSYN):
		return ", although it is refused"
	case a.synack.n > 0 && a.synack.first < a.synAgain:
		return ", although it was answered"
	case a.synack.n > 0 && a.synack.first < a.syn.last:
		return ": it had no answer at first"
	}
	return ": it has had no answer"
}

func (a *Attempt) afterLoss(n *note) string {
	if n.at == a.strikes[stageACK].at {
		return a.difference()
	}
	return ""
}

// difference says what the client believes and what the server has, after the
// final ACK came to nothing.
func (a *Attempt) difference() string {
	switch {
	case a.is(aborted):
		return ""
	case a.is(cookie):
		return "; the client is connected, the server is not: it has nothing (a SYN cookie keeps no request)"
	case a.kept():
		return "; the client is connected, the server is not: it has only a request (SYN_RECV)"
	}
	return "; the client is connected, the server is not"
}

// uncounted says that the counters know of no drop.
func (a *Attempt) uncounted() string {
	if a.t.cfg.Sockets && a.synack.n == 0 && a.struckBy(stageSYN) == hostDrop {
		return ", and no counter of the listener has moved: the server's host drops it before TCP"
	}
	return ""
}

// whyAgain is why the server's timer sent the SYN-ACK again.
func (a *Attempt) whyAgain() string {
	if a.strikes[stageACK].causes == deferred {
		return "the period of TCP_DEFER_ACCEPT is over, and it asks for the ACK again that it has ignored"
	}
	return "it still waits for the final ACK" + a.eachTime()
}

// eachTime says that the client's answers to more SYN-ACKs were dropped, too.
func (a *Attempt) eachTime() string {
	if a.hasConnection() {
		return ""
	}
	for i := range a.notes {
		if n := &a.notes[i]; n.what == dropped && n.segment == segACK && n.n > 1 && n.at.T < a.resent.first {
			return "; what the client answers is dropped, too"
		}
	}
	return ""
}

func (a *Attempt) stillConnected() string {
	closed := slices.ContainsFunc(a.notes, func(n note) bool { return n.what == clientCloses })
	switch {
	case a.ack.n == 0 || a.clientReset.n > 0:
		return ""
	case a.is(finSent) && closed:
		return "; the client has closed and waits for the ACK of its FIN"
	case a.is(finSent):
		return "; the client waits for the ACK of its FIN"
	case closed:
		return ""
	}
	return "; the client still believes that it is connected"
}

// whyRefused says why the server takes no data, where something shows it.
func (a *Attempt) whyRefused() string {
	if a.odd.older {
		return ": its timestamp is older than one before (PAWS)"
	}
	return ""
}

func (a *Attempt) resetSentence(n *note, o outlook) string {
	if o.first == endMisacked {
		return fmt.Sprintf("the server answers with RST%s: the client acknowledges byte %d, which was never sent", times(n.n), a.odd.misack)
	}
	if o.first == endRefused {
		text := "the server refuses the connection" + times(n.n)
		if a.t.cfg.Sockets {
			text += ": nothing listens there" // looked
		}
		return text
	}
	resets := "the server resets the connection"
	if n.segment == segACK || n.segment == segData || n.segment == segFIN {
		resets = "the server answers " + n.subject() + " with RST"
	}
	if !o.sure() {
		return "the server resets the connection"
	}
	switch o.first {
	case endAborted:
		return "the server resets the connection: tcp_abort_on_overflow is set"
	case endRejected:
		return "the server resets the connection: it had sent a SYN cookie, and what comes now does not begin where the cookie can be checked"
	case endStale:
		return resets + ": it has forgotten the connection"
	case endClosed:
		return resets + ": its listener was closed"
	}
	return "the server resets the connection"
}

// subject is the packet that a note is about.
func (n *note) subject() string {
	return [...]string{
		segOther: "the SYN-ACK", segSYN: "the SYN", segACK: "the final ACK",
		segData: "the client's data", segFIN: "the client's FIN", segRST: "the client's RST",
	}[n.segment]
}

// reason says why the server dropped it.
func (n *note) reason() string {
	switch n.causes {
	case acceptFull:
		return "the accept queue is full" + n.measure()
	case synFull:
		return "the SYN queue is full" + n.measure()
	case synReserve:
		return "the rest of tcp_max_syn_backlog is reserved for clients known from before" + n.measure()
	case deferred:
		return "with TCP_DEFER_ACCEPT the server waits for data"
	case hostDrop:
		switch n.where {
		case inFilter:
			return "a packet filter takes it"
		case inChecksum:
			return "its checksum is wrong"
		case inReversePath:
			return "the way back to its sender's address is another one (rp_filter)"
		}
		return "memory, route or a security module failed"
	}
	return "not because a queue is full"
}

func (n *note) measure() string {
	if !n.measured {
		return ""
	}
	switch n.causes {
	case synFull:
		return fmt.Sprintf(" (%s, limit %d)", n.requests(), n.limit)
	case synReserve:
		return fmt.Sprintf(" (%s, tcp_max_syn_backlog %d)", n.requests(), n.limit)
	}
	return fmt.Sprintf(" (%d of limit %d)", n.length, n.limit)
}

func (n *note) requests() string {
	if n.length == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n.length)
}

// whyCookie says why the server sent a cookie.
func (n *note) whyCookie() string {
	switch {
	case n.always && n.causes == synFull:
		return ": " + n.reason() + ", or tcp_syncookies is 2"
	case n.always:
		return ": tcp_syncookies is 2"
	case n.causes == synFull:
		return ": " + n.reason()
	}
	return ""
}

// repeated tells how often and when something happened, from start.
func (n *note) repeated(start time.Duration) string {
	var b strings.Builder
	known := min(n.n, maxTimes)
	b.WriteString(times(n.n))
	later := slices.DeleteFunc(slices.Clone(n.times[:known]), func(t time.Duration) bool { return t-start < roundTo/2 })
	switch {
	case len(later) == 0 && n.n == 1:
		return ""
	case len(later) == 0:
		return b.String() + " within 0.1 s"
	case len(later) < known:
		b.WriteString(", at first and after ")
	default:
		b.WriteString(", after ")
	}
	for i, t := range later {
		switch {
		case i == 0:
		case i == len(later)-1 && n.n == known:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(seconds(t - start))
	}
	b.WriteString(" s")
	if n.n > known {
		b.WriteString(" and later")
	}
	return b.String()
}

// roundTo is how exactly a story tells durations.
const roundTo = 100 * time.Millisecond

func seconds(d time.Duration) string {
	if d < roundTo/2 {
		return "less than 0.1"
	}
	return fmt.Sprintf("%.1f", d.Round(roundTo).Seconds())
}

// after tells how long something took; nothing if it was done at once.
func after(d time.Duration) string {
	if d < roundTo/2 {
		return ""
	}
	return " after " + seconds(d) + " s"
}

// times tells how often something happened; nothing if it was once.
func times(n int) string {
	switch n {
	case 1:
		return ""
	case 2:
		return " twice"
	}
	return fmt.Sprintf(" %d times", n)
}
