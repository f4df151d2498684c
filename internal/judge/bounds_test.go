package judge

import (
	"net/netip"
	"testing"
	"time"

	"listenq/internal/evidence"
)

// TestReserves compares with the kernel's own arithmetic: with a limit of the reserve, a SYN
// that comes while n requests are there is dropped from the first n with
// limit - n < limit>>2 on (tcp_conn_request, net/ipv4/tcp_input.c).
func TestReserves(t *testing.T) {
	const largest = 1 << 13
	plausible := map[int]bool{}
	for limit := 1; limit <= 4*largest; limit++ {
		if limit >= 128 && limit%64 != 0 && limit%100 != 0 && limit&(limit+1) != 0 {
			continue // nobody sets that
		}
		n := 0
		for limit-n >= limit>>2 {
			n++
		}
		plausible[n] = true
	}
	for n := 2; n < largest; n++ {
		if got := reserves(n); got && !plausible[n] {
			t.Errorf("%d requests are taken for those of a reserve, and no limit lets in so many", n)
		}
	}
	for _, limit := range []int{4, 16, 100, 127, 128, 256, 300, 511, 512, 1000, 1023, 1024, 1500, 2048, 4096} {
		n := 0
		for limit-n >= limit>>2 {
			n++
		}
		if !reserves(n) {
			t.Errorf("%d requests are what a limit of %d lets in", n, limit)
		}
	}
	for _, n := range []int{100, 103, 110, 501, 777, 1540} {
		if reserves(n) {
			t.Errorf("%d requests are what no limit that somebody sets lets in", n)
		}
	}
}

