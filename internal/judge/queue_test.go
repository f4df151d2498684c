package judge

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const ms = time.Millisecond

// shop is a listener written down client by client. Times are in milliseconds, and a handshake
// takes one.
type shop []Visit

// serves adds a client that comes in and is served later; 0 for one that is not.
func (s shop) serves(at, served int) shop {
	v := Visit{Admitted: ms * time.Duration(at), Entered: ms * time.Duration(at+1), Served: None, Closed: None, Taken: None}
	if served > 0 {
		v.Served = ms * time.Duration(served)
		v.Closed = v.Served
	}
	return append(s, v)
}

// taken makes the last client one that sends something later, which is taken.
func (s shop) taken(at int) shop {
	s[len(s)-1].Taken = ms * time.Duration(at)
	return s
}

// open makes the last client keep its connection when it was served.
func (s shop) open() shop {
	s[len(s)-1].Closed = None
	return s
}

// syn adds a client whose SYNs are in vain, from a time to a time.
func (s shop) syn(first, last, packets int) shop {
	return append(s, Visit{SYN: Strike{Packets: packets, First: ms * time.Duration(first), Last: ms * time.Duration(last)}, Admitted: None, Entered: None, Served: None, Closed: None, Taken: None})
}

// ack adds a client whose SYN is answered, and whose final ACK and data are in vain.
func (s shop) ack(admitted, first, last, packets int) shop {
	return append(s, Visit{Admitted: ms * time.Duration(admitted), ACK: Strike{Packets: packets, First: ms * time.Duration(first), Last: ms * time.Duration(last)}, Entered: None, Served: None, Closed: None, Taken: None})
}

// even is a server that takes one client a second, of three that come to a queue for one: a
// SYN of one of them and the final ACK of another are in vain.
func even(turns int) (s shop) {
	for i := range turns {
		at := 1000 * i
		s = s.serves(at, at+900).ack(at-5, at+100, at+100, 1).syn(at+200, at+800, 2)
	}
	return s
}

// TestOverflow: what only a full accept queue does, and beside each what looks like it.
func TestOverflow(t *testing.T) {
	for _, c := range []struct {
		name string
		shop shop
		full bool
	}{
		{"nobody is struck", shop{}.serves(0, 5).serves(10, 15), false},
		{"SYNs alone, and nobody is served: a limit on connections", shop{}.serves(0, 0).serves(5, 0).syn(10, 3000, 4).syn(12, 3000, 4), false},
		{"final ACKs alone: a filter for ACKs", shop{}.serves(0, 0).serves(5, 0).ack(3, 10, 3000, 6).ack(3, 11, 3000, 6), false},
		{"both, from the moment it is full", shop{}.serves(0, 0).serves(5, 0).ack(3, 10, 3000, 6).syn(12, 3000, 4), true},
		{"both, long after: a filter that drops whatever comes", shop{}.serves(0, 0).serves(5, 0).ack(990, 1000, 3000, 6).syn(1000, 3000, 4), false},
		{"both, while what is there goes on", shop{}.serves(0, 0).serves(5, 0).taken(2000).ack(3, 1000, 3000, 6).syn(1000, 3000, 4), true},
		{"both, and one is taken while as many wait", shop{}.serves(0, 0).serves(5, 0).serves(100, 0).ack(3, 10, 3000, 6).syn(12, 3000, 4), false},
		{"both, while nothing waits", shop{}.serves(0, 3).serves(5, 8).ack(3, 10, 3000, 6).syn(12, 3000, 4), false},
		{"both, of a burst alone", shop{}.serves(0, 0).serves(5, 0).ack(3, 10, 10, 1).syn(12, 12, 1), false},
		{"SYNs, three times, and room each time one was served", shop{}.
			serves(0, 1000).syn(100, 900, 2).serves(1100, 2000).syn(1200, 1900, 2).serves(2100, 3000).syn(2200, 2900, 2).serves(3100, 0).open(), false},
		{"the same, and connections stay open: a limit of one a second", shop{}.
			serves(0, 1000).open().syn(100, 900, 2).serves(1100, 2000).open().syn(1200, 1900, 2).serves(2100, 3000).open().syn(2200, 2900, 2).serves(3100, 0), false},
		{"the same, and for once two came as quickly as was struck before", shop{}.
			serves(0, 1000).open().syn(100, 900, 2).serves(1100, 2000).open().syn(1200, 1900, 2).serves(2100, 3000).open().syn(2200, 2900, 2).serves(3100, 3110).open().serves(3120, 3130).open().serves(3140, 0), true},
		{"one of a second, four times: a server and a limit can both be as even", shop{}.
			serves(0, 1000).open().syn(100, 900, 2).serves(1100, 2000).open().syn(1200, 1900, 2).serves(2100, 3000).open().syn(2200, 2900, 2).
			serves(3100, 4000).open().syn(3200, 3900, 2).serves(4100, 0), false},
		{"one of a second, eight times, final ACKs too: a limit on all packets would miss the queue once", even(8), true},
		{"the same, and now and then one is taken though as many wait", even(8).serves(100, 0).serves(102, 0).serves(104, 0).serves(106, 0), false},
		{"the same, and one SYN more was struck while nothing waited: something else strikes, too", even(8).syn(9500, 9500, 1), true},
		{"SYNs, by rate, whoever waits", shop{}.
			serves(0, 1000).syn(100, 100, 1).serves(500, 1500).syn(600, 600, 1).serves(900, 2000).syn(1000, 1000, 1), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := Reconstruct(c.shop)
			if got := q.Only; (got != "") != c.full {
				t.Errorf("only a full queue: %q, want %v; %+v", got, c.full, q)
			}
		})
	}
}

