package judge

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"listenq/internal/evidence"
)

// Tally is what all attempts on an address add up to.
type Tally struct {
	Attempts int
	Outcomes map[Outcome]int
	Causes   map[Cause]int

	Overflowed, Perhaps int        // struck by a full accept queue: surely, as far as packets can show; or by that or by something else
	SynQueue            int        // struck by the SYN queue
	Unfinished          int        // clients that never came back
	Bounced             int        // clients that answered the SYN-ACK with RST
	Forged              int        // of them, those whose SYN came from somewhere else, by its TTL
	Repeated            int        // whose SYN was sent again
	Deaf                int        // that go on though nothing of the server was seen
	Mute                int        // of whose client nothing was seen
	Unserved            int        // that have asked for something and got nothing
	Heard               int        // of whose server anything was seen
	Acked               int        // whose client has answered the SYN-ACK, as far as was seen
	SeenBoth            int        // of which packets of both ends were seen
	Asked               int        // whose SYN-ACK came again without an ACK, or for an ACK that had come
	Old, Refused, Sums  int        // met an old connection, an ACK that takes no data; had a wrong checksum
	Rejected            int        // refused while others were let in
	Together            int        // reset at one moment with others
	Resets              int        // reset, and nothing shows why
	Misacked            int        // reset since they acknowledged what was never sent
	Victim              netip.Addr // that all SYN-ACKs went to which were not asked for; none if there are several
	Midway              int        // of which no beginning was seen
	Begun               int        // of them, those whose SYN was, and not what it led to
	Unasked             int        // answered without a SYN that was seen
	Untold              int        // of which nothing shows whether they were struck
	Open                int        // without an answer and a cause, that may have been struck
	Late                int        // whose SYN may have been answered after the last packet
	Certain             bool       // one was struck by a full accept queue for certain
	Full                []Interval // when the accept queue was full, as far as that was felt
}

// Interval is a time from the first to the last sign of something.
type Interval struct{ From, To time.Duration }

const (
	maxIntervals = 64
	sameTrouble  = 3 * time.Second // between two signs of one overflow
)

// Add counts an attempt by its best reading. It reports whether that is one that was struck
// by a full accept queue.
func (y *Tally) Add(seen *evidence.Attempt, q *Queue, r Reading) bool {
	a := attempt{Attempt: seen, queue: q}
	if y.Outcomes == nil {
		y.Outcomes, y.Causes = map[Outcome]int{}, map[Cause]int{}
	}
	before, cause := y.Overflowed, r.Cause
	if r.Outcome == Unanswered && r.Cause == NoCause && a.struckBy(evidence.StageSYN)&^nothing != 0 {
		r.Cause = UnknownCause // it will never be known
		if a.Scene.Sockets {
			cause = UnknownCause
		} else {
			y.Open++ // counted as it is reported
		}
	}
	y.Attempts++
	y.Outcomes[r.Outcome]++
	y.Causes[cause]++
	switch {
	case a.Midway:
		y.Midway++
	case a.Unasked():
		if y.Unasked++; y.Unasked == 1 {
			y.Victim = a.Ends.Client.Addr()
		}
		if y.Victim != a.Ends.Client.Addr() {
			y.Victim = netip.Addr{}
		}
	case a.Client.ACK.N == 0 && a.Client.Reset.N > 0:
		y.Bounced++
	case a.Client.ACK.N == 0 && a.Server.Reset.N == 0 && !(a.Real || a.Held.Connection || a.Calls.GaveUp || a.Calls.TimedOut) && (a.Scene.Sockets || a.Client.SYN.N <= 1):
		y.Unfinished++
	}
	y.look(a, r)
	y.blame(a, r)
	return y.Overflowed > before
}

// blame counts what has struck an attempt.
func (y *Tally) blame(a attempt, r Reading) {
	switch r.Cause {
	case AcceptQueueFull:
		y.overflow(a)
	case SynQueueFull, SynQueueReserve:
		y.SynQueue++
	case HostDrop:
		if r.Outcome == Refused {
			y.Rejected++
			break
		}
		y.Perhaps++
	case UnknownCause:
		switch {
		case r.Outcome == Unanswered && a.fresh():
			y.Late++
		case r.Outcome == Reset:
			y.Resets++
		case r.Outcome == HalfOpen, r.Outcome == Phantom, r.Outcome == Forgotten:
			y.Perhaps++ // nothing comes to that unless something is dropped
		case a.Client.SawSYN && !a.Server.RefusedSYN:
			y.unclear(a)
		}
	case NoCause, ByServer, ByClient, OldConnection:
		if a.unsettled() {
			y.Untold++
		}
	}
}

