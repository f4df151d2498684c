package handshake_test

import (
	"runtime"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"
)

// heap is how much memory is in use, in bytes.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryIsFlat: what is over is folded, and counted, so that memory does not grow with the
// capture: that of short connections, of a flood, and of a scan.
func TestMemoryIsFlat(t *testing.T) {
	const bound = 1000
	for _, c := range []struct {
		name string
		give func(*handshake.Tracker, int)
	}{
		{"connections", func(tr *handshake.Tracker, n int) {
			for _, p := range ladder.Exchange(ladder.Spoofed(n), time.Duration(n)*5*time.Millisecond) {
				tr.Packet(p)
			}
		}},
		{"flood", func(tr *handshake.Tracker, n int) {
			tr.Packet(ladder.SYN(n))
		}},
		{"connections that stay", func(tr *handshake.Tracker, n int) {
			for _, p := range ladder.Exchange(ladder.Spoofed(n), time.Duration(n)*time.Microsecond)[:7] {
				tr.Packet(p)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			done := 0
			tr := handshake.New(handshake.Config{Sides: evidence.ServerSide, MaxAttempts: bound, Done: func(*handshake.Attempt, *judge.Verdict) { done++ }})
			const some, more = 20_000, 100_000
			for n := range some {
				c.give(tr, n)
			}
			before := heap()
			for n := range more {
				c.give(tr, some+n)
			}
			if after := heap(); after > before+before/4+1<<20 {
				t.Errorf("%d bytes after %d, %d after %d", before, some, after, some+more)
			}
			attempts, kept := 0, 0
			for range tr.Attempts() {
				kept++
			}
			for _, l := range tr.Listeners() {
				attempts += l.Attempts
			}
			if attempts != some+more || done+kept != attempts {
				t.Errorf("%d attempts are told of, %d are done and %d kept, want %d", attempts, done, kept, some+more)
			}
			if kept > bound+bound/4+1 {
				t.Errorf("%d attempts are kept, the bound is %d", kept, bound)
			}
			runtime.KeepAlive(tr)
		})
	}
}
