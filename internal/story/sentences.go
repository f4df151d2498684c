package story

import (
	"fmt"
	"slices"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// mentions reports whether the story mentions a drop or loss of such segments.
func (a *narrator) mentions(s evidence.Segment) bool {
	return slices.ContainsFunc(a.Notes, func(n evidence.Note) bool {
		return n.Segment == s && (n.What == evidence.Dropped || n.What == evidence.Lost)
	})
}

func (a *narrator) droppedSentence(n *evidence.Note) string {
	text := subject(n) + " is dropped"
	switch {
	case n.N > 1 && n.Segment == evidence.SegSYN:
		text += repeated(n, a.Client.SYN.First)
	case n.N > 1 && n.Segment != evidence.SegACK:
		text += repeated(n, a.Client.Data.First)
	}
	text += ": " + a.reason(n)
	if n.At == a.Counters.Strikes[evidence.StageACK].At {
		text += a.difference()
	}
	return text
}

// whySYNAgain says what the first SYN had met when it was sent again, as far as that was seen.
func (a *narrator) whySYNAgain(n *evidence.Note) string {
	switch {
	case a.Server.Challenges > 0:
		return ": it was answered for another connection"
	case a.Server.RefusedSYN:
		return ", although it is refused"
	case a.Server.Strange > 0:
		return ": it was answered by an RST that does not acknowledge it"
	case a.Server.SYNACK.N > 0 && a.Server.SYNACK.First < n.At.T:
		return ", although the server had answered it"
	case a.Server.SYNACK.N > 0 && a.Server.SYNACK.First < a.Client.SYN.Last:
		return ": it had no answer at first"
	}
	return ": it has had no answer"
}

func (a *narrator) afterLoss(n *evidence.Note) string {
	if n.At == a.Counters.Strikes[evidence.StageACK].At {
		return a.difference()
	}
	return ""
}

// difference says what the client believes and what the server has, after the
// final ACK came to nothing.
func (a *narrator) difference() string {
	switch {
	case a.Counters.Aborted:
		return ""
	case a.Held.Cookie:
		return "; the client is connected, the server is not: it has nothing (a SYN cookie keeps no request)"
	case a.Kept():
		return "; the client is connected, the server is not: it has only a request (SYN_RECV)"
	}
	return "; the client is connected, the server is not"
}

// uncounted says that the counters know of no drop.
func (a *narrator) uncounted() string {
	if a.Scene.Sockets && a.Server.SYNACK.N == 0 && a.verdict.Cause == judge.HostDrop && a.verdict.Struck == judge.StruckSYN {
		return ", and no counter of the listener has moved: the server's host drops it before TCP"
	}
	return ""
}

// whyAgain is why the server's timer sent the SYN-ACK again.
func (a *narrator) whyAgain() string {
	if a.Counters.Strikes[evidence.StageACK].Witness == evidence.Deferred {
		return "the period of TCP_DEFER_ACCEPT is over, and it asks for the ACK again that it has ignored"
	}
	return "it still waits for the final ACK" + a.eachTime()
}

// eachTime says that the client's answers to more SYN-ACKs were dropped, too.
func (a *narrator) eachTime() string {
	if a.HasConnection() {
		return ""
	}
	for i := range a.Notes {
		if n := &a.Notes[i]; n.What == evidence.Dropped && n.Segment == evidence.SegACK && n.N > 1 && n.At.T < a.Server.Resent.First {
			return "; what the client answers is dropped, too"
		}
	}
	return ""
}

func (a *narrator) stillConnected() string {
	closed := slices.ContainsFunc(a.Notes, func(n evidence.Note) bool { return n.What == evidence.ClientCloses })
	switch {
	case a.Client.ACK.N == 0 || a.Client.Reset.N > 0:
		return ""
	case a.Client.FINSent && closed:
		return "; the client has closed and waits for the ACK of its FIN"
	case a.Client.FINSent:
		return "; the client waits for the ACK of its FIN"
	case closed:
		return ""
	}
	return "; the client still believes that it is connected"
}

// whyRefused says why the server takes no data, where something shows it.
func (a *narrator) whyRefused() string {
	if a.Client.Older {
		return ": its timestamp is older than one before (PAWS)"
	}
	return ""
}

func (a *narrator) resetSentence(n *evidence.Note) string {
	o := &a.verdict.Outlook
	if o.First == judge.StateMisacked {
		return fmt.Sprintf("the server answers with RST%s: the client acknowledges byte %d, which was never sent", times(n.N), a.Client.Misack)
	}
	if o.First == judge.StateRefused {
		text := "the server refuses the connection" + times(n.N)
		if a.Scene.Sockets {
			text += ": nothing listens there" // looked
		}
		return text
	}
	resets := "the server resets the connection"
	if n.Segment == evidence.SegACK || n.Segment == evidence.SegData || n.Segment == evidence.SegFIN {
		resets = "the server answers " + subject(n) + " with RST"
	}
	if !o.Sure() {
		return "the server resets the connection"
	}
	switch o.First {
	case judge.StateAborted:
		if a.Counters.Aborted {
			return "the server resets the connection: tcp_abort_on_overflow is set"
		}
		return "the server resets the connection, as with tcp_abort_on_overflow"
	case judge.StateRejected:
		return "the server resets the connection: it had sent a SYN cookie" + a.whyRejected()
	case judge.StateStale:
		return resets + ": it has forgotten the connection"
	case judge.StateClosed:
		if a.Samples.AtClose {
			return resets + ": its listener was closed"
		}
		return resets + ", as one whose listener was closed"
	}
	return "the server resets the connection"
}

// whyRejected says why a SYN cookie did not check, where that was seen.
func (a *narrator) whyRejected() string {
	if a.Client.Beyond {
		return ", and what comes now does not begin where the cookie can be checked"
	}
	return ", which does not check any more"
}
