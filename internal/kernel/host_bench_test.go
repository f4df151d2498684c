package kernel

import (
	"fmt"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/queue"
)

// busy is a namespace with 100 listeners and that many accepted connections, in
// the machine's hash table.
func busy(b *testing.B, connections int) namespace {
	b.Helper()
	ns := newNamespace(b, 0)
	for i := range 99 {
		ns.listen(b, fmt.Sprintf("127.0.0.1:%d", 1000+i), 8)
	}
	listener, addr := ns.listen(b, "127.0.0.1:80", 128)
	for range connections {
		ns.connect(b, addr)
		accept(b, listener)
	}
	return ns
}

// BenchmarkHost is one sample of a namespace with 100 listeners, with and without
// a walk over the machine's hash table of connections.
func BenchmarkHost(b *testing.B) {
	for _, o := range []HostOptions{{}, {Requests: true, Waiting: true}, {Requests: true, Waiting: true, Budget: 0.01}} {
		b.Run(fmt.Sprintf("walk=%t/budget=%g", o.Requests, o.Budget), func(b *testing.B) {
			h := busy(b, 0).host(b, o)
			var s queue.Sample
			check(b, h.Sample(&s))
			cpu(b, func() {
				for b.Loop() {
					check(b, h.Sample(&s))
				}
			})
		})
	}
}

// BenchmarkHostRate is what sampling 100 times a second takes of one core, walks
// and all, with 100 listeners and 10,000 sockets of established connections.
func BenchmarkHostRate(b *testing.B) {
	const rate, connections = 100, 5000 // both ends of a connection are here
	ns := busy(b, connections)
	h := ns.host(b, HostOptions{Requests: true, Waiting: true, Budget: 0.01})
	var s queue.Sample
	check(b, h.Sample(&s))
	var oldest time.Duration
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	before := processTime(b)
	b.ResetTimer()
	for range b.N {
		<-tick.C
		check(b, h.Sample(&s))
		oldest = max(oldest, s.Listeners[0].SynAge)
	}
	b.ReportMetric(100*float64(processTime(b)-before)/float64(b.Elapsed()), "%-of-a-core")
	b.ReportMetric(float64(oldest.Milliseconds()), "ms-oldest-walk")
}

// BenchmarkWalk is one walk over the connections of a namespace with 10,000 sockets,
// for requests alone and for those who wait, too.
func BenchmarkWalk(b *testing.B) {
	ns := busy(b, 5000)
	d := ns.diag(b)
	requests := States(evidence.SynRecv)
	for _, states := range []StateSet{requests, requests | States(evidence.Established, evidence.CloseWait)} {
		b.Run(fmt.Sprintf("states=%#x", uint32(states)), func(b *testing.B) {
			cpu(b, func() {
				for b.Loop() {
					check(b, d.Dump(Request{States: states, Info: true}, visited))
				}
			})
		})
	}
}

// BenchmarkNamespaces is one sample of 300 namespaces with a listener each.
func BenchmarkNamespaces(b *testing.B) {
	own := newNamespace(b, 0)
	for range 300 {
		ns, _ := inhabited(b)
		ns.listen(b, "0.0.0.0:80", 8)
	}
	h := own.host(b, HostOptions{Namespaces: true, Requests: true, Waiting: true, Budget: 0.01})
	var s queue.Sample
	check(b, h.Sample(&s))
	cpu(b, func() {
		for b.Loop() {
			check(b, h.Sample(&s))
		}
	})
	b.ReportMetric(float64(len(s.Namespaces)), "namespaces")
}