// TestOverflowBounds: what is still, and what is no longer, explained by a full accept queue
// alone. Each row moves one figure of a queue that is one to its bound and over it.
func TestOverflowBounds(t *testing.T) {
	const alone, whole, turned = "SYNs and final ACKs alike were dropped depending on how many connections waited, and nothing of established connections was",
		"SYNs and final ACKs alike were dropped, and none of them was taken while as many connections waited",
		"what was dropped and what was taken followed the number of waiting connections, several times over"
	// handshakesAlone: half of all packets are struck, and 0.5^7 < 0.01.
	handshakes := Queue{Clients: 4, SYNs: 2, ACKs: 2, Packets: 50, Admitted: 0, Passed: 49, Later: 7, Struck: 24, Signs: 100, Wrong: 8, Broken: 6}
	consistent := Queue{Clients: 4, SYNs: 2, ACKs: 2, Packets: 4, Struck: 24, Signs: 64, Wrong: 8, Broken: 3, Through: 1, Lost: 1, There: 20}
	turns := Queue{Clients: 4, SYNs: 4, Packets: 8, Struck: 24, Signs: 100, Wrong: 3, Broken: 3, Turns: 3, Unpaced: 2}
	for _, c := range []struct {
		name string
		base Queue
		with func(*Queue)
		want string
	}{
		{"handshakes alone", handshakes, nil, alone},
		{"one later packet less", handshakes, func(q *Queue) { q.Later = 6 }, ""},
		{"one was lost", handshakes, func(q *Queue) { q.Lost = 1 }, ""},
		{"more were struck out of order", handshakes, func(q *Queue) { q.Broken = 7 }, ""},
		{"nobody was struck", handshakes, func(q *Queue) { q.Clients = 0 }, ""},
		{"one was struck while nobody waited", handshakes, func(q *Queue) { q.Empty = 1 }, ""},
		{"no SYN was struck", handshakes, func(q *Queue) { q.SYNs = 0 }, ""},
		{"no final ACK was struck", handshakes, func(q *Queue) { q.ACKs = 0 }, ""},
		// 32 struck of 100 signs: crowded() asks for share^struck < 0.0001.
		{"not explained, but never at another length", handshakes, func(q *Queue) { q.Wrong = 9 }, alone},
		{"not explained, and at many lengths", handshakes, func(q *Queue) { q.Wrong, q.Admitted, q.Packets = 9, 60, 110 }, ""},

		{"consistent", consistent, nil, whole},
		{"one sign more is wrong", consistent, func(q *Queue) { q.Wrong = 9 }, ""},
		{"one sign fewer is there", consistent, func(q *Queue) { q.Signs = 63 }, ""},
		{"one more was struck out of order", consistent, func(q *Queue) { q.Broken = 4 }, ""},
		{"one of fewer connections lost something", consistent, func(q *Queue) { q.There = 19 }, ""},
		{"two of as many did", consistent, func(q *Queue) { q.Lost = 2 }, ""},
		{"nobody was struck", consistent, func(q *Queue) { q.Clients = 0 }, ""},
		{"one was struck while nobody waited", consistent, func(q *Queue) { q.Empty = 1 }, ""},
		{"SYNs alone", consistent, func(q *Queue) { q.ACKs = 0 }, ""},
		{"final ACKs alone", consistent, func(q *Queue) { q.SYNs = 0 }, ""},
		{"nothing went through", consistent, func(q *Queue) { q.Through = 0 }, ""},
		{"it turned once", consistent, func(q *Queue) { q.Through, q.Turns = 0, 1 }, whole},
		{"it began suddenly and lasted", consistent, func(q *Queue) { q.Through, q.Sudden = 0, true }, whole},
		{"it began suddenly, for three packets", consistent, func(q *Queue) { q.Through, q.Sudden, q.Packets = 0, true, 3 }, ""},
		{"it began suddenly, and one passed", consistent, func(q *Queue) { q.Through, q.Sudden, q.Passed = 0, true, 1 }, ""},
		{"one was let in, one went through", consistent, func(q *Queue) { q.Admitted, q.Lost = 1, 0 }, ""},
		{"one was let in, two went through", consistent, func(q *Queue) { q.Admitted, q.Lost, q.Through = 1, 0, 2 }, whole},
		{"one was let in, two went through, one lost something", consistent, func(q *Queue) { q.Admitted, q.Through = 1, 2 }, ""},

		{"three turns", turns, nil, turned},
		{"two turns", turns, func(q *Queue) { q.Turns = 2 }, ""},
		{"one sign more is wrong", turns, func(q *Queue) { q.Wrong = 4 }, ""},
		{"a limit on open connections fits, too", turns, func(q *Queue) { q.Limited = true }, ""},
		{"it does, but ACKs were struck", turns, func(q *Queue) { q.Limited, q.ACKs, q.Empty = true, 1, 1 }, turned},
		{"paced by one sign", turns, func(q *Queue) { q.Unpaced = 1 }, ""},
		{"paced, but of both kinds and often", turns, func(q *Queue) { q.Unpaced, q.ACKs, q.Empty, q.Turns = 0, 1, 1, 7 }, turned},
		{"paced, of both kinds, once less", turns, func(q *Queue) { q.Unpaced, q.ACKs, q.Empty, q.Turns = 0, 1, 1, 6 }, ""},
		{"paced, ACKs alone", turns, func(q *Queue) { q.Unpaced, q.SYNs, q.ACKs, q.Turns = 0, 0, 1, 9 }, ""},
	} {
		q := c.base
		if c.with != nil {
			c.with(&q)
		}
		if got := q.overflow(); got != c.want {
			t.Errorf("%s: %q, want %q; %+v", c.name, got, c.want, q)
		}
	}
}

