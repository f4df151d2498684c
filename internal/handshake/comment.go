package handshake

import "fmt"

// Comment returns what is worth saying of a packet in a capture; empty for an
// ordinary one. It is known of the packet that was given last, once its Reaction
// and Fate are in.
func (t *Tracker) Comment(number int) string {
	if number != t.last.number {
		return ""
	}
	n := &t.last.note
	switch n.what {
	case synAgain:
		return fmt.Sprintf("SYN sent again (%d)", n.n)
	case synackAgain:
		return fmt.Sprintf("SYN-ACK sent again (%d)", n.n)
	case synackAnswers:
		return fmt.Sprintf("SYN-ACK sent again (%d), for a SYN sent again", n.n)
	case dataAgain:
		return fmt.Sprintf("data sent again (%d)", n.n)
	case sentCookie:
		if n.always && n.causes != 0 {
			return "answered with a SYN cookie"
		}
		return "answered with a SYN cookie" + n.whyCookie()
	case dropped:
		if n.again {
			return "ACK that repeats the final one dropped: " + n.short()
		}
		return n.name() + " dropped: " + n.short()
	case lost:
		return n.name() + " lost on the wire"
	case held:
		return n.name() + " held on the wire"
	case strayReset:
		return "RST: the client has reset the connection"
	case serverReset:
		return resetComment(n.outlook)
	case challenged:
		return "ACK of another connection between these two answers the SYN"
	case strangeReset:
		return "RST that does not acknowledge the SYN: the client ignores it"
	case badSum:
		return n.name() + " with a wrong checksum"
	case refused:
		return "ACK that takes none of the data"
	}
	return ""
}

// name is the packet as an engineer names it.
func (n *note) name() string {
	return [...]string{segOther: "SYN-ACK", segSYN: "SYN", segACK: "final ACK", segData: "data", segFIN: "FIN", segRST: "RST"}[n.segment]
}

// short is the cause of a drop in a word or two.
func (n *note) short() string {
	switch n.causes {
	case acceptFull:
		if n.measured {
			return fmt.Sprintf("accept queue full, %d of limit %d", n.length, n.limit)
		}
		return "accept queue full"
	case synFull:
		return "SYN queue full" + n.measure()
	case synReserve:
		return "tcp_max_syn_backlog reached"
	case deferred:
		return "TCP_DEFER_ACCEPT waits for data"
	case hostDrop:
		return "no memory, no route or not allowed"
	}
	return "no queue was full"
}

// resetComment says why the server sent an RST.
func resetComment(o outlook) string {
	switch {
	case o.first == endQueued && o.others.has(endClosed):
		return "RST to a queued connection: its listener is closed, or its program resets it"
	case !o.sure():
		return "RST"
	}
	switch o.first {
	case endRefused:
		return "RST: nothing listens here"
	case endAborted:
		return "RST: accept queue full and tcp_abort_on_overflow set"
	case endRejected:
		return "RST: the SYN cookie does not check"
	case endStale:
		return "RST: the request has expired"
	case endClosed:
		return "RST: the listener was closed"
	}
	return "RST"
}
