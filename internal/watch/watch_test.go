package watch

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"listenq/internal/kernel"
	"listenq/internal/queue"
)

var compare = cmp.Options{cmp.AllowUnexported(queue.NamespaceTrend{}), cmpopts.EquateComparable(netip.AddrPort{})}

// second is a host at its n-th second: one listener fills and drops, the other does nothing.
func second(n int) queue.Sample {
	t := time.Duration(n) * time.Second
	dropped := uint64(n * n)
	return queue.Sample{
		T: t, Time: time.Unix(int64(n), 0).UTC(), Kernel: "6.8.0",
		Namespaces: []queue.Namespace{{ID: 1, Name: "host", Sysctls: map[string]string{"net.core.somaxconn": "4096"}, Counters: queue.Counters{
			T: t, Names: []string{"TcpExtListenOverflows", "TcpExtListenDrops"}, Values: []uint64{dropped, dropped},
		}}},
		Listeners: []queue.Listener{
			{Address: netip.MustParseAddrPort("127.0.0.1:80"), Netns: 1, Cookie: 1, AcceptLen: min(n, 5), AcceptLimit: 4, Drops: queue.Known(dropped), Processes: []queue.Process{{PID: os.Getpid(), Name: "server"}}},
			{Address: netip.MustParseAddrPort("127.0.0.1:81"), Netns: 1, Cookie: 2, AcceptLimit: 128, Drops: queue.Known(0)},
		},
	}
}

// seconds is a source of one second after the other.
func seconds() Source {
	n := -1
	return func(s *queue.Sample) error {
		n++
		*s = second(n)
		return nil
	}
}

// TestReaders lets many readers of different speed take Snapshots while the loop runs: with
// the race detector it holds that nobody writes what another reads. Each must find its
// Snapshots as they were when it got them.
func TestReaders(t *testing.T) {
	w := New(seconds(), Options{Pace: Every(time.Millisecond), Window: time.Minute, Recent: 5 * time.Second, Scope: Scope{Most: 4}, Sum: true})
	ctx, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer stop()
	var readers sync.WaitGroup
	for pause := range 8 {
		readers.Go(func() {
			var first *Snapshot
			var want int
			for look, err := w.Next(ctx, 0); err == nil; look, err = w.Next(ctx, look.Number) {
				s := w.Snapshot()
				if first == nil {
					first, want = s, read(s)
				}
				if read(s) < want {
					t.Errorf("look %d holds less than an earlier one", look.Number)
				}
				w.Sums()
				time.Sleep(time.Duration(pause) * time.Millisecond)
			}
			if first == nil {
				t.Error("a reader got nothing")
			} else if got := read(first); got != want {
				t.Errorf("a Snapshot was %d and is %d", want, got)
			}
		})
	}
	readers.Go(func() {
		for ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond)
			w.SetRecent(3 * time.Second)
		}
	})
	if err := w.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
	readers.Wait()
}

// read reads all of a Snapshot, and returns a number that grows with the host's time.
func read(s *Snapshot) (sum int) {
	for _, v := range []*queue.View{s.View, s.Recent} {
		for i := range v.Listeners {
			trend := &v.Listeners[i]
			for _, p := range trend.Points {
				sum += p.AcceptLen
			}
			for _, p := range trend.Listener.Processes {
				sum += len(p.State)
			}
			sum += int(trend.Listener.Drops.N)
		}
		for i := range v.Namespaces {
			sum += int(v.Namespaces[i].Moved("TcpExtListenDrops").N)
		}
	}
	for i := range s.Findings {
		sum += len(s.Findings[i].Code)
	}
	return sum
}

// TestRestart holds that a new window begins with the last sample, and that Snapshots of the
// one before stay as they are.
func TestRestart(t *testing.T) {
	w := New(seconds(), Options{Scope: Scope{Most: 1}})
	w.Restart()
	if w.Snapshot() != nil {
		t.Error("there is a Snapshot before the first look")
	}
	for range 3 {
		if err := w.Take(); err != nil {
			t.Fatal(err)
		}
	}
	before := w.Snapshot()
	want := read(before)
	w.Restart()
	if s := w.Snapshot(); s.Samples != 1 || s.Window != 0 || s.Sample.T != 2*time.Second {
		t.Errorf("after a restart there are %d samples over %v, the last at %v", s.Samples, s.Window, s.Sample.T)
	}
	if err := w.Take(); err != nil {
		t.Fatal(err)
	}
	if s := w.Snapshot(); s.Window != time.Second {
		t.Errorf("the window is %v", s.Window)
	}
	if got := read(before); got != want {
		t.Errorf("the Snapshot before the restart was %d and is %d", want, got)
	}
}

