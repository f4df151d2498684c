package story

import (
	"cmp"
	"slices"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// Line is one sentence of a story.
type Line struct {
	T      time.Duration
	Text   string
	Packet int // the number of the packet that it rests on; 0 if none
}

// narrator writes the story of an attempt from its evidence and its verdict.
type narrator struct {
	*evidence.Attempt
	verdict *judge.Verdict
}

// Tell describes an attempt in sentences, in the order of time. They hold no address and
// no absolute time: attempts that went alike have equal stories.
func Tell(seen *evidence.Attempt, v *judge.Verdict) []Line {
	a := narrator{seen, v}
	o := v.Outlook
	end := o.First
	var lines []Line
	say := func(at evidence.Moment, text string) {
		if text != "" {
			lines = append(lines, Line{T: at.T, Text: text, Packet: at.Number})
		}
	}
	for i := range a.Notes {
		say(a.Notes[i].At, a.sentence(&a.Notes[i]))
	}
	switch {
	case a.HasConnection():
		say(evidence.Moment{T: a.Held.Since}, a.connectedSentence(end))
	case end == judge.StatePending || end == judge.StateExpired:
		say(evidence.Moment{T: a.Server.SYNACK.First}, a.pendingSentence())
	case end == judge.StateUnanswered && a.Client.SYN.N == 1 && a.Counters.Strikes[evidence.StageSYN].N == 0:
		say(evidence.Moment{T: a.Client.SYN.First}, "the client sends its SYN: no answer yet")
	case end == judge.StateEstablished:
		say(evidence.Moment{T: a.Client.ACK.First}, "the client sends its final ACK and is connected; nothing shows whether the server is")
	case o.Sure() && (end == judge.StateHalfOpen || end == judge.StatePhantom || end == judge.StateForgotten) && a.Counters.Strikes[evidence.StageACK].Witness == evidence.NoWitness:
		say(evidence.Moment{T: a.Client.ACK.First}, "the final ACK makes no connection"+a.difference())
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.T, b.T) })
	return lines
}

func (a *narrator) connectedSentence(end judge.State) string {
	text := "the server has the connection"
	switch d, late := a.verdict.Delay, a.verdict.Late; {
	case !late || d < roundTo/2:
	case a.heldBack():
		text += ", " + seconds(d) + " s after the ACK that it ignored by design"
	default:
		text += ", " + seconds(d) + " s late"
	}
	switch {
	case end == judge.StateQueued && a.On.Closed():
		return text + "; its listener is closed"
	case end == judge.StateQueued && a.Server.Reset.N > 0:
	case end == judge.StateQueued:
		return text + "; it waits in the accept queue"
	case end == judge.StateEstablished:
		return text + "; whether it was accepted cannot be seen"
	}
	return text
}

// heldBack reports that nothing but TCP_DEFER_ACCEPT struck the attempt, as its program
// wants it.
func (a *narrator) heldBack() bool {
	return a.Counters.Strikes[evidence.StageSYN].Witness == evidence.NoWitness && a.Counters.Strikes[evidence.StageSYNACK].Witness == evidence.NoWitness && a.Counters.Strikes[evidence.StageACK].Witness == evidence.Deferred
}

func (a *narrator) pendingSentence() string {
	switch {
	case a.Held.Cookie:
		return "" // said with the cookie
	case a.Kept():
		return "the server keeps a request (SYN_RECV) and waits for the final ACK"
	case a.Scene.Sockets:
		return "the server answers with its SYN-ACK; whether it keeps a request or has sent a SYN cookie is not known"
	}
	return "the server waits for the final ACK"
}

// sentence describes one note; it is empty where another note says more.
func (a *narrator) sentence(n *evidence.Note) string {
	switch n.What {
	case evidence.SYNAgain:
		if a.Counters.Strikes[evidence.StageSYN].N > 0 {
			return ""
		}
		return "the client sends its SYN again" + repeated(n, a.Client.SYN.First) + a.whySYNAgain(n) + a.uncounted()
	case evidence.SYNACKAgain:
		return "the server sends its SYN-ACK again" + repeated(n, a.Server.SYNACK.First) + ": " + a.whyAgain()
	case evidence.SYNACKAnswers:
		return "the server sends its SYN-ACK again" + times(n.N) + ", as an answer to the SYN that was sent again"
	case evidence.DataAgain:
		if a.HasConnection() || a.mentions(evidence.SegData) || a.mentions(evidence.SegFIN) {
			return ""
		}
		return "the client sends its data again" + repeated(n, a.Client.Data.First) + ": the server does not acknowledge it"
	case evidence.Dropped:
		return a.droppedSentence(n)
	case evidence.Lost:
		return subject(n) + " is lost on the way" + times(n.N) + a.afterLoss(n)
	case evidence.HeldBack:
		return subject(n) + " is held back on the way"
	case evidence.SentCookie:
		return "the server answers with a SYN cookie and keeps no request" + whyCookie(n)
	case evidence.ServerReset:
		return a.resetSentence(n)
	case evidence.StrayReset:
		return "the server answers what comes after the client's RST with RST: it has no such connection any more"
	case evidence.QueueGone:
		return "the listener is closed, and with it ends the accept queue; the connection in it was dead, since its client had reset it"
	case evidence.BareACK:
		return "the server answers the SYN with a bare ACK" + times(n.N) + ": it has another connection from this address and port, in TIME-WAIT or still open"
	case evidence.StrangeReset:
		return "an RST comes that does not acknowledge the SYN: the client ignores it"
	case evidence.WrongSum:
		return subject(n) + " comes with a wrong checksum: TCP drops it"
	case evidence.TakesNone:
		return "the server answers the data with an ACK that takes none of it" + times(n.N) + a.whyRefused()
	case evidence.AcceptReturned:
		text := "accept() returns the connection" + after(n.At.T-a.Held.Since)
		if a.Scene.Sockets && a.Client.ResetIn.N > 0 && a.Client.ResetIn.First < n.At.T {
			text += ": it is dead, since its client has reset it"
		}
		return text
	case evidence.Expired:
		if a.Samples.Orphaned {
			return "the request goes with its listener, without a word: the server has nothing any more" + a.stillConnected()
		}
		return "the request expires" + after(n.At.T-a.Server.SYNACK.First) + " without a word: the server has nothing any more" + a.stillConnected()
	}
	return callSentence(n)
}

func callSentence(n *evidence.Note) string {
	switch n.What {
	case evidence.ClientCloses:
		return "the client closes"
	case evidence.ClientShuts:
		return "the client half-closes: shutdown() sends its FIN"
	case evidence.ClientResets:
		return "the client resets the connection"
	case evidence.CallFailed:
		return n.Call + "() fails: " + n.Errno
	case evidence.ConnectFailed:
		return "connect() fails" + after(n.Took) + ": " + n.Errno
	case evidence.ConnectEnded:
		return "the client gives up" + after(n.Took)
	}
	return ""
}