// look counts what was seen of an attempt, whatever became of it.
func (y *Tally) look(a attempt, r Reading) {
	server := a.Server.SYNACK.N+a.Server.Reset.N > 0 || a.Server.Challenges > 0 || a.HasConnection()
	add := func(n *int, seen bool) {
		if seen {
			*n++
		}
	}
	add(&y.Begun, a.Midway && a.Client.SawSYN)
	add(&y.Repeated, a.Client.SYN.N > 1)
	add(&y.Deaf, !server && a.Client.ACK.N > 0 && !a.Midway)
	add(&y.Mute, !a.Client.SawSYN && a.Client.ACK.N+a.Client.Reset.N == 0)
	add(&y.Heard, server || a.Midway)
	add(&y.Acked, a.Client.ACK.N > 0 || a.Client.Reset.N > 0 && !a.Client.ResetConnected)
	add(&y.SeenBoth, server && a.Client.SawSYN)
	add(&y.Asked, a.Server.SYNACK.N > 1)
	add(&y.Old, a.Server.Challenges > 0)
	add(&y.Refused, a.Server.Refusals > 0)
	add(&y.Sums, a.BadSum())
	add(&y.Misacked, r.Outcome == Reset && r.Cause == ByClient && a.Client.Misacks > 0)
	add(&y.Forged, a.Client.OtherHops)
	add(&y.Together, a.Among.FellTogether)
	add(&y.Unserved, SequelOf(a.Attempt).What == Unserved)
}

// unsettled reports that an attempt which nothing seems to have struck may have been, without
// a trace: it was not served, or waited for what its client had to send again.
func (a attempt) unsettled() bool {
	waited := a.Client.DataAgain > 0 && !a.Sees(evidence.ServerSide) // for what may have been struck, where that is not seen
	if a.Scene.Sockets || a.Server.ServedAt > 0 && !waited || !a.Among.Finished && a.Server.Resent.N == 0 {
		return false
	}
	return slices.ContainsFunc(a.verdict().Alternatives, func(r Reading) bool {
		return r.Cause != NoCause && r.Cause != ByServer && r.Cause != ByClient
	})
}

// overflow counts one that was struck by a full accept queue, surely or not.
func (y *Tally) overflow(a attempt) {
	v := a.verdict()
	if v.Confidence == Possible && a.proven() != acceptFull {
		y.Perhaps++
		return
	}
	y.Overflowed++
	y.Certain = y.Certain || v.Confidence == Certain
	from, to := a.Client.SYN.First, a.Client.SYN.First
	if v.Struck != StruckSYN && a.Client.ACK.N > 0 {
		from, to = a.Client.ACK.First, a.Client.ACK.First
		if a.Held.Ignored || a.Client.Untaken {
			to = max(from, a.Server.Resent.First, a.Client.Data.First)
		}
	}
	y.fill(Interval{from, to})
}

// unclear counts one of which it is not known what has struck it, if it can be the SYN
// queue alone.
func (y *Tally) unclear(a attempt) {
	if set := a.struckBy(evidence.StageSYN); a.Server.SYNACK.N == 0 && set&^(synFull|synReserve) == 0 {
		y.SynQueue++
		return
	}
	y.Perhaps++
}

// fill adds to the times when the queue was full. What is close together is one.
func (y *Tally) fill(x Interval) {
	i, _ := slices.BinarySearchFunc(y.Full, x, func(a, b Interval) int { return int(min(max(a.From-b.From, -1), 1)) })
	y.Full = slices.Insert(y.Full, i, x)
	apart := sameTrouble
	for {
		merged := y.Full[:1]
		for _, x := range y.Full[1:] {
			if last := &merged[len(merged)-1]; x.From-last.To <= apart {
				last.To = max(last.To, x.To)
				continue
			}
			merged = append(merged, x)
		}
		y.Full = merged
		if len(y.Full) <= maxIntervals {
			return
		}
		apart *= 2
	}
}

// Clone returns a copy that can be added to.
func (y *Tally) Clone() Tally {
	c := *y
	c.Outcomes, c.Causes, c.Full = maps.Clone(y.Outcomes), maps.Clone(y.Causes), slices.Clone(y.Full)
	return c
}
