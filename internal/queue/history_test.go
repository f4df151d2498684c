package queue_test

import (
	"net/netip"
	"testing"
	"time"

	"listenq/internal/queue"

	"github.com/google/go-cmp/cmp"
)

var address = netip.MustParseAddrPort("10.0.0.1:8080")

const second = time.Second

// looks is a history of one listener, one look a second.
func looks(each ...func(*queue.Listener)) *queue.History {
	h := queue.NewHistory(time.Minute)
	for i, change := range each {
		s := sample(time.Duration(i) * second)
		change(&s.Listeners[0])
		h.Add(s)
	}
	return h
}

func sample(t time.Duration) *queue.Sample {
	return &queue.Sample{
		T:          t,
		Namespaces: []queue.Namespace{{ID: 1, Counters: queue.Counters{T: t, Names: []string{"TcpExtListenDrops"}, Values: []uint64{7}}}},
		Listeners:  []queue.Listener{{Address: address, Netns: 1, Inode: 5, Cookie: 50, AcceptLimit: 4}},
	}
}

func length(n int) func(*queue.Listener) { return func(l *queue.Listener) { l.AcceptLen = n } }

func drops(n uint64) func(*queue.Listener) {
	return func(l *queue.Listener) { l.Drops = queue.Known(n) }
}

// waits is a queue whose members have waited that long.
func waits(each ...time.Duration) func(*queue.Listener) {
	return func(l *queue.Listener) {
		l.AcceptLen, l.Waiting = len(each), &queue.Waiting{Waits: each, Len: len(each)}
	}
}

func TestState(t *testing.T) {
	for _, c := range []struct {
		name  string
		looks []func(*queue.Listener)
		want  queue.State
	}{
		{"empty", []func(*queue.Listener){length(0)}, queue.OK},
		{"at 70 % of 10", []func(*queue.Listener){func(l *queue.Listener) { l.AcceptLen, l.AcceptLimit = 7, 10 }}, queue.OK},
		{"over 70 % of 10", []func(*queue.Listener){func(l *queue.Listener) { l.AcceptLen, l.AcceptLimit = 8, 10 }}, queue.High},
		{"at the limit one more fits", []func(*queue.Listener){length(4)}, queue.High},
		{"over the limit", []func(*queue.Listener){length(5)}, queue.Full},
		{"a limit of 0 that holds one", []func(*queue.Listener){func(l *queue.Listener) { l.AcceptLen, l.AcceptLimit = 1, 0 }}, queue.Full},
		{"a limit that is not known", []func(*queue.Listener){func(l *queue.Listener) { l.AcceptLen, l.AcceptLimit = 500, queue.NoLimit }}, queue.OK},
		{"drops rose", []func(*queue.Listener){drops(3), drops(4)}, queue.Dropping},
		{"drops of old", []func(*queue.Listener){drops(3), drops(3)}, queue.OK},
		{"one look tells no drops", []func(*queue.Listener){drops(3)}, queue.OK},
		{"drops wrapped", []func(*queue.Listener){drops(1<<32 - 1), drops(1)}, queue.Dropping},
		{"a socket made anew starts at 0", []func(*queue.Listener){drops(9), func(l *queue.Listener) { l.Drops, l.Cookie, l.Inode = queue.Known(0), 51, 6 }}, queue.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := looks(c.looks...).Trends()[0].State; got != c.want {
				t.Errorf("state %q, want %q", got, c.want)
			}
		})
	}
}

func TestTrend(t *testing.T) {
	trend := looks(drops(1<<32-2), length(5), func(l *queue.Listener) { l.Drops = queue.Known(4) }).Trends()[0]
	if trend.Dropped.Known {
		t.Errorf("drops %v, though one look did not tell them", trend.Dropped)
	}
	trend = looks(drops(1<<32-2), drops(4)).Trends()[0]
	if diff := cmp.Diff(queue.Known(6), trend.Dropped); diff != "" {
		t.Errorf("drops (-want +got):\n%s", diff)
	}
	if want := (queue.Rate{PerSecond: 6, Known: true}); trend.DropRate != want || trend.Window != second {
		t.Errorf("rate %v within %v, want %v within 1s", trend.DropRate, trend.Window, want)
	}
	trend = looks(length(5), length(1), length(5), length(0)).Trends()[0]
	if trend.AcceptMax != 5 || trend.FullShare != 0.5 {
		t.Errorf("most %d, full %v of the looks; want 5 and half", trend.AcceptMax, trend.FullShare)
	}
}

