package ladder

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
)

// Crowd is a capture on a server, made by hand: many clients of one listener.
type Crowd struct {
	Packets []evidence.Packet
}

// Peer is the address of the n-th client.
func Peer(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)}), 40000)
}

// Add puts a packet at a time, from or to the client.
func (s *Crowd) Add(at time.Duration, p evidence.Packet) {
	p.T, p.Side = at, evidence.ServerSide
	s.Packets = append(s.Packets, p)
}

// Web is a client that is served, beginning at that time; of its ten packets those
// of the numbers are left out.
func (s *Crowd) Web(n int, at time.Duration, without ...int) {
	for i, p := range Exchange(Peer(n), at) {
		if !slices.Contains(without, i) {
			s.Add(p.T, p)
		}
	}
}

// Track gives the packets in the order of their time to a new Tracker.
func (s *Crowd) Track() *handshake.Tracker {
	slices.SortStableFunc(s.Packets, func(a, b evidence.Packet) int { return int(a.T - b.T) })
	tr := handshake.New(handshake.Config{Sides: evidence.ServerSide})
	for i, p := range s.Packets {
		p.Number = i + 1
		tr.Packet(p)
	}
	return tr
}

// Exchange is the packets of one short web connection, as its server sees them.
func Exchange(client netip.AddrPort, start time.Duration) []evidence.Packet {
	const isn, serverISN = 1000, 5000
	packets := []evidence.Packet{
		{Src: client, Dst: Server, Flags: evidence.SYN, Seq: isn},
		{Src: Server, Dst: client, Flags: evidence.SYN | evidence.ACK, Seq: serverISN, Ack: isn + 1},
		{Src: client, Dst: Server, Flags: evidence.ACK, Seq: isn + 1, Ack: serverISN + 1},
		{Src: client, Dst: Server, Flags: evidence.ACK | evidence.PSH, Seq: isn + 1, Ack: serverISN + 1, Len: 100},
		{Src: Server, Dst: client, Flags: evidence.ACK, Seq: serverISN + 1, Ack: isn + 101},
		{Src: Server, Dst: client, Flags: evidence.ACK | evidence.PSH, Seq: serverISN + 1, Ack: isn + 101, Len: 1400},
		{Src: client, Dst: Server, Flags: evidence.ACK, Seq: isn + 101, Ack: serverISN + 1401},
		{Src: Server, Dst: client, Flags: evidence.ACK | evidence.FIN, Seq: serverISN + 1401, Ack: isn + 101},
		{Src: client, Dst: Server, Flags: evidence.ACK | evidence.FIN, Seq: isn + 101, Ack: serverISN + 1402},
		{Src: Server, Dst: client, Flags: evidence.ACK, Seq: serverISN + 1402, Ack: isn + 102},
	}
	for i := range packets {
		packets[i].T, packets[i].Side = start+time.Duration(i)*100*time.Microsecond, evidence.ServerSide
	}
	return packets
}

// Spoofed is the n-th client of a flood.
func Spoofed(n int) netip.AddrPort {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 0x0b000000+uint32(n))
	return netip.AddrPortFrom(netip.AddrFrom4(ip), 1234)
}

// SYN is that of the n-th client of a flood.
func SYN(n int) evidence.Packet {
	return evidence.Packet{T: time.Duration(n) * time.Microsecond, Side: evidence.ServerSide, Src: Spoofed(n), Dst: Server, Flags: evidence.SYN, Seq: uint32(n)}
}
