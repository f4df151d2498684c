package judge

import (
	"slices"
	"time"

	"listenq/internal/evidence"
)

// visit is what the packets of an attempt show of its way through the accept queue.
func (a attempt) visit() Visit {
	v := Visit{Admitted: None, Entered: None, Served: None, Closed: None, Taken: None}
	v.SYN, v.ACK = a.vainSYNs(), a.vainACKs()
	if a.Server.SYNACK.N > 0 {
		v.Admitted = a.Server.SYNACK.First
	}
	switch {
	case a.HasConnection() && v.ACK.Packets > 0:
		v.Entered = a.Held.EnteredBy // one of several segments, and it may have been the last
	case a.HasConnection():
		v.Entered = a.Held.Since
	case a.Among.Finished && v.ACK.Packets == 0 && !a.Server.PlainReset:
		v.Entered = a.came(&a.Client.ACK, &a.Client.ACKIn)
	default:
		return v
	}
	v.Later = int(a.Client.Later)
	v.Lost = a.Client.AgainLater && v.ACK.Packets == 0
	v.Served, v.Closed, v.Taken = sometime(a.Server.ServedAt), sometime(a.ClosedAt), sometime(a.Server.TakenAt)
	return v
}

func sometime(t time.Duration) time.Duration {
	if t == 0 {
		return None
	}
	return t
}

// vainSYNs are the SYNs that had no answer of any kind, where the server's side is seen.
func (a attempt) vainSYNs() Strike {
	switch {
	case !a.Client.SawSYN || a.Server.Challenges > 0 || a.Server.RefusedSYN || a.Server.AnsweredFirst || a.fresh():
	case a.Server.SYNACK.N == 0:
		return a.inVain(a.Client.Tries, a.came(&a.Client.SYN, &a.Client.SYNIn), a.Client.Asked, evidence.SYNAgain)
	case a.Client.Tries > 1:
		return a.inVain(a.Client.Tries-1, a.came(&a.Client.SYN, &a.Client.SYNIn), a.Client.Vain, evidence.SYNAgain)
	}
	return Strike{}
}

// vainACKs are final ACKs, and data in their place, that made no connection though they
// could have.
func (a attempt) vainACKs() Strike {
	if a.Client.Misacks|a.Server.Refusals > 0 || a.BadSum() || a.Client.ACK.N == 0 {
		return Strike{}
	}
	first := a.came(&a.Client.ACK, &a.Client.ACKIn)
	switch {
	case a.resetAtOnce():
		return Strike{Packets: 1, First: first, Last: first}
	case a.Held.Ignored || a.Client.Untaken:
		return a.inVain(1+max(a.Server.Resent.N, a.Client.DataAgain), first, max(first, a.Held.Futile), evidence.DataAgain)
	case a.Client.Unacked && !a.HasConnection():
		return a.inVain(1+a.Client.DataAgain, first, first, evidence.DataAgain)
	}
	return Strike{}
}

// inVain are so many packets from a time to a time, with those between them that notes of
// that kind give the time of: what came again shows that what came before was in vain.
func (a attempt) inVain(n int32, first, last time.Duration, again evidence.What) Strike {
	s := Strike{Packets: int(n), First: first, Last: last}
	i := slices.IndexFunc(a.Notes, func(n evidence.Note) bool { return n.What == again })
	if i < 0 {
		return s
	}
	travel := first - a.Client.ACK.First // from where the client sends to where the server gets it
	if again == evidence.SYNAgain {
		travel = first - a.Client.SYN.First
	}
	known := 0
	for _, at := range a.Notes[i].Times[:min(a.Notes[i].N, evidence.MaxTimes)] {
		at += travel
		switch {
		case at <= first || again == evidence.SYNAgain && at >= last:
			continue
		case again == evidence.DataAgain && a.HasConnection() && at >= a.Held.EnteredBy-leastTimeout:
			continue
		case again == evidence.DataAgain:
			s.Last = max(s.Last, at)
		}
		if known < len(s.Between) {
			s.Between[known] = at
			known++
		}
	}
	return s
}

// leastTimeout is less than a client takes to send something again (TCP_RTO_MIN, 200 ms,
// include/net/tcp.h).
const leastTimeout = 150 * time.Millisecond

