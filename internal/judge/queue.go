package judge

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Visit is what the packets of one client show of its way through the accept queue of
// its listener. Times are from the start of the capture; None is a thing that was not seen.
type Visit struct {
	SYN      Strike        // SYNs that had no answer
	Admitted time.Duration // when a SYN was answered
	ACK      Strike        // final ACKs, or data in their place, that made no connection though they could
	Entered  time.Duration // when the segment came that made the connection, as late as it may have been
	Served   time.Duration // when the server first sent data, closed or reset: accept() had returned it by then
	Closed   time.Duration // when the first of both ends closed or reset
	Taken    time.Duration // when the server last took something of it after it had entered
	Lost     bool          // something of it was sent again after it had entered
	Later    int           // segments with data or FIN that it sent once it was there
}

// None is the time of what was not seen.
const None = time.Duration(math.MinInt64)

// Strike is packets of one kind of one client that were in vain.
type Strike struct {
	Packets     int
	First, Last time.Duration
	Between     [between]time.Duration // of some more of them, in their order; what is not after First is none
}

// between is how many packets between the first and the last are kept: with the
// schedule of retransmissions that is several seconds.
const between = 5

// Queue is the accept queue of a listener as packets allow it to be reconstructed.
// Connections enter it when their final ACK, or cookie, is taken, and have left it when
// the server sends or closes. Those in between are in the queue or were accepted without
// a sign: so many it holds at most. A packet that was dropped for a full queue met limit + 1
// of them (sk_acceptq_is_full, include/net/sock.h); one that was taken met the limit at most.
type Queue struct {
	Clients  int    // struck
	SYNs     int    // of them, those whose SYNs were
	ACKs     int    // and those whose final ACKs were, or data in their place
	Packets  int    // in vain
	Fill     int    // the fewest that may have waited when a packet was struck; with 0 it was no full queue
	Empty    int    // clients that were struck while nothing can have waited
	Admitted int    // packets that were taken while as many as Fill may have waited
	Passed   int    // that were taken while fewer may have, once the queue had been full
	Limit    int    // the length that best separates what is struck from what is taken; 0 if none does better than none
	Turns    int    // how often it went over from striking at that length to taking below it, and back
	Through  int    // connections of which something was taken while others were struck
	There    int    // connections of which something was taken at any time
	Lost     int    // and of those, the ones that had to send something again
	Later    int    // segments that connections sent once they were there, and that would have been missed
	Struck   int    // signs of being struck: the first, the last and some more packets of each client
	Signs    int    // of being struck or taken, in all
	Wrong    int    // of them, those that the best limit does not explain: struck with fewer, taken with more
	Broken   int    // struck though another SYN had been let in and no connection had entered since: no queue does that
	Unpaced  int    // signs of being struck that no limit on the rate explains: elsewhere more of the kind was taken as quickly
	Sudden   bool   // what came at the moment when the last connection had entered was struck, and all that came later
	Only     string // what only a full queue explains; empty if there is nothing
	Limited  bool   // a limit on the number of open connections would strike the same packets
}

// Reconstruct weighs all visits of a listener. Their order does not matter.
func Reconstruct(visits []Visit) Queue {
	var w walk
	gone := left(visits)
	for i := range visits {
		w.add(&visits[i], gone[i])
	}
	unpaced := pace(visits)
	slices.SortFunc(w.events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.what, b.what))
	})
	q := Queue{Fill: math.MaxInt}
	q.count(visits)
	if q.Clients == 0 {
		q.Fill = 0
		return q
	}
	q.Unpaced = unpaced
	limit := w.lengths(&q)
	w.fit(&q)
	w.weigh(&q, limit)
	q.Only = q.overflow()
	return q
}

// left is when each visit has left the queue at the latest: when it was served, or one that
// had entered after it.
func left(visits []Visit) []time.Duration {
	order := make([]int, len(visits))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(visits[a].Entered, visits[b].Entered), cmp.Compare(visits[a].Served, visits[b].Served))
	})
	gone, next := make([]time.Duration, len(visits)), None
	for _, i := range slices.Backward(order) {
		v := &visits[i]
		if v.Entered == None {
			break
		}
		if v.Served != None && (next == None || v.Served < next) {
			next = v.Served
		}
		gone[i] = next
		if next != None {
			gone[i] = max(next, v.Entered+1) // it was there, if only for an instant
		}
	}
	return gone
}

// count counts who was struck.
func (q *Queue) count(visits []Visit) {
	for i := range visits {
		v := &visits[i]
		q.Packets += v.SYN.Packets + v.ACK.Packets
		if v.SYN.Packets > 0 {
			q.SYNs++
		}
		if v.ACK.Packets > 0 {
			q.ACKs++
		}
		if v.SYN.Packets+v.ACK.Packets > 0 {
			q.Clients++
		}
		if v.Taken != None {
			q.There++
		}
		q.Later += v.Later
		if v.Lost {
			q.Lost++
		}
	}
}

// what is the kind of an event. They are in this order at one moment: who leaves makes room.
type what uint8

const (
	accepts what = iota // at the earliest
	leaves
	closes
	strikes
	admits
	enters
	opens
	takes
)

