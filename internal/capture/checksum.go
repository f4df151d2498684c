package capture

import (
	"encoding/binary"

	"listenq/internal/evidence"
)

// FillChecksums completes the TCP checksum of a frame in place. A frame that
// was captured on lo carries only the sum of the pseudo header, for hardware
// that does not exist (CHECKSUM_PARTIAL, include/linux/skbuff.h). A frame
// without a whole TCP segment is left as it is.
func FillChecksums(frame []byte) {
	s, skip := locate(Ethernet, frame, len(frame))
	if skip != Taken || !s.whole() {
		return
	}
	sum := s.tcp[16:18]
	clear(sum)
	binary.BigEndian.PutUint16(sum, s.checksum())
}

// mostSummed is how long a segment is at most whose checksum is looked at: as long as the
// first data of a request. What the host has put together of several segments (GRO) bears
// the sum of none.
const mostSummed = 536

// sum reports whether the checksum is right, where that is known: not of a segment that was
// cut, and not of one that this host sends, or got from a device that is no hardware: it
// bears the sum of the pseudo header alone (CHECKSUM_PARTIAL, include/linux/skbuff.h).
// Bare ACKs, which are half of all packets, are not looked at.
func (s *segment) sum() evidence.Sum {
	bare := s.size == s.header() && evidence.Flags(s.tcp[13])&evidence.SYN == 0
	if bare || !s.whole() || len(s.tcp) > mostSummed || len(s.tcp) < tcpLen {
		return evidence.SumUnknown
	}
	pseudo := fold(protoTCP + uint64(len(s.tcp)) + words(s.src) + words(s.dst))
	switch {
	case fold(uint64(pseudo)+words(s.tcp)) == 0xffff:
		return evidence.SumGood
	case binary.BigEndian.Uint16(s.tcp[16:]) == pseudo:
		return evidence.SumUnknown
	}
	return evidence.SumBad
}

// checksum is what the field must hold where the field itself is zero, and
// zero where the field is right (RFC 9293, 3.1; RFC 8200, 8.1).
func (s segment) checksum() uint16 {
	return ^fold(uint64(protoTCP) + uint64(len(s.tcp)) + words(s.src) + words(s.dst) + words(s.tcp))
}

// fold adds what is carried out of 16 bits until nothing is.
func fold(sum uint64) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// words adds up the 16-bit words of b; an odd last byte counts as if a zero
// followed it. The sum of 64 KiB fits many times over.
func words(b []byte) (sum uint64) {
	for len(b) >= 8 {
		w := binary.BigEndian.Uint64(b)
		sum += w>>32 + w&0xffffffff
		b = b[8:]
	}
	if len(b) >= 4 {
		sum += uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}