// TestFindingBounds: how many are a pattern. Each row is one attempt, or one sign, below or
// above the bound.
func TestFindingBounds(t *testing.T) {
	scanner := netip.MustParseAddr("192.0.2.1")
	server := evidence.ServerSide
	for _, c := range []struct {
		name     string
		listener evidence.Listener
		scene    evidence.Scene
		tally    Tally
		want     Finding
	}{
		{"20 forged SYNs", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 22, Forged: 20, SeenBoth: 1}, Reflecting},
		{"20 of 23", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 23, Forged: 20, SeenBoth: 1}, Fine},
		{"18 of 20", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 20, Forged: 18, SeenBoth: 1}, Fine},
		{"20 of several clients", evidence.Listener{Crowd: evidence.Crowd{Mixed: true}}, evidence.Scene{ACKs: true}, Tally{Attempts: 22, Forged: 20, SeenBoth: 1}, Fine},

		{"of no attempt both ends", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 4, Mute: 2, Midway: 2}, Unseen},
		{"of one nothing is missing", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 4, Mute: 2, Midway: 1}, Fine},
		{"of one both ends", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 4, Mute: 2, Midway: 2, SeenBoth: 1}, Fine},
		{"one goes on without a server", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 4, Deaf: 1}, Unseen},
		{"one goes on without a server, that others heard", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 4, Deaf: 1, Heard: 1}, Fine},
		{"the same in the lab", evidence.Listener{}, evidence.Scene{ACKs: true, Sockets: true}, Tally{Attempts: 4, Deaf: 1}, Fine},

		{"a scan of 20 addresses", evidence.Listener{Crowd: evidence.Crowd{Only: scanner}}, evidence.Scene{ACKs: true, Probes: probes(scanner, 20, 1)}, Tally{Attempts: 3, SeenBoth: 1}, Scanned},
		{"of 19", evidence.Listener{Crowd: evidence.Crowd{Only: scanner}}, evidence.Scene{ACKs: true, Probes: probes(scanner, 19, 1)}, Tally{Attempts: 3, SeenBoth: 1}, Fine},
		{"of 20, and two of them finished", evidence.Listener{Crowd: evidence.Crowd{Only: scanner}}, evidence.Scene{ACKs: true, Probes: probes(scanner, 20, 2)}, Tally{Attempts: 3, SeenBoth: 1}, Fine},
		{"it looks four times", evidence.Listener{Crowd: evidence.Crowd{Only: scanner}}, evidence.Scene{ACKs: true, Probes: probes(scanner, 20, 1)}, Tally{Attempts: 4, SeenBoth: 1}, Fine},
		{"it looks four times in the lab", evidence.Listener{Crowd: evidence.Crowd{Only: scanner}}, evidence.Scene{Sockets: true, Probes: probes(scanner, 20, 1)}, Tally{Attempts: 4, SeenBoth: 1}, Scanned},

		{"an overflow, for certain", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 4, SeenBoth: 1, Certain: true}, Overflow},
		{"the SYN queue", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 4, SeenBoth: 1, SynQueue: 1}, SynOverflow},
		{"no ACK in the capture", evidence.Listener{Answered: true}, evidence.Scene{Sides: server}, Tally{Attempts: 4, SeenBoth: 1}, Unseen},
		{"no ACK in the capture, but one of these", evidence.Listener{Answered: true}, evidence.Scene{Sides: server}, Tally{Attempts: 4, SeenBoth: 1, Acked: 1}, Fine},
		{"no ACK, and no answer", evidence.Listener{}, evidence.Scene{Sides: server}, Tally{Attempts: 4, SeenBoth: 1}, Fine},

		{"three of three bounce", evidence.Listener{Answered: true}, evidence.Scene{ACKs: true}, Tally{Attempts: 3, SeenBoth: 1, Bounced: 3}, Halved},
		{"two of two", evidence.Listener{Answered: true}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Bounced: 2}, Fine},
		{"nine of ten", evidence.Listener{Answered: true}, evidence.Scene{ACKs: true}, Tally{Attempts: 10, SeenBoth: 1, Bounced: 9}, Halved},
		{"nine of eleven", evidence.Listener{Answered: true}, evidence.Scene{ACKs: true}, Tally{Attempts: 11, SeenBoth: 1, Bounced: 9}, Fine},

		{"50 of 99 never came back", evidence.Listener{Answered: true}, evidence.Scene{ACKs: true}, Tally{Attempts: 99, SeenBoth: 1, Unfinished: 50}, Flooded},
		{"50 of 100", evidence.Listener{Answered: true}, evidence.Scene{ACKs: true}, Tally{Attempts: 100, SeenBoth: 1, Unfinished: 50}, Fine},
		{"49 of 49", evidence.Listener{Answered: true}, evidence.Scene{ACKs: true}, Tally{Attempts: 49, SeenBoth: 1, Unfinished: 49}, Fine},
		{"999, and none is answered", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 999, SeenBoth: 1, Unfinished: 999}, Fine},
		{"1,000, and none is answered", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 1000, SeenBoth: 1, Unfinished: 1000}, Flooded},

		{"all are refused", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Outcomes: map[Outcome]int{Refused: 2}}, Nothing},
		{"one is not", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 3, SeenBoth: 1, Outcomes: map[Outcome]int{Refused: 2}}, Fine},
		{"all are, by one that has answered", evidence.Listener{Answered: true}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Outcomes: map[Outcome]int{Refused: 2}}, Fine},
		{"closed", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Causes: map[Cause]int{ListenerClosed: 1}}, Gone},
		{"none from its beginning", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Midway: 2}, Unseen},

		{"no SYN is answered", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 3, SeenBoth: 1, Repeated: 1, Outcomes: map[Outcome]int{Unanswered: 1, TimedOut: 1, GaveUp: 1}}, Filtered},
		{"nor sent again", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 3, SeenBoth: 1, Outcomes: map[Outcome]int{Unanswered: 1, TimedOut: 1, GaveUp: 1}}, Unseen},
		{"nor sent again, by 49 clients", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 49, SeenBoth: 1, Outcomes: map[Outcome]int{Unanswered: 49}}, Unseen},
		{"nor sent again, by 50 clients", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 50, SeenBoth: 1, Outcomes: map[Outcome]int{Unanswered: 50}}, Filtered},
		{"nor sent again, in the lab", evidence.Listener{}, evidence.Scene{Sockets: true}, Tally{Attempts: 3, SeenBoth: 1, Outcomes: map[Outcome]int{Unanswered: 3}}, Filtered},
		{"one SYN more is", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 4, SeenBoth: 1, Repeated: 1, Outcomes: map[Outcome]int{Unanswered: 3}}, Fine},
		{"one has no cause, and is not open", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 3, SeenBoth: 1, Repeated: 1, Outcomes: map[Outcome]int{Unanswered: 3}, Causes: map[Cause]int{NoCause: 1}}, Fine},
		{"one has no cause, and is open", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 3, SeenBoth: 1, Repeated: 1, Open: 1, Outcomes: map[Outcome]int{Unanswered: 3}, Causes: map[Cause]int{NoCause: 1}}, Filtered},

		{"one perhaps", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 3, SeenBoth: 1, Perhaps: 1}, Undecided},
		{"one that only looks like an overflow", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 3, SeenBoth: 1, Overflowed: 1}, Undecided},
		{"one rejected", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 3, SeenBoth: 1, Rejected: 1}, Undecided},
		{"the network", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 3, SeenBoth: 1, Causes: map[Cause]int{NetworkLoss: 1}}, Lossy},
	} {
		c.listener.Scene = &c.scene
		if got := finding(&c.listener, &c.tally, &Queue{}); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func probes(client netip.Addr, addresses, finished int) map[netip.Addr]evidence.Probe {
	return map[netip.Addr]evidence.Probe{client: {Addresses: addresses, Finished: finished}}
}

// TestConfidenceBounds: each thing that makes a finding about a listener less than likely.
func TestConfidenceBounds(t *testing.T) {
	both := evidence.ClientSide | evidence.ServerSide
	for _, c := range []struct {
		name     string
		listener evidence.Listener
		scene    evidence.Scene
		tally    Tally
		want     Confidence
	}{
		{"nothing is the matter", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1}, Likely},
		{"one is untold", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Untold: 1}, Possible},
		{"one is late", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Late: 1}, Possible},
		{"one is reset", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Resets: 1}, Possible},
		{"one began earlier", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Midway: 1}, Possible},
		{"an overflow", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Certain: true}, Certain},
		{"loss, seen at one side", evidence.Listener{}, evidence.Scene{ACKs: true, Sides: evidence.ServerSide}, Tally{Attempts: 2, SeenBoth: 1, Causes: map[Cause]int{NetworkLoss: 1}}, Possible},
		{"loss, seen at both", evidence.Listener{}, evidence.Scene{ACKs: true, Sides: both}, Tally{Attempts: 2, SeenBoth: 1, Causes: map[Cause]int{NetworkLoss: 1}}, Likely},
		{"loss, in the lab", evidence.Listener{}, evidence.Scene{Sockets: true}, Tally{Attempts: 2, SeenBoth: 1, Causes: map[Cause]int{NetworkLoss: 1}}, Likely},
		{"closed: all at once, and then refused", evidence.Listener{Denied: 1}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Together: 2, Causes: map[Cause]int{ListenerClosed: 1}}, Likely},
		{"closed: one by one", evidence.Listener{Denied: 1}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Causes: map[Cause]int{ListenerClosed: 1}}, Possible},
		{"closed: nothing was refused", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Together: 2, Causes: map[Cause]int{ListenerClosed: 1}}, Possible},
		{"closed: it opened again", evidence.Listener{Denied: 1, Reopened: true}, evidence.Scene{ACKs: true}, Tally{Attempts: 2, SeenBoth: 1, Together: 2, Causes: map[Cause]int{ListenerClosed: 1}}, Possible},
		{"closed, in the lab", evidence.Listener{}, evidence.Scene{Sockets: true}, Tally{Attempts: 2, SeenBoth: 1, Causes: map[Cause]int{ListenerClosed: 1}}, Likely},
		{"a filter", evidence.Listener{}, evidence.Scene{ACKs: true}, Tally{Attempts: 1, SeenBoth: 1, Repeated: 1, Outcomes: map[Outcome]int{Unanswered: 1}}, Possible},
	} {
		c.listener.Scene = &c.scene
		if got := Listener(&c.listener, &c.tally, &Queue{}, &Queue{}); got.Confidence != c.want {
			t.Errorf("%s: %s, %s; want %s", c.name, got.Finding, got.Confidence, c.want)
		}
	}
}

