package story

import (
	"fmt"
	"strings"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// Listener describes what is wrong with a listener. Only what its capture lacks needs more
// than the verdict.
func Listener(l *evidence.Listener, v *judge.ListenerVerdict) string {
	switch {
	case v.Finding == judge.Unseen:
		return lacks(v, l)
	case v.Finding == judge.Fine && !l.Scene.Sockets:
		return fine(v)
	case v.Finding == judge.Undecided && v.Queue.Fits():
		return text(v) + fits(&v.Queue)
	}
	return text(v)
}

// Reflection explains why SYN-ACKs of many servers arrive at a victim.
func Reflection(v *judge.ListenerVerdict) string {
	victim := v.Address.Addr()
	return fmt.Sprintf("SYN-ACKs of %d servers come to %s, which has sent none of them a SYN: somebody has forged its address", v.Servers, victim)
}

// text is the finding as a sentence.
func text(v *judge.ListenerVerdict) string {
	of := fmt.Sprintf("of %d connections ", v.Attempts)
	if v.Attempts == 1 {
		of = "of one connection "
	}
	switch v.Finding {
	case judge.Overflow:
		has := "overflowed: "
		if v.Confidence == judge.Possible {
			has = "may have overflowed: "
		}
		return "the accept queue " + has + of + fmt.Sprintf("%d met it full", v.Overflowed) + others(v)
	case judge.SynOverflow:
		return "the SYN queue was full: " + of + fmt.Sprintf("%d had SYNs dropped", v.SynQueue)
	case judge.Flooded:
		return "a SYN flood: " + of + fmt.Sprintf("%d never came back after their SYN", v.Unfinished)
	case judge.Scanned:
		return "a client looks what is open here: it has tried many addresses, and has finished next to no handshake"
	case judge.Reflecting:
		return "SYN-ACKs go to a client that has not asked for them: its address was forged"
	case judge.Gone:
		return "the listener was closed: " + of + fmt.Sprintf("%d felt it", v.Causes[judge.ListenerClosed])
	case judge.Nothing:
		if v.Confidence == judge.Possible {
			return "each SYN is refused with RST: nothing listens here, or a filter rejects what comes"
		}
		return "nothing listens here"
	case judge.Lossy:
		return "the network loses packets, no queue is to blame: " + of + fmt.Sprintf("%d felt it", v.Causes[judge.NetworkLoss])
	case judge.Filtered:
		return "no SYN is answered: it is filtered, or the accept queue was full before the capture began"
	case judge.Undecided:
		if v.Overflowed+v.Perhaps == 0 {
			return of + fmt.Sprintf("%d were refused while others were let in: a filter rejects them, or the listener was closed and opened again", v.Rejected)
		}
		return of + fmt.Sprintf("%d had packets dropped; that alone does not show whether by a full queue or by something else", v.Overflowed+v.Perhaps)
	case judge.Halved:
		return "clients end the handshake at the SYN-ACK: " + of + fmt.Sprintf("%d answered it with RST, as checks by half a handshake do", v.Bounced)
	}
	return "nothing was dropped"
}

// fits says how well a full accept queue would explain what was dropped, and what else would.
func fits(q *judge.Queue) string {
	other := "a filter"
	switch {
	case q.ACKs == 0 && q.Limited:
		other = "a limit on connections"
	case q.ACKs == 0:
		other = "a filter for SYNs"
	case q.SYNs == 0:
		other = "a filter for ACKs"
	}
	return fmt.Sprintf(". A full queue fits: each of them was dropped while %d connections or more may have waited, and none was taken then; %s does the same", q.Fill, other)
}

// fine is what is said where nothing was dropped, or nothing shows that anything was.
func fine(v *judge.ListenerVerdict) string {
	text := "nothing was dropped that held a client up"
	if v.Confidence == judge.Possible {
		text = "nothing shows that anything was dropped"
	}
	var all []string
	for _, x := range []struct {
		n    int
		what string
	}{
		{v.Old, "met an old connection of the same address and port, which answered"},
		{v.Misacked, "acknowledged what the server had not sent, which it answered with RST"},
		{v.Refused, "sent data that the server answers and does not take"},
		{v.Sums, "sent segments with a wrong checksum"},
		{v.Causes[judge.DeferAccept], "kept back by TCP_DEFER_ACCEPT until there is data"},
		{v.Resets, "reset without a sign of why"},
		{v.Asked - v.Causes[judge.DeferAccept] - v.Misacked, "with more than one SYN-ACK"},
		{v.Untold, "not served as far as the capture goes, perhaps struck without a trace"},
		{v.Unserved, "with data that the server has taken and not answered"},
		{v.Late, "without an answer when the capture ended"},
	} {
		if x.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	if len(all) == 0 {
		return text
	}
	of := "of one connection "
	if v.Attempts != 1 {
		of = fmt.Sprintf("of %d connections ", v.Attempts)
	}
	return text + "; " + of + strings.Join(all, ", ")
}

// lacks is what the capture lacks, for a verdict on an address.
func lacks(v *judge.ListenerVerdict, l *evidence.Listener) string {
	switch {
	case v.Deaf > 0 && !l.Heard:
		return "the server's packets are not in the capture: take it again in both directions"
	case v.Mute > 0 && !l.Asked:
		return "the clients' packets are not in the capture: take it again in both directions"
	case l.Answered && v.Acked == 0:
		return "the clients' ACKs are not in the capture, which seems to hold SYNs alone: take it again with a filter by port, not by flags"
	case v.Deaf+v.Begun > 0:
		return "no handshake is in the capture whole: packets are missing in between"
	case v.Outcomes[judge.Unanswered] > 0 && v.Repeated == 0:
		return "no SYN was answered, and none was sent again: the capture is too short to know why"
	case v.Midway > 0 && v.Midway < v.Attempts:
		return fmt.Sprintf("of %d connections %d had begun before the capture did, and no other was answered", v.Attempts, v.Midway)
	}
	return "no connection was seen from its beginning"
}

// others are those of which it is not sure.
func others(v *judge.ListenerVerdict) string {
	var b strings.Builder
	if v.Perhaps > 0 {
		fmt.Fprintf(&b, ", %d more perhaps", v.Perhaps)
	}
	if v.Causes[judge.NetworkLoss] > 0 {
		fmt.Fprintf(&b, "; %d lost packets in the network", v.Causes[judge.NetworkLoss])
	}
	return b.String()
}
