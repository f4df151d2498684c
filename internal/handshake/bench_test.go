package handshake_test

import (
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
)

// BenchmarkConnection is a whole short connection, of which there are many at a time.
func BenchmarkConnection(b *testing.B) {
	tr := handshake.New(handshake.Config{Sides: evidence.ServerSide, MaxAttempts: 10_000})
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range ladder.Exchange(ladder.Spoofed(n%(1<<24)), time.Duration(n)*time.Millisecond) {
			tr.Packet(p)
		}
		n++
	}
}