func TestRecreated(t *testing.T) {
	anew := func(l *queue.Listener) { l.Cookie, l.Inode = 51, 6 }
	if !looks(length(1), anew).Trends()[0].Recreated {
		t.Error("another socket took the address, and it is not told")
	}
	if looks(length(1), length(2)).Trends()[0].Recreated {
		t.Error("the same socket is taken for another")
	}
	h := looks(length(1))
	s := sample(second)
	s.Listeners = append(s.Listeners, s.Listeners[0])
	anew(&s.Listeners[1])
	h.Add(s)
	for _, trend := range h.Trends() {
		if trend.Recreated {
			t.Error("a second socket beside the first is taken for a new one in its place")
		}
	}
}

func TestFlow(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name             string
		before, now      func(*queue.Listener)
		arrive, accepted queue.Rate
	}{
		{"none moved", waits(1500*ms, 1200*ms), waits(2500*ms, 2200*ms), queue.Rate{Known: true}, queue.Rate{Known: true}},
		{"three came", waits(1500 * ms), waits(2500*ms, 900*ms, 20*ms, 10*ms), queue.Rate{PerSecond: 3, Known: true}, queue.Rate{Known: true}},
		{"two came, one left", waits(1500*ms, 1200*ms), waits(2200*ms, 500*ms, 400*ms), queue.Rate{PerSecond: 2, Known: true}, queue.Rate{PerSecond: 1, Known: true}},
		{"all left meanwhile", waits(1500 * ms), waits(500 * ms), queue.Rate{}, queue.Rate{}},
		{"empty now", waits(1500 * ms), waits(), queue.Rate{}, queue.Rate{}},
		{"not looked at", waits(1500 * ms), length(2), queue.Rate{}, queue.Rate{}},
		{"some are not shown", waits(1500 * ms), func(l *queue.Listener) { waits(2500 * ms)(l); l.AcceptLen = 2 }, queue.Rate{}, queue.Rate{}},
		{"of several listeners", waits(1500 * ms), func(l *queue.Listener) { waits(2500 * ms)(l); l.Shared = 2 }, queue.Rate{}, queue.Rate{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			trend := looks(c.before, c.now).Trends()[0]
			if trend.Arrivals != c.arrive || trend.Accepts != c.accepted {
				t.Errorf("%v came and %v left a second, want %v and %v", trend.Arrivals, trend.Accepts, c.arrive, c.accepted)
			}
		})
	}
}

func TestDead(t *testing.T) {
	hidden := func(n int) func(*queue.Listener) {
		return func(l *queue.Listener) { l.AcceptLen, l.Waiting = 3, &queue.Waiting{Len: 3 - n} }
	}
	for _, c := range []struct {
		name  string
		looks []func(*queue.Listener)
		want  queue.Count
	}{
		{"once is a race", []func(*queue.Listener){hidden(2)}, queue.Count{}},
		{"twice", []func(*queue.Listener){hidden(2), hidden(2)}, queue.Known(2)},
		{"the least of both", []func(*queue.Listener){hidden(2), hidden(1)}, queue.Known(1)},
		{"none", []func(*queue.Listener){hidden(0), hidden(0)}, queue.Known(0)},
		{"not looked at", []func(*queue.Listener){hidden(2), length(3)}, queue.Count{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := looks(c.looks...).Trends()[0].Dead; got != c.want {
				t.Errorf("dead %v, want %v", got, c.want)
			}
		})
	}
}