// TestWalkBounds: times that are one moment, and those that are no longer.
func TestWalkBounds(t *testing.T) {
	only := func(v Visit) []Visit { return []Visit{v} }
	entered := Visit{Admitted: 0, Entered: ms, Served: None, Closed: None, Taken: None}
	struck := func(at time.Duration) Visit {
		return Visit{SYN: Strike{Packets: 1, First: at, Last: at}, Admitted: None, Entered: None, Served: None, Closed: None, Taken: None}
	}
	with := func(change func(*Visit), more ...Visit) []Visit {
		v := entered
		change(&v)
		return append(only(v), more...)
	}
	for _, c := range []struct {
		name   string
		visits []Visit
		of     func(Queue) int
		want   int
	}{
		{"struck right after it was entered", with(func(*Visit) {}, struck(ms+moment-1)), sudden, 1},
		{"struck a moment after", with(func(*Visit) {}, struck(ms+moment)), sudden, 0},
		{"struck, and nobody entered", only(struck(ms)), sudden, 0},
		{"struck with a SYN let in before it", with(func(v *Visit) { v.Admitted, v.Entered = 2*ms, 9*ms }, struck(2*ms+atOnce+1)), broken, 1},
		{"struck as it was let in", with(func(v *Visit) { v.Admitted, v.Entered = 2*ms, 9*ms }, struck(2*ms+atOnce)), broken, 0},
		{"struck after it entered", with(func(v *Visit) { v.Admitted, v.Entered = 2*ms, 3*ms }, struck(9*ms)), broken, 0},
		{"it sends with the burst", with(func(v *Visit) { v.Taken = ms + burst }, struck(2*ms)), through, 0},
		{"it sends after the burst", with(func(v *Visit) { v.Taken = ms + burst + 1 }, struck(2*ms)), through, 1},
		{"it may wait until it is served", with(func(v *Visit) { v.Served = 50 * ms }, struck(49*ms)), empty, 0},
		{"it has left when it is served", with(func(v *Visit) { v.Served = 50 * ms }, struck(50*ms)), empty, 1},
		{"served as it entered, and struck then", with(func(v *Visit) { v.Served = ms }, struck(ms), struck(ms+1)), empty, 2},
		{"taken while it waits for sure", with(func(v *Visit) { v.Served = 50 * ms }, struck(2*ms), Visit{Admitted: 29 * ms, Entered: None, Served: None, Closed: None, Taken: None}), let, 1},
		{"taken when accept() may have returned it", with(func(v *Visit) { v.Served = 50 * ms }, struck(2*ms), Visit{Admitted: 30 * ms, Entered: None, Served: None, Closed: None, Taken: None}), let, 0},
		{"one was open", with(func(*Visit) {}, struck(5*ms), Visit{Admitted: 6 * ms, Entered: None, Served: None, Closed: None, Taken: None}), limited, 0},
		{"it had closed", with(func(v *Visit) { v.Closed = 6 * ms }, struck(5*ms), Visit{Admitted: 6 * ms, Entered: None, Served: None, Closed: None, Taken: None}), limited, 1},
		{"two packets", only(Visit{SYN: Strike{Packets: 2, First: ms, Last: 5 * ms}, Admitted: None, Entered: None, Served: None, Closed: None, Taken: None}), signs, 2},
		{"one packet between", only(Visit{SYN: Strike{Packets: 3, First: ms, Last: 5 * ms, Between: [between]time.Duration{2 * ms}}, Admitted: None, Entered: None, Served: None, Closed: None, Taken: None}), signs, 3},
		{"a time that is the first's", only(Visit{SYN: Strike{Packets: 3, First: ms, Last: 5 * ms, Between: [between]time.Duration{ms}}, Admitted: None, Entered: None, Served: None, Closed: None, Taken: None}), signs, 2},
		{"a time that is the last's", only(Visit{SYN: Strike{Packets: 3, First: ms, Last: 5 * ms, Between: [between]time.Duration{5 * ms}}, Admitted: None, Entered: None, Served: None, Closed: None, Taken: None}), signs, 2},
	} {
		q := Reconstruct(c.visits)
		if got := c.of(q); got != c.want {
			t.Errorf("%s: %d, want %d; %+v", c.name, got, c.want, q)
		}
	}
}

