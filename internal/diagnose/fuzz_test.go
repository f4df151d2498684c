package diagnose

import (
	"slices"
	"testing"
	"time"

	"listenq/internal/queue"
)

// FuzzDiagnose makes histories of bytes, as a recording from elsewhere may hold
// them: no rule may fail on them, and no finding may be half or dangerous to print.
func FuzzDiagnose(f *testing.F) {
	f.Add([]byte{}, "api")
	f.Add([]byte{200, 128, 9, 1, 60, 3, 40, 20, 255, 0, 200, 128, 90, 5, 90, 3, 40, 20, 255, 0}, "\x1b[31m")
	f.Add(slices.Repeat([]byte{6, 5, 3, 9, 250, 2, 9, 9, 9, 1}, 12), "nginx")
	f.Fuzz(func(t *testing.T, moments []byte, name string) {
		h := queue.NewHistory(time.Minute)
		for i := 0; len(moments) >= 10 && i < 100; i++ {
			h.Add(fuzzed(i, moments, name))
			moments = moments[10:]
		}
		for _, found := range Diagnose(h.View(0)) {
			whole(t, found)
		}
	})
}

func fuzzed(i int, b []byte, name string) *queue.Sample {
	l := listens(int(b[0]), int(b[1])-1, uint64(b[2]))
	l.Drops.Known, l.SynLen = b[3]&1 == 0, queue.Count{N: uint64(b[4]), Known: b[3]&2 == 0}
	l.Shared = int(b[3] >> 6)
	l.Processes = []queue.Process{{PID: 7, Name: name, Unit: name, Cgroup: name, Command: []string{name}, State: string("TtSD"[b[5]%4]), Threads: []queue.Thread{{State: name, Wait: name}}}}
	if b[3]&4 == 0 {
		l.Waiting = &queue.Waiting{Len: int(b[5]), Closed: int(b[6]), Age: time.Duration(b[7]) * step}
		for n := range b[5] {
			l.Waiting.Waits = append(l.Waiting.Waits, time.Duration(b[8]-min(b[8], n))*step)
		}
	}
	values := []string{"0", "1", "2", "6", "128", name}
	s := scene{
		i: i, somaxconn: values[int(b[9])%len(values)],
		counters: map[string]uint64{overflows: uint64(b[6]), "TcpExtListenDrops": uint64(b[7]), "TcpExtTCPReqQFullDrop": uint64(b[8]), "TcpExtTCPReqQFullDoCookies": uint64(b[9]), "TcpExtSyncookiesSent": uint64(b[2]), "TcpExtTCPSynRetrans": uint64(b[4])},
		sysctls:  map[string]string{"net.core.somaxconn": values[int(b[4])%len(values)], "net.ipv4.tcp_syncookies": values[int(b[5])%len(values)], "net.ipv4.tcp_abort_on_overflow": values[int(b[6])%len(values)]},
	}
	s.listeners, s.inside = []queue.Listener{l, on("[::]:8080", l)}, []queue.Listener{l}
	return s.sample()
}