// TestHandshakesAlone: a filter that takes one packet of ten at random takes those of
// connections that are there, too.
func TestHandshakesAlone(t *testing.T) {
	busy := func(lost bool) shop {
		var s shop
		for i := range 100 {
			s = s.serves(10*i, 10*i+20).taken(10*i + 10)
			s[i].Lost, s[i].Later = lost && i%10 == 0, 1
		}
		for i := range 6 { // wait from then on
			s = s.serves(1000+i, 0)
		}
		return s.syn(1010, 2000, 9).syn(1012, 2000, 9).ack(1005, 1011, 2000, 9)
	}
	if q := Reconstruct(busy(false)); q.Only == "" {
		t.Errorf("nothing but handshakes was struck: %+v", q)
	}
	if q := Reconstruct(busy(true)); q.Only != "" {
		t.Errorf("everything was struck, told %q: %+v", q.Only, q)
	}
}

// TestLeaves: a queue is left in the order in which it was entered.
func TestLeaves(t *testing.T) {
	got := left(shop{}.serves(0, 0).serves(10, 100).serves(20, 50).serves(30, 0))
	want := []time.Duration{50 * ms, 50 * ms, 50 * ms, None}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("left at (-want +got):\n%s", diff)
	}
}

// FuzzReconstruct: the order of visits does not matter, and judging twice gives the same.
func FuzzReconstruct(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8}, uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		var visits []Visit
		for ; len(b) >= 8; b = b[8:] {
			v := Visit{Admitted: None, Entered: None, Served: None, Closed: None, Taken: None, Lost: b[6]&1 != 0}
			for i, at := range []*time.Duration{&v.Admitted, &v.Entered, &v.Served, &v.Closed, &v.Taken} {
				if b[i]&1 != 0 {
					*at = time.Duration(b[i]) * ms
				}
			}
			v.SYN = Strike{Packets: int(b[5] & 3), First: time.Duration(b[6]) * ms, Last: time.Duration(b[7]) * ms}
			v.ACK = Strike{Packets: int(b[5] >> 6), First: time.Duration(b[7]) * ms, Last: time.Duration(b[6]) * ms}
			visits = append(visits, v)
		}
		want := Reconstruct(visits)
		random := rand.New(rand.NewPCG(seed, 0))
		random.Shuffle(len(visits), func(i, j int) { visits[i], visits[j] = visits[j], visits[i] })
		if diff := cmp.Diff(want, Reconstruct(slices.Clone(visits))); diff != "" {
			t.Errorf("in another order (-want +got):\n%s", diff)
		}
		if want.Clients == 0 && want.Only != "" {
			t.Errorf("nobody was struck: %s", want.Only)
		}
	})
}
