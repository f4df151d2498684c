package queue

import (
	"testing"
	"time"
)

// TestDropCause: two samples, between which sk_drops of the first listener rises by drops.
func TestDropCause(t *testing.T) {
	type moves map[string]uint64
	none := moves{"TcpExtListenDrops": 0}
	with := func(name string, n uint64) moves { return moves{"TcpExtListenDrops": 0, name: n} }
	for _, c := range []struct {
		name      string
		drops     uint64
		others    Count // of a second listener
		full      bool
		counters  moves
		want      DropCause
		wantState State
	}{
		{"nothing", 0, Known(0), false, none, DropUnknown, OK},
		{"counters unknown", 9, Known(0), false, moves{}, DropUnknown, Dropping},
		{"a full queue, SYNs", 9, Known(0), true, moves{"TcpExtListenDrops": 9}, DropQueue, Dropping},
		{"a full queue, ACKs count twice", 18, Known(0), true, moves{"TcpExtListenDrops": 9}, DropQueue, Dropping},
		{"a full queue, counters read a moment before", 9, Known(0), true, none, DropUnknown, Dropping},
		{"counters a little apart", 23, Known(0), true, moves{"TcpExtListenDrops": 9}, DropQueue, Dropping},
		{"more than the queues of all", 24, Known(0), false, moves{"TcpExtListenDrops": 9}, DropOther, Dropping},
		{"no counter rose", 9, Known(0), false, none, DropOther, Dropping},
		{"TCP_DEFER_ACCEPT", 9, Known(0), false, with("TcpExtTCPDeferAcceptDrop", 9), DropDefer, OK},
		{"TCP_DEFER_ACCEPT, counters a little apart", 11, Known(0), false, with("TcpExtTCPDeferAcceptDrop", 9), DropDefer, OK},
		{"TCP_DEFER_ACCEPT for a part", 12, Known(0), false, with("TcpExtTCPDeferAcceptDrop", 9), DropOther, Dropping},
		{"TCP_DEFER_ACCEPT at one of two", 9, Known(9), false, with("TcpExtTCPDeferAcceptDrop", 9), DropOther, Dropping},
		{"TCP_DEFER_ACCEPT at both", 9, Known(9), false, with("TcpExtTCPDeferAcceptDrop", 18), DropDefer, OK},
		{"another's drops unknown", 9, Count{}, false, with("TcpExtTCPDeferAcceptDrop", 9), DropOther, Dropping},
		{"half handshakes", 9, Known(0), false, with("TcpExtEmbryonicRsts", 9), DropReset, OK},
		{"both", 9, Known(0), false, moves{"TcpExtListenDrops": 0, "TcpExtEmbryonicRsts": 5, "TcpExtTCPDeferAcceptDrop": 4}, DropReset, OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, tally := NewHistory(time.Minute), NewTally()
			for i := range uint64(2) {
				s := Sample{T: time.Duration(i) * time.Second, Namespaces: []Namespace{{ID: 1, Counters: Counters{T: time.Duration(i) * time.Second}}}}
				for name, n := range c.counters {
					counters := &s.Namespaces[0].Counters
					counters.Names, counters.Values = append(counters.Names, name), append(counters.Values, 100+i*n)
				}
				l := Listener{Netns: 1, Cookie: 1, AcceptLimit: 5, Drops: Known(50 + i*c.drops)}
				if c.full {
					l.AcceptLen = 6 * int(1-i)
				}
				other := Listener{Netns: 1, Cookie: 2, AcceptLimit: 5}
				if c.others.Known {
					other.Drops = Known(i * c.others.N)
				}
				s.Listeners = []Listener{l, other}
				h.Add(&s)
				tally.Add(&s)
			}
			for _, got := range h.Trends() {
				if got.Listener.Cookie == 1 && (got.DroppedBy != c.want || got.State != c.wantState) {
					t.Errorf("history: %q %s, want %q %s", got.DroppedBy, got.State, c.want, c.wantState)
				}
			}
			for _, got := range tally.Sums().Listeners {
				if got.Listener.Cookie == 1 && got.DroppedBy != c.want {
					t.Errorf("tally: %q, want %q", got.DroppedBy, c.want)
				}
			}
		})
	}
}
