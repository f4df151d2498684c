package cli

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"listenq/internal/queue"
	"listenq/internal/text"
	"listenq/internal/watch"
)

// TestVigil: a finding is printed once, when it appears.
func TestVigil(t *testing.T) {
	busy := *busyHost().Last()
	for _, tt := range []struct {
		name  string
		width int
		next  time.Time
		told  int
	}{
		{"at once", 80, time.Time{}, 1},
		{"too early to say", 80, time.Now().Add(time.Hour), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			from := watch.New(func(s *queue.Sample) error { *s = busy; return nil }, watch.Options{})
			v := &vigil{w: text.NewWriter(&out), width: tt.width, began: time.Now(), period: time.Minute, printed: map[string]bool{}}
			for range 2 {
				if err := from.Take(); err != nil {
					t.Fatal(err)
				}
				v.next = tt.next
				v.looked(from)
			}
			if err := v.w.Flush(); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(out.String(), "LQ014 0.0.0.0:8080: "); n != tt.told {
				t.Errorf("a finding was told %d times, want %d: %q", n, tt.told, out.String())
			}
			if !strings.Contains(out.String(), "of 60 s") {
				t.Errorf("how far it is: %q", out.String())
			}
		})
	}
}

// TestVigilWithoutTerminal: where nobody looks, nothing is shown.
func TestVigilWithoutTerminal(t *testing.T) {
	var out bytes.Buffer
	from := watch.New(func(*queue.Sample) error { return nil }, watch.Options{})
	end := showVigil(t.Context(), &out, from, time.Minute, queue.Filter{})
	if err := from.Take(); err != nil {
		t.Fatal(err)
	}
	end()
	if out.Len() > 0 {
		t.Errorf("shown: %q", out.String())
	}
}

// busyHost is two samples of a host with everything in it that a table shows.
func busyHost() *queue.History {
	h := queue.NewHistory(time.Minute)
	for i := range 2 {
		s := busySample(time.Duration(i) * 100 * time.Millisecond)
		if i == 1 {
			s.Listeners[0].Drops = queue.Known(17 + 37)
			s.Listeners[0].AcceptLen = 12
		}
		h.Add(&s)
	}
	return h
}

func busySample(at time.Duration) queue.Sample {
	nginx := []queue.Process{{PID: 933, Name: "nginx", Unit: "nginx.service"}, {PID: 934, Name: "nginx"}, {PID: 935, Name: "nginx"}, {PID: 936, Name: "nginx"}}
	return queue.Sample{
		T: at, Time: time.Date(2026, 3, 1, 14, 2, 7, 0, time.UTC).Add(at), Kernel: "6.1.0",
		Namespaces: []queue.Namespace{{ID: 4026531840, Host: true, Sysctls: map[string]string{"net.core.somaxconn": "4096"},
			Counters: queue.Counters{T: at, Names: []string{"TcpExtListenDrops"}, Values: []uint64{37}}}},
		Listeners: []queue.Listener{
			{Address: netip.MustParseAddrPort("0.0.0.0:8080"), Netns: 4026531840, Inode: 1, Cookie: 1, UID: 1000, AcceptLen: 129, AcceptLimit: 128, SynLen: queue.Known(41), Drops: queue.Known(17),
				Waiting: &queue.Waiting{Waits: []time.Duration{4100 * time.Millisecond, time.Second}, Len: 128, Closed: 2}, Processes: []queue.Process{{PID: 4121, Name: "api", Unit: "api.service"}}},
			{Address: netip.MustParseAddrPort("[::]:443"), Netns: 4026531840, Inode: 2, Cookie: 2, AcceptLen: 92, AcceptLimit: 128, SynLen: queue.Known(3), Drops: queue.Known(0), DualStack: true, Processes: nginx},
			{Address: netip.MustParseAddrPort("127.0.0.1:9090"), Netns: 4026531840, Inode: 3, Cookie: 3, AcceptLimit: 4096, SynLen: queue.Known(0), Drops: queue.Known(0), Processes: []queue.Process{}},
			{Address: netip.MustParseAddrPort("[2001:db8:1234:5678:9abc:def0:1234:5678]:50051"), Netns: 4026531840, Inode: 4, Cookie: 4, UID: 65534, AcceptLen: 1, AcceptLimit: queue.NoLimit},
			{Address: netip.MustParseAddrPort("127.0.0.1:1"), Netns: 4026531840, Inode: 5, Cookie: 5, AcceptLen: 1025, AcceptLimit: 1024, Drops: queue.Known(5),
				Processes: []queue.Process{{PID: 66, Name: "\x1b[2J\x07\n<b>\"\u202e", Cgroup: "/a\x1b]0;x\x07/b"}}},
			{Address: netip.MustParseAddrPort("127.0.0.1:2"), Netns: 4026531840, Inode: 6, Cookie: 6, AcceptLimit: 5, Drops: queue.Known(0), SynLen: queue.Known(0),
				Processes: []queue.Process{{PID: 4194304, Name: "漢字漢字漢", Unit: "docker:0123456789ab"}}},
		},
	}
}
