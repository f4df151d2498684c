package kernel

import (
	"fmt"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// buckets is the size of a small hash table, as a lab has.
const buckets = 64

// sampled is a namespace with a listener and half as many connections as
// sockets, none accepted, and what a sampler has open there.
type sampled struct {
	diag     *Diag
	counters *CounterReader
	snmp     *CounterReader
	values   queue.Counters
}

func newSampled(b *testing.B, buckets, sockets int) *sampled {
	b.Helper()
	ns := newNamespace(b, buckets)
	_, addr := ns.listen(b, "127.0.0.1:80", sockets)
	s := &sampled{diag: ns.diag(b), counters: ns.counters(b, OpenCounters), snmp: ns.counters(b, OpenSnmp)}
	for range sockets / 2 {
		ns.connect(b, addr)
	}
	await(b, s.diag, everything, func(got []Socket) bool { return countState(got, evidence.Established) == sockets })
	return s
}

// cpu reports the CPU time of the process for each iteration, in the kernel too.
func cpu(b *testing.B, loop func()) {
	b.Helper()
	b.ReportAllocs()
	before := processTime(b)
	loop()
	b.ReportMetric(float64(processTime(b)-before)/1e3/float64(b.N), "cpu-µs/op")
}

func processTime(b *testing.B) int64 {
	b.Helper()
	var ts unix.Timespec
	check(b, unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts))
	return ts.Nano()
}

func visited(*Socket) error { return nil }

// BenchmarkTick is what the lab does every 10 ms: all sockets of two namespaces,
// 200 in all, with Info and Memory, and both namespaces' counters. The budget is
// 500 µs of CPU: 5 % of a core.
func BenchmarkTick(b *testing.B) {
	server, client := newSampled(b, buckets, 100), newSampled(b, buckets, 100)
	cpu(b, func() {
		for b.Loop() {
			for _, s := range []*sampled{server, client} {
				check(b, s.diag.Dump(everything, visited))
				check(b, s.counters.Read(&s.values))
			}
		}
	})
}

// BenchmarkDump is one dump of a namespace with 100 sockets.
func BenchmarkDump(b *testing.B) {
	listen := States(evidence.Listen)
	tests := []struct {
		name    string
		buckets int // 0: the host's table
		req     Request
	}{
		{"listeners", buckets, Request{States: listen}},
		{"listeners/memory", buckets, Request{States: listen, Memory: true}},
		{"all", buckets, Request{States: AllStates}},
		{"all/info", buckets, Request{States: AllStates, Info: true}},
		{"all/memory", buckets, Request{States: AllStates, Memory: true}},
		{"all/info/memory", buckets, Request{States: AllStates, Info: true, Memory: true}},
		{"none", buckets, Request{States: States(evidence.SynSent)}},
		{"none/other-port", buckets, Request{States: AllStates, LocalPort: 1}},
		{"host-table/listeners", 0, Request{States: listen}},
		{"host-table/none", 0, Request{States: States(evidence.SynSent)}},
		{"host-table/all/info", 0, Request{States: AllStates, Info: true}},
	}
	for _, tt := range tests {
		for _, family := range []int{unix.AF_UNSPEC, unix.AF_INET} {
			b.Run(fmt.Sprintf("%s/family=%d", tt.name, family), func(b *testing.B) {
				s := newSampled(b, tt.buckets, 100)
				tt.req.Family = family
				cpu(b, func() {
					for b.Loop() {
						check(b, s.diag.Dump(tt.req, visited))
					}
				})
			})
		}
	}
}

// BenchmarkCounters is one reading of a namespace's counters.
func BenchmarkCounters(b *testing.B) {
	for _, moved := range []bool{false, true} {
		b.Run(fmt.Sprintf("moved=%t", moved), func(b *testing.B) {
			s := newSampled(b, 0, 2)
			cpu(b, func() {
				for b.Loop() {
					if moved {
						s.counters.files[1].last = s.counters.files[1].last[:0]
					}
					check(b, s.counters.Read(&s.values))
				}
			})
		})
	}
}

// BenchmarkSnmp is one reading of the counters of the standards alone.
func BenchmarkSnmp(b *testing.B) {
	s := newSampled(b, 0, 2)
	cpu(b, func() {
		for b.Loop() {
			check(b, s.snmp.Read(&s.values))
		}
	})
}

// BenchmarkDecode is the part of a dump that is not the kernel's: one socket.
func BenchmarkDecode(b *testing.B) {
	part := netlinkMessage(sockDiagByFamily, unix.NLM_F_MULTI, 1,
		diagPayload(attribute(attrInfo, make([]byte, sizeofTCPInfo)...), attribute(attrSkmeminfo, make([]byte, 36)...)))
	b.ReportAllocs()
	a := answer{seq: 1, socket: new(Socket), visit: visited}
	for b.Loop() {
		check(b, a.part(part))
	}
}

// BenchmarkPeers shows the same 101 sockets, and the same counters, by ss and
// nstat: what a script pays that calls them instead.
func BenchmarkPeers(b *testing.B) {
	ns := newNamespace(b, buckets)
	_, addr := ns.listen(b, "127.0.0.1:80", 100)
	d := ns.diag(b)
	for range 50 {
		ns.connect(b, addr)
	}
	await(b, d, everything, func(got []Socket) bool { return countState(got, evidence.Established) == 100 })
	for _, peer := range [][]string{{"ss", "-tanmoiHO"}, {"nstat", "-asz"}} {
		b.Run(peer[0], func(b *testing.B) {
			for b.Loop() {
				ns.output(b, peer[0], peer[1:]...)
			}
		})
	}
}
