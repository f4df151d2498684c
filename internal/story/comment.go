package story

import (
	"fmt"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// Comment returns what is worth saying of a packet in a capture, by a note of it; empty for
// an ordinary one. Of an RST it says what the attempt can have come to then.
func Comment(n *evidence.Note, s *evidence.Settings, o judge.Outlook) string {
	switch n.What {
	case evidence.SYNAgain:
		return fmt.Sprintf("SYN sent again (%d)", n.N)
	case evidence.SYNACKAgain:
		return fmt.Sprintf("SYN-ACK sent again (%d)", n.N)
	case evidence.SYNACKAnswers:
		return fmt.Sprintf("SYN-ACK sent again (%d), for a SYN sent again", n.N)
	case evidence.DataAgain:
		return fmt.Sprintf("data sent again (%d)", n.N)
	case evidence.SentCookie:
		if n.Always && n.Witness == evidence.QFull {
			return "answered with a SYN cookie"
		}
		return "answered with a SYN cookie" + whyCookie(n)
	case evidence.Dropped:
		if n.Again {
			return "ACK that repeats the final one dropped: " + short(n, s)
		}
		return name(n) + " dropped: " + short(n, s)
	case evidence.Lost:
		return name(n) + " lost on the wire"
	case evidence.HeldBack:
		return name(n) + " held on the wire"
	case evidence.StrayReset:
		return "RST: the client has reset the connection"
	case evidence.ServerReset:
		return resetComment(n, o)
	case evidence.BareACK:
		return "ACK of another connection between these two answers the SYN"
	case evidence.StrangeReset:
		return "RST that does not acknowledge the SYN: the client ignores it"
	case evidence.WrongSum:
		return name(n) + " with a wrong checksum"
	case evidence.TakesNone:
		return "ACK that takes none of the data"
	}
	return ""
}

// name is the packet as an engineer names it.
func name(n *evidence.Note) string {
	return [...]string{evidence.SegOther: "SYN-ACK", evidence.SegSYN: "SYN", evidence.SegACK: "final ACK", evidence.SegData: "data", evidence.SegFIN: "FIN", evidence.SegRST: "RST"}[n.Segment]
}

// short is the cause of a drop in a word or two.
func short(n *evidence.Note, s *evidence.Settings) string {
	switch judge.CauseOf(n.Witness, n.Segment, s) {
	case judge.AcceptQueueFull:
		if n.Measured {
			return fmt.Sprintf("accept queue full, %d of limit %d", n.Length, n.Limit)
		}
		return "accept queue full"
	case judge.SynQueueFull:
		return "SYN queue full" + measure(n)
	case judge.SynQueueReserve:
		return "tcp_max_syn_backlog reached"
	case judge.DeferAccept:
		return "TCP_DEFER_ACCEPT waits for data"
	case judge.HostDrop:
		switch n.Witness {
		case evidence.FilterTook:
			return "a packet filter"
		case evidence.SumErrors:
			return "wrong checksum"
		case evidence.ReversePath:
			return "rp_filter"
		}
		return "no memory, no route or not allowed"
	}
	return "no queue was full"
}

// resetComment says why the server sent an RST.
func resetComment(n *evidence.Note, o judge.Outlook) string {
	switch {
	case o.First == judge.StateQueued && o.Others.Has(judge.StateClosed):
		return "RST to a queued connection: its listener is closed, or its program resets it"
	case !o.Sure():
		return "RST"
	}
	switch o.First {
	case judge.StateRefused:
		return "RST: nothing listens here"
	case judge.StateAborted:
		if n.Witness == evidence.Overflows {
			return "RST: accept queue full and tcp_abort_on_overflow set"
		}
		return "RST, as with tcp_abort_on_overflow"
	case judge.StateRejected:
		return "RST: the SYN cookie does not check"
	case judge.StateStale:
		return "RST: the request has expired"
	case judge.StateClosed:
		return "RST: the listener was closed"
	}
	return "RST"
}
