package cli

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/queue"
)

func TestPace(t *testing.T) {
	for cost, want := range map[time.Duration]time.Duration{
		0: 10 * time.Millisecond, time.Millisecond: 50 * time.Millisecond, time.Second: 100 * time.Millisecond,
	} {
		if got := checkPace(cost); got != want {
			t.Errorf("after %s wait %s, want %s", cost, got, want)
		}
	}
}

func TestChecked(t *testing.T) {
	no, yes := new(false), new(true)
	a, b := socketAt(80, queue.Known(1)), socketAt(81, queue.Known(1))
	aDropped := socketAt(80, queue.Known(9))
	unseen := socketAt(80, queue.Count{})
	tests := []struct {
		name   string
		tally  *queue.Tally
		filter []string
		exit   int
		want   *bool
		code   int
	}{
		{"calm", moved(0, []queue.Listener{a, b}, []queue.Listener{a, b}), nil, 0, no, 0},
		{"the command fails", moved(0, []queue.Listener{a, b}, []queue.Listener{a, b}), nil, 7, no, 7},
		{"overflow", moved(8, []queue.Listener{a, b}, []queue.Listener{aDropped, b}), nil, 7, yes, 1},
		{"overflow of the one asked for", moved(8, []queue.Listener{a, b}, []queue.Listener{aDropped, b}), []string{":80"}, 0, yes, 1},
		{"overflow of another", moved(8, []queue.Listener{a, b}, []queue.Listener{aDropped, b}), []string{":81"}, 0, no, 0},
		{"drops that are no overflow", moved(0, []queue.Listener{a}, []queue.Listener{aDropped}), []string{":80"}, 0, no, 0},
		{"closed, and nobody knows", moved(8, []queue.Listener{a, b}, []queue.Listener{b}), []string{":80"}, 0, nil, 125},
		{"closed, and nothing overflowed", moved(0, []queue.Listener{a, b}, []queue.Listener{b}), []string{":80"}, 0, no, 0},
		{"closed, unfiltered", moved(8, []queue.Listener{a, b}, []queue.Listener{b}), nil, 0, yes, 1},
		{"no sk_drops", moved(8, []queue.Listener{unseen}, []queue.Listener{unseen}), []string{":80"}, 0, nil, 125},
		{"no such listener", moved(8, []queue.Listener{a}, []queue.Listener{a}), []string{":99"}, 0, nil, 125},
		{"no namespace", queue.NewTally(), nil, 0, nil, 125},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := queue.ParseFilter(tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			c := answer.NewCheck(tt.tally.Sums(), f, answer.CheckCommand{Exit: tt.exit}, 0)
			if diff := cmp.Diff(tt.want, c.Overflowed); diff != "" {
				t.Errorf("overflowed (-want +got):\n%s", diff)
			}
			if code := exitCode(checkStatus(&c)); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
		})
	}
}

// moved is a tally in which listeners dropped and counters rose.
func moved(overflows uint64, before, after []queue.Listener) *queue.Tally {
	sample := func(at time.Duration, n uint64, listeners []queue.Listener) *queue.Sample {
		return &queue.Sample{T: at, Listeners: listeners, Namespaces: []queue.Namespace{{ID: 1, Host: true, Counters: queue.Counters{
			T: at, Names: []string{"TcpExtListenOverflows", "TcpExtTCPReqQFullDrop"}, Values: []uint64{n, 0}}}}}
	}
	t := queue.NewTally()
	t.Add(sample(0, 0, before))
	t.Add(sample(time.Second, overflows, after))
	return t
}

func socketAt(port uint16, drops queue.Count) queue.Listener {
	return queue.Listener{Address: netip.AddrPortFrom(netip.IPv4Unspecified(), port), Netns: 1, Cookie: uint64(port), AcceptLimit: 4, AcceptLen: 3, Drops: drops,
		Processes: []queue.Process{{PID: 7, Name: "a\x1b[2J"}}}
}
