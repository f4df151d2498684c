package show

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"listenq/internal/answer"
	"listenq/internal/queue"
	"listenq/internal/text"
)

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

func TestGoldenChecked(t *testing.T) {
	a, dropped := socketAt(80, queue.Known(1)), socketAt(80, queue.Known(9))
	b := socketAt(81, queue.Known(0))
	var out bytes.Buffer
	command := answer.CheckCommand{Argv: []string{"ab"}, Exit: 3}
	for _, tt := range []struct {
		after  []queue.Listener
		n      uint64
		filter string
	}{{[]queue.Listener{dropped, b}, 4, ""}, {[]queue.Listener{a, b}, 0, ""}, {[]queue.Listener{b}, 4, ":80"}, {[]queue.Listener{b}, 4, "nobody\x07"}} {
		f, err := queue.ParseFilter([]string{tt.filter})
		if err != nil {
			t.Fatal(err)
		}
		c := answer.NewCheck(moved(tt.n, []queue.Listener{a, b}, tt.after).Sums(), f, command, 1500*time.Millisecond)
		Check(&out, c)
		if err := JSON(&out, c); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "check.txt", out.String())
	narrow(t, out.String(), text.Screen{})
}