// TestFailure holds that a look which fails is seen, and that the Snapshot before it stays.
func TestFailure(t *testing.T) {
	refused := errors.New("netlink: operation not permitted")
	good, fail := seconds(), false
	w := New(func(s *queue.Sample) error {
		if fail {
			return refused
		}
		return good(s)
	}, Options{})
	if err := w.Take(); err != nil {
		t.Fatal(err)
	}
	before := w.Snapshot()
	fail = true
	if err := w.For(t.Context(), time.Second, time.Millisecond); !errors.Is(err, refused) {
		t.Errorf("For ended with %v", err)
	}
	if last := w.Last(); last.Number != 2 || !errors.Is(last.Err, refused) {
		t.Errorf("the last look is %+v", last)
	}
	if w.Snapshot() != before {
		t.Error("a look that failed changed the Snapshot")
	}
}

// TestFor holds how often it is looked: at once, after each step, and at the end.
func TestFor(t *testing.T) {
	for _, c := range []struct {
		period, step time.Duration
		want         int
	}{{0, time.Second, 1}, {time.Second, 400 * time.Millisecond, 4}, {time.Second, 500 * time.Millisecond, 3}, {time.Second, time.Hour, 2}} {
		synctest.Test(t, func(t *testing.T) {
			w := New(seconds(), Options{})
			began := time.Now()
			if err := w.For(t.Context(), c.period, c.step); err != nil {
				t.Fatal(err)
			}
			if got := w.Snapshot().Samples; got != c.want || time.Since(began) != c.period {
				t.Errorf("%v in steps of %v: %d looks in %v, want %d", c.period, c.step, got, time.Since(began), c.want)
			}
		})
	}
}

// TestPace holds how long Run waits between two looks.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		name       string
		pace       Pace
		took, want time.Duration
	}{
		{"a look in time", Every(time.Second), 100 * time.Millisecond, 900 * time.Millisecond},
		{"a look that takes longer", Every(time.Second), time.Minute, 100 * time.Millisecond},
		{"within a share", Within(0.02, 10*time.Millisecond, time.Second), time.Millisecond, 50 * time.Millisecond},
		{"at least", Within(0.02, 10*time.Millisecond, time.Second), 0, 10 * time.Millisecond},
		{"at most", Within(0.02, 10*time.Millisecond, time.Second), time.Minute, time.Second},
	} {
		if got := c.pace(c.took); got != c.want {
			t.Errorf("%s: %v after %v, want %v", c.name, got, c.took, c.want)
		}
	}
}

// TestInspect holds that what is found out about processes is not written into those that
// samples share, and that there is a limit.
func TestInspect(t *testing.T) {
	shared := []queue.Process{{PID: os.Getpid()}}
	waited := &queue.Waiting{Waits: []time.Duration{queue.Patience}, Len: 1}
	for _, c := range []struct {
		name  string
		scope Scope
		want  int
	}{
		{"none", Scope{}, 0},
		{"the first", Scope{Most: 1}, 1},
		{"all", Scope{Most: 9}, 2},
		{"where one waits", Scope{Most: 9, Waiting: true}, 1},
	} {
		h := queue.NewHistory(time.Minute)
		h.Take(&queue.Sample{Listeners: []queue.Listener{{Inode: 1, Processes: shared}, {Inode: 2, AcceptLen: 1, Processes: shared, Waiting: waited}, {Inode: 3}}})
		inspect(h, c.scope)
		looked := 0
		for _, l := range h.Last().Listeners {
			for _, p := range l.Processes {
				if p.State != "" {
					looked++
				}
			}
		}
		if looked != c.want {
			t.Errorf("%s: %d processes were looked at, want %d", c.name, looked, c.want)
		}
		if shared[0].State != "" {
			t.Fatalf("%s: the process that samples share is in state %q", c.name, shared[0].State)
		}
		if got := h.Last().Listeners[2].Processes; got != nil {
			t.Errorf("%s: processes that are not known have become %v", c.name, got)
		}
	}
}

// TestHost watches this machine.
func TestHost(t *testing.T) {
	host, err := kernel.OpenHost(kernel.HostOptions{Processes: true})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	w := New(host.Sample, Options{Sum: true})
	if err := w.For(t.Context(), 50*time.Millisecond, 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	s, sums := w.Snapshot(), w.Sums()
	if s.Samples < 2 || len(s.Namespaces) != 1 || len(sums.Namespaces) != 1 || s.Window <= 0 {
		t.Errorf("%d samples of %d namespaces in %v; %d summed up", s.Samples, len(s.Namespaces), s.Window, len(sums.Namespaces))
	}
}
