package handshake

import (
	"fmt"
	"strings"

	"listenq/internal/judge"
)

// text is the finding as a sentence.
func (y *tally) text(f Finding, sure Confidence) string {
	of := fmt.Sprintf("of %d connections ", y.attempts)
	if y.attempts == 1 {
		of = "of one connection "
	}
	switch f {
	case Overflow:
		has := "overflowed: "
		if sure == Possible {
			has = "may have overflowed: "
		}
		return "the accept queue " + has + of + fmt.Sprintf("%d met it full", y.overflowed) + y.others()
	case SynOverflow:
		return "the SYN queue was full: " + of + fmt.Sprintf("%d had SYNs dropped", y.synQueue)
	case Flooded:
		return "a SYN flood: " + of + fmt.Sprintf("%d never came back after their SYN", y.unfinished)
	case Scanned:
		return "a client looks what is open here: it has tried many addresses, and has finished next to no handshake"
	case Reflecting:
		return "SYN-ACKs go to a client that has not asked for them: its address was forged"
	case Gone:
		return "the listener was closed: " + of + fmt.Sprintf("%d felt it", y.causes[ListenerClosed])
	case Nothing:
		if sure == Possible {
			return "each SYN is refused with RST: nothing listens here, or a filter rejects what comes"
		}
		return "nothing listens here"
	case Lossy:
		return "the network loses packets, no queue is to blame: " + of + fmt.Sprintf("%d felt it", y.causes[NetworkLoss])
	case Filtered:
		return "no SYN is answered: it is filtered, or the accept queue was full before the capture began"
	case Undecided:
		if y.overflowed+y.perhaps == 0 {
			return of + fmt.Sprintf("%d were refused while others were let in: a filter rejects them, or the listener was closed and opened again", y.rejected)
		}
		return of + fmt.Sprintf("%d had packets dropped; by a full queue or by something else, that alone cannot tell", y.overflowed+y.perhaps)
	case Halved:
		return "clients end the handshake at the SYN-ACK: " + of + fmt.Sprintf("%d answered it with RST, as checks by half a handshake do", y.bounced)
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

// fine is what is told where nothing was dropped, or nothing shows that anything was.
func (y *tally) fine(sure Confidence) string {
	text := "nothing was dropped that held a client up"
	if sure == Possible {
		text = "nothing shows that anything was dropped"
	}
	var all []string
	for _, x := range []struct {
		n    int
		what string
	}{
		{y.old, "met an old connection of the same address and port, which answered"},
		{y.misacked, "acknowledged what the server had not sent, which it answered with RST"},
		{y.refused, "sent data that the server answers and does not take"},
		{y.sums, "sent segments with a wrong checksum"},
		{y.causes[DeferAccept], "kept back by TCP_DEFER_ACCEPT until there is data"},
		{y.resets, "reset without a sign of why"},
		{y.asked - y.causes[DeferAccept] - y.misacked, "with more than one SYN-ACK"},
		{y.untold, "not served as far as the capture goes, perhaps struck without a trace"},
		{y.unserved, "with data that the server has taken and not answered"},
		{y.late, "without an answer when the capture ended"},
	} {
		if x.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	if len(all) == 0 {
		return text
	}
	of := "of one connection "
	if y.attempts != 1 {
		of = fmt.Sprintf("of %d connections ", y.attempts)
	}
	return text + "; " + of + strings.Join(all, ", ")
}

// lacks is what the capture lacks, for a verdict on an address.
func (y *tally) lacks(l *listener) string {
	switch {
	case y.deaf > 0 && !l.heard:
		return "the server's packets are not in the capture: take it again in both directions"
	case y.mute > 0 && !l.asked:
		return "the clients' packets are not in the capture: take it again in both directions"
	case l.answered && y.acked == 0:
		return "the clients' ACKs are not in the capture, which seems to hold SYNs alone: take it again with a filter by port, not by flags"
	case y.deaf+y.begun > 0:
		return "no handshake is in the capture whole: packets are missing in between"
	case y.outcomes[Unanswered] > 0:
		return "no SYN was answered, and none was sent again: the capture is too short to tell"
	}
	return "no connection was seen from its beginning"
}

// others are those of which it is not sure.
func (y *tally) others() string {
	var b strings.Builder
	if y.perhaps > 0 {
		fmt.Fprintf(&b, ", %d more perhaps", y.perhaps)
	}
	if y.causes[NetworkLoss] > 0 {
		fmt.Fprintf(&b, "; %d lost packets in the network", y.causes[NetworkLoss])
	}
	return b.String()
}
