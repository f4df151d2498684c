package handshake

import (
	"time"

	"listenq/internal/judge"
)

// visit is what the packets of an attempt show of its way through the accept queue.
func (a *Attempt) visit() judge.Visit {
	v := judge.Visit{Admitted: judge.None, Entered: judge.None, Served: judge.None, Closed: judge.None, Taken: judge.None}
	v.SYN, v.ACK = a.vainSYNs(), a.vainACKs()
	if a.synack.n > 0 {
		v.Admitted = a.synack.first
	}
	switch {
	case a.hasConnection() && v.ACK.Packets > 0:
		v.Entered = a.enteredBy // one of several segments, and it may have been the last
	case a.hasConnection():
		v.Entered = a.established
	case a.is(finished) && v.ACK.Packets == 0 && !a.is(plainReset):
		v.Entered = a.came(&a.ack, &a.ackIn)
	default:
		return v
	}
	v.Later = int(a.odd.later)
	v.Lost = a.odd.lost && v.ACK.Packets == 0
	v.Served, v.Closed, v.Taken = sometime(a.servedAt), sometime(a.closedAt), sometime(a.takenAt)
	return v
}

func sometime(t time.Duration) time.Duration {
	if t == 0 {
		return judge.None
	}
	return t
}

// vainSYNs are the SYNs that had no answer of any kind, where the server's side is seen.
func (a *Attempt) vainSYNs() judge.Strike {
	switch {
	case !a.is(sawSYN) || a.odd.challenges > 0 || a.is(refusedSYN|answeredFirst) || a.fresh():
	case a.synack.n == 0:
		return judge.Strike{Packets: a.tries, First: a.came(&a.syn, &a.synIn), Last: a.asked}
	case a.tries > 1:
		return judge.Strike{Packets: a.tries - 1, First: a.came(&a.syn, &a.synIn), Last: a.vain}
	}
	return judge.Strike{}
}

// vainACKs are final ACKs, and data in their place, that made no connection though they
// could have.
func (a *Attempt) vainACKs() judge.Strike {
	if a.odd.misacks|a.odd.refusals > 0 || a.badSum() || a.ack.n == 0 {
		return judge.Strike{}
	}
	first := a.came(&a.ack, &a.ackIn)
	switch {
	case a.resetAtOnce():
		return judge.Strike{Packets: 1, First: first, Last: first}
	case a.is(ignored | untaken):
		return judge.Strike{Packets: 1 + max(a.resent.n, a.dataAgain), First: first, Last: max(first, a.futile)}
	case a.is(unacked) && !a.hasConnection():
		return judge.Strike{Packets: 1 + a.dataAgain, First: first, Last: first}
	}
	return judge.Strike{}
}

// resetAtOnce reports that the server has answered the final ACK itself with an RST.
func (a *Attempt) resetAtOnce() bool {
	return a.is(plainReset) && a.reset.first-a.lastIn < drained && a.reset.first-a.synack.first < firstTimeout && a.odd.misacks == 0 && !a.is(beyond)
}

// sightings are the evidence of an attempt's trouble.
func (a *Attempt) sightings() judge.Seen {
	c := &a.listener.crowd
	return judge.Seen{
		AtServer: a.sees(ServerSide),
		SYNs:     a.vainSYNs().Packets, ACKs: a.vainACKs().Packets,
		Challenged: a.odd.challenges > 0, Data: a.is(ignoredData | unacked | untaken), AskedAgain: a.resent.n,
		Overlooked: a.overlooked(), Speaks: c.speaks, Cookie: a.is(cookie),
		BadSum: a.badSum(), Misacked: a.odd.misacks > 0, Refused: a.odd.refusals > 0, Older: a.odd.older,
		MayWait: a.unserved, Others: a.listener.crowd.answered >= 0, Requests: a.waiting, Answered: c.answered,
		Reserve: reserves(a.waiting),
	}
}

// overlooked reports that the server's timer has left out the SYN-ACK that was due a second
// after the first, though it sent one later: the request knew of the ACK, and
// TCP_DEFER_ACCEPT was why that made no connection (syn_ack_recalc,
// net/ipv4/inet_connection_sock.c).
func (a *Attempt) overlooked() bool {
	return a.is(ignored) && a.resent.n > 0 && a.ack.first-a.synack.first < firstTimeout && a.resent.first-a.synack.first > 2*firstTimeout
}

// came is when the first of the client's segments of one kind came to the server, as near
// to it as they were seen.
func (a *Attempt) came(sent, in *series) time.Duration {
	if in.n > 0 {
		return in.first
	}
	return sent.first
}
