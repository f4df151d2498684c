package show

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/queue"
	"listenq/internal/text"
)

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

func TestGoldenListing(t *testing.T) {
	f, err := queue.ParseFilter([]string{"!pid:1"})
	if err != nil {
		t.Fatal(err)
	}
	busy := answer.NewListing(busyHost().View(0), f)
	once := queue.NewHistory(time.Second)
	sample := busySample(0)
	once.Add(&sample)
	tests := []struct {
		name    string
		screen  text.Screen
		listing answer.Listing
		all     bool
	}{
		{"40", text.Screen{Width: 40}, busy, false},
		{"80", text.Screen{Width: 80}, busy, false},
		{"120", text.Screen{Width: 120}, busy, false},
		{"200", text.Screen{Width: 200}, busy, false},
		{"pipe", text.Screen{}, busy, false},
		{"all", text.Screen{}, busy, true},
		{"colour", text.Screen{Width: 80, Colour: true}, busy, false},
		{"once", text.Screen{Width: 80}, answer.NewListing(once.View(0), f), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.screen.Out = &out
			Listing(tt.screen, tt.listing, tt.all)
			golden(t, "ls-"+tt.name+".txt", out.String())
			narrow(t, out.String(), tt.screen)
		})
	}
}

func TestGoldenListingJSON(t *testing.T) {
	var out bytes.Buffer
	if err := JSON(&out, answer.NewListing(busyHost().View(0), queue.Filter{})); err != nil {
		t.Fatal(err)
	}
	golden(t, "ls.json", out.String())
}

// narrow checks that nothing on a screen is wider than it, and that nothing there
// steers it.
func narrow(t *testing.T, shown string, s text.Screen) {
	t.Helper()
	for line := range strings.Lines(shown) {
		line = strings.TrimSuffix(line, "\n")
		if n := text.Width(line); s.Width > 0 && n > s.Width {
			t.Errorf("%d columns: %s", n, line)
		}
		if !s.Colour && text.Plain(line) != line {
			t.Errorf("not fit for a terminal: %q", line)
		}
	}
}

// The last line says how bad it is, and what to do next.
func TestVerdict(t *testing.T) {
	row := func(state queue.State, address string) answer.Listener {
		return answer.Listener{State: state, Address: address, Dropped: new(uint64(0))}
	}
	tests := []struct {
		name string
		rows []answer.Listener
		want string
	}{
		{"dropping", []answer.Listener{row(queue.Dropping, "0.0.0.0:80"), row(queue.OK, "0.0.0.0:81")}, "1 listener is dropping connections. Why and what to do: listenq doctor :80"},
		{"a group", []answer.Listener{row(queue.Dropping, "[::]:80"), row(queue.Dropping, "[::]:80"), row(queue.Full, "[::]:80")}, "2 listeners are dropping connections, 1 more full. Why and what to do: listenq doctor :80"},
		{"two", []answer.Listener{row(queue.Full, "[::]:80"), row(queue.Full, "[::]:81")}, "2 listeners are full: the next connection is dropped. Why and what to do: listenq doctor"},
		{"high", []answer.Listener{row(queue.High, "[::1]:80")}, "1 listener is more than 70 % full. Why and what to do: listenq doctor :80"},
		{"room, and a long wait", []answer.Listener{{State: queue.Stalled, Address: "[::1]:80", OldestWait: new(answer.MS(53 * time.Second))}, row(queue.OK, "[::1]:81")},
			"No accept queue is full, but connections have waited to be accepted for up to 53.0 s. Why and what to do: listenq doctor :80"},
		{"a short wait", []answer.Listener{{State: queue.OK, Address: "[::1]:80", Dropped: new(uint64(0)), OldestWait: new(answer.MS(time.Millisecond))}},
			"No accept queue is full, and none dropped a connection just now. To watch them: listenq top"},
		{"no limit", []answer.Listener{row("", "[::1]:80")}, "How full they are is not known here. To watch them: listenq top"},
		{"no drops", []answer.Listener{{State: queue.OK, Address: "[::1]:80"}}, "No accept queue is full. Whether each of them drops connections is not known. To watch them: listenq top"},
		{"well", []answer.Listener{row(queue.OK, "[::1]:80")}, "No accept queue is full, and none dropped a connection just now. To watch them: listenq top"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, verdict(answer.Listing{Listeners: tt.rows, Window: 100})); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// Of a long list a terminal shows what is bad, whatever its height, and a screenful.
func TestScreenful(t *testing.T) {
	long := answer.Listing{}
	for i := range 40 {
		long.Listeners = append(long.Listeners, answer.Listener{State: queue.OK, Address: fmt.Sprintf("10.0.0.1:%d", 100+i), AcceptLimit: new(128)})
	}
	bad := answer.Listing{}
	for _, row := range long.Listeners {
		row.State = queue.Full
		bad.Listeners = append(bad.Listeners, row)
	}
	waits := answer.Listing{Listeners: slices.Clone(long.Listeners)}
	waits.Listeners[29].OldestWait = new(answer.MS(time.Minute))
	filtered, lacking := long, long
	filtered.Filter = "nginx"
	lacking.Missing = make([]answer.Missing, 1)
	for _, tt := range []struct {
		name    string
		height  int
		listing answer.Listing
		all     bool
		want    int
	}{
		{"24 lines", 24, long, false, 17},
		{"and a warning", 24, lacking, false, 15},
		{"3 lines", 3, long, false, 1},
		{"100 lines", 100, long, false, 40},
		{"all are bad", 24, bad, false, 40},
		{"one waits for long", 24, waits, false, 30},
		{"no terminal", 0, long, false, 40},
		{"all", 24, long, true, 40},
		{"a filter", 24, filtered, false, 40},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			Listing(text.Screen{Out: &out, Width: 80, Height: tt.height}, tt.listing, tt.all)
			if got := strings.Count(out.String(), "10.0.0.1:"); got != tt.want {
				t.Errorf("%d rows, want %d", got, tt.want)
			}
			rest := fmt.Sprintf("%d more, none worse", 40-tt.want)
			if told := strings.Contains(out.String(), rest); told != (tt.want < 40) {
				t.Errorf("%q is there: %v", rest, told)
			}
		})
	}
}

// Addresses that occur once in each namespace need its name beside them.
func TestNamespacesOfListing(t *testing.T) {
	l := answer.NewListing(busyHost().View(0), queue.Filter{})
	l.Listeners[1].Netns, l.Listeners[1].NetnsName = 4026532000, "blue"
	var out bytes.Buffer
	Listing(text.Screen{Out: &out, Width: 80}, l, false)
	head, _, _ := strings.Cut(out.String(), "\n")
	if !strings.Contains(head, "NETNS") || !strings.Contains(out.String(), "  blue") {
		t.Errorf("no namespaces in\n%s", out.String())
	}
}

func TestNobody(t *testing.T) {
	for _, tt := range []struct {
		name    string
		listing answer.Listing
		want    string
	}{
		{"nobody", answer.Listing{}, "No TCP socket listens here.\n"},
		{"others", answer.Listing{Filter: ":1\x1b", Others: slices.Repeat([]answer.Listener{{Address: ":2"}}, 7)}, "No listener matches :1\\x1b. There is: :2, :2, :2, :2, :2 and 2 more.\n"},
		{"another", answer.Listing{Filter: ":1", Others: []answer.Listener{{Address: "[::]:80", Processes: []answer.Process{{PID: 7, Name: "nginx"}}}}}, "No listener matches :1. There is: [::]:80 nginx[7].\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			Listing(text.Screen{Out: &out}, tt.listing, false)
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}