type event struct {
	at      time.Duration
	what    what
	syn     bool // of strikes
	waiting int  // how many may have waited, before it
	sure    int  // how many of them waited, unless accept() returned them more than a lag before the server showed it
	open    int  // how many connections were open, before it
}

// walk goes through the events of a listener in the order of their time.
type walk struct{ events []event }

func (w *walk) put(at time.Duration, what what) {
	if at != None {
		w.events = append(w.events, event{at: at, what: what})
	}
}

func (w *walk) strike(s Strike, syn bool) {
	for at := range s.times {
		w.events = append(w.events, event{at: at, what: strikes, syn: syn})
	}
}

// times yields when its packets came, as far as that is known.
func (s Strike) times(yield func(time.Duration) bool) {
	if s.Packets == 0 || !yield(s.First) {
		return
	}
	for _, at := range s.Between {
		if at > s.First && at < s.Last && !yield(at) {
			return
		}
	}
	if s.Packets > 1 {
		yield(s.Last)
	}
}

// add takes what one client shows. One that never got in was never in the queue.
func (w *walk) add(v *Visit, left time.Duration) {
	w.strike(v.SYN, true)
	w.strike(v.ACK, false)
	w.put(v.Admitted, admits)
	opened := v.Admitted
	if opened == None {
		opened = v.Entered
	}
	if opened != None {
		w.put(opened, opens)
		w.put(v.Closed, closes)
	}
	if v.Entered == None {
		return
	}
	w.put(v.Entered, enters)
	w.put(left, leaves)
	if left != None {
		w.put(max(v.Entered+1, left-lag), accepts)
	}
	if v.Taken != None && v.Taken-v.Entered > burst {
		w.put(v.Taken, takes)
	}
}

// lag is how long before the server shows that it has a connection accept() may have returned
// it: so long it takes to read a request and to answer it.
const lag = 20 * time.Millisecond

// lengths notes how many may have waited at each event, and finds the fewest when a packet
// was struck. It returns the fewest that were open then.
func (w *walk) lengths(q *Queue) (limit int) {
	waiting, sure, open := 0, 0, 0
	limit = math.MaxInt
	for i := range w.events {
		e := &w.events[i]
		e.waiting, e.sure, e.open = waiting, sure, open
		switch e.what {
		case enters:
			waiting++
			sure++
		case accepts:
			sure--
		case leaves:
			waiting--
		case opens:
			open++
		case closes:
			open--
		case strikes:
			limit = min(limit, open)
			if waiting == 0 {
				q.Empty++
				continue
			}
			q.Fill = min(q.Fill, waiting)
		}
	}
	return limit
}

// fit finds the number of waiting connections that best separates what is struck from what is
// taken. In a queue whose program accepts one after the other, and shows each, it explains
// nearly all; with programs that accept without a sign it is off by a few.
func (w *walk) fit(q *Queue) {
	var struck, taken []int // by the number that waited
	at := func(all *[]int, waiting int) {
		for len(*all) <= waiting {
			*all = append(*all, 0)
		}
		(*all)[waiting]++
		q.Signs++
	}
	for i := range w.events {
		switch e := &w.events[i]; e.what {
		case strikes:
			at(&struck, e.waiting)
			q.Struck++
		case admits, enters:
			at(&taken, max(0, e.sure))
		}
	}
	wrong := 0 // with a limit of 0 whatever is taken is not explained
	for _, n := range taken {
		wrong += n
	}
	q.Wrong = wrong
	for limit := 1; limit <= max(len(struck), len(taken)); limit++ {
		if limit <= len(taken) {
			wrong -= taken[limit-1]
		}
		if limit <= len(struck) {
			wrong += struck[limit-1]
		}
		if wrong < q.Wrong {
			q.Limit, q.Wrong = limit, wrong
		}
	}
}

// burst is how long after a connection has entered what it sends may be of the burst that it
// came with, and pass or fail with it.
const burst = 100 * time.Millisecond

// moment is how soon after a connection the next packet comes that belongs to the same burst.
const moment = 20 * time.Millisecond

// atOnce is how far apart packets may be that two CPUs of the server process in another order.
const atOnce = time.Millisecond

// weigh counts what was taken though as many waited as when others were struck, and how
// often the one followed the other.
func (w *walk) weigh(q *Queue, limit int) {
	struck, striking := false, false
	q.Limited = true
	entered, admitted := None, None
	for _, e := range w.events {
		switch e.what {
		case enters:
			entered = e.at
		case admits:
			admitted = e.at
		}
		switch e.what {
		case strikes:
			if admitted > entered && e.at-admitted > atOnce {
				q.Broken++
			}
			if !struck {
				q.Sudden = entered != None && e.at-entered < moment
			}
			if e.waiting < q.Limit {
				break
			}
			if struck && !striking {
				q.Turns++
			}
			struck, striking = true, true
		case admits, enters:
			if e.what == admits && e.open >= limit {
				q.Limited = false
			}
			switch {
			case e.sure >= q.Fill:
				q.Admitted++
			case struck:
				q.Passed++
			}
			if striking && e.sure < q.Limit {
				q.Turns++
				striking = false
			}
		case takes:
			if striking {
				q.Through++
			}
		}
	}
}