func TestPaths(t *testing.T) {
	names := []string{"TcpExtListenDrops", "TcpExtTCPDeferAcceptDrop"}
	run := func(drops, listenDrops, noise uint64, others ...uint64) queue.Paths {
		h := queue.NewHistory(time.Minute)
		for i := range uint64(2) {
			s := sample(time.Duration(i) * second)
			s.Namespaces[0].Counters.Names = names
			s.Namespaces[0].Counters.Values = []uint64{100 + i*listenDrops, i * noise}
			s.Listeners[0].Drops = queue.Known(10 + i*drops)
			for n, d := range others {
				s.Listeners = append(s.Listeners, queue.Listener{Address: address, Netns: 1, Cookie: uint64(60 + n), Drops: queue.Known(i * d)})
			}
			h.Add(s)
		}
		for _, t := range h.Trends() {
			if t.Listener.Cookie == 50 {
				return t.Paths
			}
		}
		return queue.Paths{}
	}
	for _, c := range []struct {
		name string
		got  queue.Paths
		want queue.Paths
	}{
		{"SYNs alone", run(5, 5, 0), queue.Paths{SYN: queue.Known(5), ACK: queue.Known(0)}},
		{"ACKs alone", run(10, 5, 0), queue.Paths{SYN: queue.Known(0), ACK: queue.Known(5)}},
		{"both", run(7, 5, 0), queue.Paths{SYN: queue.Known(3), ACK: queue.Known(2)}},
		{"an idle listener beside", run(7, 5, 0, 0), queue.Paths{SYN: queue.Known(3), ACK: queue.Known(2)}},
		{"another that drops", run(7, 9, 0, 2), queue.Paths{}},
		{"bare ACKs that were deferred", run(7, 5, 2), queue.Paths{}},
		{"more than the counters can explain", run(11, 5, 0), queue.Paths{}},
		{"less", run(4, 5, 0), queue.Paths{}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestKeep: what is older than the time kept is forgotten, and so are listeners
// and namespaces that are gone.
func TestKeep(t *testing.T) {
	h := queue.NewHistory(2 * second)
	for i := range 10 {
		h.Add(sample(time.Duration(i) * second))
	}
	trend := h.Trends()[0]
	if len(trend.Points) != 3 || trend.Window != 2*second {
		t.Errorf("%d points over %v, want 3 over 2s", len(trend.Points), trend.Window)
	}
	s := sample(10 * second)
	s.Listeners, s.Namespaces = nil, nil
	h.Add(s)
	if len(h.Trends()) != 0 || len(h.Namespaces()) != 0 {
		t.Error("what is gone is still told")
	}
	h.Add(sample(11 * second))
	if n := len(h.Trends()[0].Points); n != 1 {
		t.Errorf("%d points of a listener that is there again, want 1", n)
	}
}

// TestAddCopies: the source may use a sample again.
func TestAddCopies(t *testing.T) {
	h := queue.NewHistory(time.Minute)
	s := sample(0)
	waits(second)(&s.Listeners[0])
	h.Add(s)
	s.Listeners[0].Waiting.Waits[0], s.Namespaces[0].Counters.Values[0] = 0, 99
	s.T = second
	s.Namespaces[0].Counters.T = second
	waits(2 * second)(&s.Listeners[0])
	h.Add(s)
	n := h.Namespaces()[0]
	if got := n.Moved("TcpExtListenDrops"); got != queue.Known(92) {
		t.Errorf("moved %v, want 92", got)
	}
	if trend := h.Trends()[0]; !trend.Arrivals.Known {
		t.Error("the first look was overwritten by the second")
	}
}

func TestOrder(t *testing.T) {
	h := queue.NewHistory(time.Minute)
	s := sample(0)
	at := func(text string, n, limit int) queue.Listener {
		return queue.Listener{Address: netip.MustParseAddrPort(text), Cookie: uint64(len(s.Listeners) + 100), AcceptLen: n, AcceptLimit: limit}
	}
	s.Listeners = nil
	s.Listeners = append(s.Listeners, at("10.0.0.2:1", 0, 9))
	s.Listeners = append(s.Listeners, at("10.0.0.1:1", 0, 9))
	s.Listeners = append(s.Listeners, at("10.0.0.3:1", 1, 9))
	s.Listeners = append(s.Listeners, at("10.0.0.4:1", 9, 9))
	s.Listeners = append(s.Listeners, at("10.0.0.5:1", 10, 9))
	h.Add(s)
	var got []string
	for _, t := range h.Trends() {
		got = append(got, t.Listener.Address.Addr().String())
	}
	want := []string{"10.0.0.5", "10.0.0.4", "10.0.0.3", "10.0.0.1", "10.0.0.2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// TestTwice: a socket that a sample has twice has one course.
func TestTwice(t *testing.T) {
	h := queue.NewHistory(time.Minute)
	for i := range 2 {
		s := sample(time.Duration(i) * second)
		s.Listeners = append(s.Listeners, s.Listeners[0])
		h.Add(s)
	}
	for _, trend := range h.Trends() {
		if len(trend.Points) != 2 || trend.Window != second || trend.Recreated {
			t.Errorf("%+v", trend)
		}
	}
}

// TestManySockets: time grows with the listeners of a sample, not with their square. With
// that these would take minutes.
func TestManySockets(t *testing.T) {
	const many = 60_000
	for name, inode := range map[string]func(round, i int) uint32{
		"equal":         func(int, int) uint32 { return 7 },
		"other sockets": func(round, i int) uint32 { return uint32(round*many + i + 1) },
	} {
		h := queue.NewHistory(time.Minute)
		began := time.Now()
		for round := range 3 {
			s := sample(time.Duration(round) * second)
			s.Listeners = make([]queue.Listener, many)
			for i := range s.Listeners {
				s.Listeners[i] = queue.Listener{Address: address, Netns: 1, Inode: inode(round, i)}
			}
			h.Add(s)
		}
		trends := h.Trends()
		if took := time.Since(began); len(trends) != many || took > 20*time.Second {
			t.Errorf("%s: %d trends after %v", name, len(trends), took)
		}
		if name == "other sockets" && !trends[0].Recreated {
			t.Error("a new socket where another was is not told")
		}
	}
}
