package wire

import (
	"encoding/binary"

	"listenq/internal/capture"
	"listenq/internal/evidence"
)

// Change is what happens to a TCP segment that is altered.
type Change struct {
	Checksum  bool   // it becomes a wrong one
	Seq, Ack  uint32 // are added
	Timestamp uint32 // is taken from TSval, if there is one
	Times     int    // of the first so many; 0: of all
}

// alteration is a rule that changes segments.
type alteration struct {
	to     Side
	match  func(*evidence.Packet) bool
	change Change
	times  int
}

// Alter changes every TCP segment to that side that matches and arrives from now on,
// before it is shown: as if its sender had sent it so. The wire calls match between
// frames; it must not call the wire.
func (w *Wire) Alter(to Side, match func(*evidence.Packet) bool, c Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alterations = append(w.alterations, alteration{to: to, match: match, change: c})
}

// LeaveAlone ends all Alters.
func (w *Wire) LeaveAlone() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alterations = nil
}

// alter changes a frame by the rules for it.
func (w *Wire) alter(f *frame) {
	for i := range w.alterations {
		if a := &w.alterations[i]; f.tcp && a.to == f.to && (a.change.Times == 0 || a.times < a.change.Times) && a.match(&f.packet) {
			a.times++
			a.change.apply(f.data)
			f.tcp = capture.Decode(f.data, &f.packet)
		}
	}
}

// apply changes a frame that holds a whole TCP segment.
func (c *Change) apply(frame []byte) {
	tcp := segment(frame)
	add := func(at int, n uint32) {
		binary.BigEndian.PutUint32(tcp[at:], binary.BigEndian.Uint32(tcp[at:])+n)
	}
	add(4, c.Seq)
	add(8, c.Ack)
	if at := timestamp(tcp); at > 0 {
		add(at, -c.Timestamp)
	}
	capture.FillChecksums(frame)
	if c.Checksum {
		tcp[16] ^= 0x55
	}
}

// segment is the TCP header of a frame and what is behind it. The lab's hosts send IPv4,
// or IPv6 without extensions.
func segment(frame []byte) []byte {
	const ethernet, ipv6 = 14, 40
	packet := frame[ethernet:]
	if packet[0]>>4 == 6 {
		return packet[ipv6:]
	}
	return packet[4*(packet[0]&15):]
}

// timestamp is where TSval is in a segment (RFC 7323, 3.2); 0 if there is none.
func timestamp(tcp []byte) int {
	const end, nothing, kind, length = 0, 1, 8, 10
	for at, header := 20, min(len(tcp), 4*int(tcp[12]>>4)); at+1 < header; {
		switch {
		case tcp[at] == end:
			return 0
		case tcp[at] == nothing:
			at++
		case tcp[at] == kind && at+length <= header:
			return at + 2
		default:
			at += max(2, int(tcp[at+1]))
		}
	}
	return 0
}
