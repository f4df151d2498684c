package handshake_test

import (
	"net/netip"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
)

// exchange is the packets of one short web connection, as its server sees them.
func exchange(client netip.AddrPort, start time.Duration) []evidence.Packet {
	const isn, serverISN = 1000, 5000
	packets := []evidence.Packet{
		{Src: client, Dst: serverAddr, Flags: evidence.SYN, Seq: isn},
		{Src: serverAddr, Dst: client, Flags: evidence.SYN | evidence.ACK, Seq: serverISN, Ack: isn + 1},
		{Src: client, Dst: serverAddr, Flags: evidence.ACK, Seq: isn + 1, Ack: serverISN + 1},
		{Src: client, Dst: serverAddr, Flags: evidence.ACK | evidence.PSH, Seq: isn + 1, Ack: serverISN + 1, Len: 100},
		{Src: serverAddr, Dst: client, Flags: evidence.ACK, Seq: serverISN + 1, Ack: isn + 101},
		{Src: serverAddr, Dst: client, Flags: evidence.ACK | evidence.PSH, Seq: serverISN + 1, Ack: isn + 101, Len: 1400},
		{Src: client, Dst: serverAddr, Flags: evidence.ACK, Seq: isn + 101, Ack: serverISN + 1401},
		{Src: serverAddr, Dst: client, Flags: evidence.ACK | evidence.FIN, Seq: serverISN + 1401, Ack: isn + 101},
		{Src: client, Dst: serverAddr, Flags: evidence.ACK | evidence.FIN, Seq: isn + 101, Ack: serverISN + 1402},
		{Src: serverAddr, Dst: client, Flags: evidence.ACK, Seq: serverISN + 1402, Ack: isn + 102},
	}
	for i := range packets {
		packets[i].T, packets[i].Side = start+time.Duration(i)*100*time.Microsecond, evidence.ServerSide
	}
	return packets
}

// BenchmarkConnection is a whole short connection, of which there are many at a time.
func BenchmarkConnection(b *testing.B) {
	tr := handshake.New(handshake.Config{Sides: evidence.ServerSide, MaxAttempts: 10_000})
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range exchange(spoofed(n%(1<<24)), time.Duration(n)*time.Millisecond) {
			tr.Packet(p)
		}
		n++
	}
}