// resetAtOnce reports that the server has answered the final ACK itself with an RST.
func (a attempt) resetAtOnce() bool {
	return a.Server.PlainReset && a.Server.Reset.First-a.Client.LastIn < evidence.Drained && a.Server.Reset.First-a.Server.SYNACK.First < evidence.FirstTimeout && a.Client.Misacks == 0 && !a.Client.Beyond
}

// traces are the evidence of an attempt's trouble.
func (a attempt) traces() Seen {
	c := &a.On.Crowd
	return Seen{
		AtServer: a.Sees(evidence.ServerSide),
		SYNs:     a.vainSYNs().Packets, ACKs: a.vainACKs().Packets,
		Challenged: a.Server.Challenges > 0, Data: a.Held.IgnoredData || a.Client.Unacked || a.Client.Untaken, AskedAgain: int(a.Server.Resent.N),
		Overlooked: a.overlooked(), Speaks: c.Speaks, Cookie: a.Held.Cookie,
		BadSum: a.BadSum(), Misacked: a.Client.Misacks > 0, Refused: a.Server.Refusals > 0, Older: a.Client.Older,
		Refusing: a.Server.RefusedSYN, Reset: a.Server.Reset.N > 0 && a.Server.SYNACK.N > 0, Plain: a.Server.PlainReset,
		Strange: a.Server.Strange > 0, Misfit: a.Server.Misfit, OtherHops: a.Server.OtherHops,
		Lacks:   a.blind() || !a.Client.SawSYN || !a.Scene.ACKs,
		MayWait: int(a.Among.Unserved), Others: a.On.Crowd.Answered >= 0, Requests: int(a.Among.Waiting), Answered: c.Answered,
		Reserve: reserves(int(a.Among.Waiting)),
	}
}

// overlooked reports that the server's timer has left out the SYN-ACK that was due a second
// after the first, though it sent one later: the request knew of the ACK, and
// TCP_DEFER_ACCEPT was why that made no connection (syn_ack_recalc,
// net/ipv4/inet_connection_sock.c).
func (a attempt) overlooked() bool {
	return a.Client.SawSYN && a.Held.Ignored && a.Server.Resent.N > 0 && a.Client.ACK.First-a.Server.SYNACK.First < evidence.FirstTimeout && a.Server.Resent.First-a.Server.SYNACK.First > 2*evidence.FirstTimeout
}

// came is when the first of the client's segments of one kind came to the server, as near
// to it as they were seen.
func (a attempt) came(sent, in *evidence.Series) time.Duration {
	if in.N > 0 {
		return in.First
	}
	return sent.First
}

// weigh returns the causes that nothing contradicts, and of them those that alone explain
// something that was seen.
func (a attempt) weigh() (remaining, proven causes) {
	seen := a.traces()
	if seen.SYNs+seen.ACKs == 0 && !seen.Challenged && !seen.BadSum && !seen.Refused {
		return 0, 0
	}
	all, only := Weigh(&seen, a.queue)
	return causesOf(all), causesOf(only)
}

// left are the causes that nothing contradicts, among those that are judged.
func (a attempt) left() causes {
	remaining, _ := a.weigh()
	return remaining
}

// proven are the causes that alone explain something that was seen.
func (a attempt) proven() causes {
	if a.Scene.Sockets || !a.Sees(evidence.ServerSide) {
		return 0
	}
	_, proven := a.weigh()
	return proven
}

// VisitOf is what the packets of an attempt show of its way through the accept queue.
func VisitOf(seen *evidence.Attempt) Visit {
	a := attempt{Attempt: seen}
	return a.visit()
}

// Struck reports that packets of a client were in vain.
func (v Visit) Struck() bool { return v.SYN.Packets+v.ACK.Packets > 0 }

// InVain reports that packets of an attempt came to nothing, as packets alone show.
func InVain(seen *evidence.Attempt) bool {
	a := attempt{Attempt: seen}
	return a.vainSYNs().Packets+a.vainACKs().Packets > 0
}

// Hypotheses returns what can have befallen an attempt, as far as packets alone show, with
// what contradicts or proves each: nothing for an attempt without trouble.
func Hypotheses(seen *evidence.Attempt, q *Queue) []Ruling {
	if seen.Scene.Sockets {
		return nil
	}
	a := attempt{Attempt: seen, queue: q}
	s := a.traces()
	return Differentiate(&s, q).All
}