func sudden(q Queue) int  { return number(q.Sudden) }
func limited(q Queue) int { return number(q.Limited) }
func broken(q Queue) int  { return q.Broken }
func through(q Queue) int { return q.Through }
func empty(q Queue) int   { return q.Empty }
func let(q Queue) int     { return q.Admitted }
func signs(q Queue) int   { return q.Struck }

func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// TestFill: what is three seconds apart is one overflow, and no more than so many are kept.
func TestFill(t *testing.T) {
	var y Tally
	y.fill(Interval{10 * time.Second, 11 * time.Second})
	y.fill(Interval{14 * time.Second, 15 * time.Second})
	y.fill(Interval{5 * time.Second, 7*time.Second - 1})
	if len(y.Full) != 2 || y.Full[1] != (Interval{10 * time.Second, 15 * time.Second}) {
		t.Errorf("full at %v, want two times", y.Full)
	}
	y = Tally{}
	for i := range maxIntervals {
		y.fill(Interval{time.Duration(i) * 4 * time.Second, time.Duration(i) * 4 * time.Second})
	}
	if len(y.Full) != maxIntervals {
		t.Errorf("%d times, want %d", len(y.Full), maxIntervals)
	}
	y.fill(Interval{time.Hour, time.Hour})
	if len(y.Full) != 2 {
		t.Errorf("%d times after one more, want those before it as one", len(y.Full))
	}
}
