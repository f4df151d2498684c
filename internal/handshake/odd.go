package handshake

import "time"

// oddities are what packets alone show of an attempt that is no part of a usual
// handshake. Each is something that was seen, and says nothing of why.
type oddities struct {
	challenges uint8  // bare ACKs that answered a SYN before any SYN-ACK
	misacks    uint8  // segments of the client that acknowledge what the server has not sent
	refusals   uint8  // ACKs that answered data and took none of it
	badSums    uint8  // segments of the client with a wrong checksum
	hops       uint8  // the TTL of the first SYN
	connected  bool   // the client's RST is one of a connection
	badSYN     bool   // the checksum of the first SYN is wrong
	forged     bool   // the client's RST has another one
	older      bool   // the timestamp of what was refused was older than one before
	misack     uint32 // the last such number
	challenged uint32 // the number that a bare ACK acknowledged
	reset      uint32 // the number of the server's first RST
	acked      uint32 // what the server has acknowledged of the client's bytes
	stamp      uint32 // the timestamp of the last SYN-ACK
	tsval      uint32 // the latest timestamp of the client
	later      uint8  // segments with data or FIN of a connection that was there
	lost       bool   // data was sent again by a connection that was there
	asked      bool   // data has come since the server's last ACK
	shut       bool   // the client's first segment that takes room is a FIN without data
}

// count counts up to what a byte holds.
func count(n *uint8) { *n = min(*n, 254) + 1 }

// unseen is how much a server may acknowledge of what a capture has lost. A number that is
// further off is none of this connection.
const unseen = 1 << 20

// challenges takes a bare ACK that answers a SYN: of a connection that has the client's
// address and port (tcp_timewait_state_process, net/ipv4/tcp_minisocks.c;
// tcp_validate_incoming, net/ipv4/tcp_input.c). It reports whether it was one.
func (a *Attempt) challenges(p *Packet) bool {
	if a.t.cfg.Sockets || p.Len > 0 || p.Flags.Has(FIN) || !p.Flags.Has(ACK) || !a.is(sawSYN|midway) || a.is(midway) || a.ack.n > 0 {
		return false
	}
	if p.Ack-a.isn-1 <= a.synLen+unseen {
		a.set(midway) // it is of this connection: the SYN-ACK was not captured, nor what is acknowledged
		return false
	}
	count(&a.odd.challenges)
	a.odd.challenged = p.Ack
	a.note(note{what: challenged}, p.T, p.Number)
	a.remark(p.Number, note{what: challenged})
	return true
}

// answersChallenge reports that an RST of the client answers such an ACK: it ends the old
// connection, and the attempt goes on (RFC 9293, 3.10.7.3).
func (a *Attempt) answersChallenge(p *Packet) bool {
	return a.odd.challenges > 0 && a.synack.n == 0 && p.Seq == a.odd.challenged
}

// blind reports that the capture lacks what tells what became of any attempt on this address:
// one direction.
func (a *Attempt) blind() bool {
	l := a.listener
	switch {
	case a.t.cfg.Sockets || a.reset.n > 0:
		return false
	case !l.heard:
		return l.deaf
	}
	return !l.asked
}

// unasked reports a SYN-ACK of which no question was seen, nor anything else.
func (a *Attempt) unasked() bool {
	return a.synack.n > 0 && !a.is(sawSYN) && a.ack.n == 0 && !a.hasConnection()
}

// Unasked reports that the server's SYN-ACK is all that was seen.
func (a *Attempt) Unasked() bool { return a.unasked() }

// strange reports that an RST is none that a client takes which has sent a SYN alone: it
// must acknowledge that (RFC 9293, 3.10.7.3).
func (a *Attempt) strange(p *Packet) bool {
	if a.t.cfg.Sockets || a.synack.n > 0 || !a.is(sawSYN) || a.ack.n > 0 {
		return false
	}
	acked := p.Ack - a.isn
	if p.Flags.Has(ACK) && acked > 0 && acked <= a.synLen+1 {
		return false
	}
	a.note(note{what: strangeReset}, p.T, p.Number)
	a.remark(p.Number, note{what: strangeReset})
	return true
}

// inspect looks whether the server can take a segment that follows the SYN: as tcp_check_req
// (net/ipv4/tcp_minisocks.c) and tcp_rcv_established do.
func (a *Attempt) inspect(p *Packet, size uint32) {
	if a.t.cfg.Sockets || a.hasConnection() || a.synack.n == 0 {
		return
	}
	if p.Sum == SumBad && !a.listener.crowd.sumless {
		if a.odd.badSums == 0 {
			a.note(note{what: badSum, segment: kindOf(p)}, p.T, p.Number)
		}
		a.remark(p.Number, note{what: badSum, segment: kindOf(p)})
		count(&a.odd.badSums)
	}
	if p.Ack-a.serverISN-1 > 1<<30 || a.top == 0 && p.Ack != a.serverISN+1 && !a.is(fastOpened) && a.servedAt == 0 {
		count(&a.odd.misacks)
		a.odd.misack = p.Ack
	}
	if p.Options.Present.Has(OptTimestamps) {
		a.odd.older = int32(p.Options.TSVal-a.odd.tsval) < 0 && a.odd.tsval != 0
		if !a.odd.older {
			a.odd.tsval = p.Options.TSVal
		}
	}
	a.odd.asked = a.odd.asked || size > 0
}

// badSum reports that segments came to the server with a wrong checksum, and that those of
// this capture tell something: nothing was taken that has one.
func (a *Attempt) badSum() bool {
	return a.odd.badSums > 0 && !a.listener.crowd.sumless && a.sees(ServerSide)
}

// refuses takes an ACK of the server that acknowledges the SYN and nothing after it. One that
// answers data says that the server knows of the connection, and does not take the data.
func (a *Attempt) refuses(p *Packet) {
	if a.t.cfg.Sockets || !a.odd.asked || a.hasConnection() || p.Seq != a.serverISN+1 {
		return
	}
	count(&a.odd.refusals)
	a.odd.asked = false
	a.note(note{what: refused}, p.T, p.Number)
	a.remark(p.Number, note{what: refused})
}

// answersEarlier reports that a SYN-ACK came so soon after the last one that no timer sent
// it: it answers a SYN before the last one.
func (a *Attempt) answersEarlier(p *Packet) bool {
	return !a.t.cfg.Sockets && a.synack.n > 0 && p.T-a.synack.last < firstTimeout/2
}

// serves notes that the server has shown that accept() has returned the connection.
func (a *Attempt) serves(t time.Duration) {
	if a.servedAt == 0 {
		a.servedAt = t
	}
}

// closes notes that an end has closed; the second one ends the connection.
func (a *Attempt) closes(t time.Duration, second bool) {
	if second && a.closedAt == 0 {
		a.closedAt = t
	}
}

// take notes that the server has acknowledged something. If that had a wrong checksum, it
// is the capture that has it from before the card has filled it in.
func (a *Attempt) take(t time.Duration, acked uint32) {
	a.takenAt, a.odd.acked = t, acked
	if a.odd.badSums > 0 {
		a.odd.badSums = 0
		a.listener.crowd.sumless = true
	}
}
