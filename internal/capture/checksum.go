package capture

import "encoding/binary"

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

// checksum is what the field must hold where the field itself is zero, and
// zero where the field is right (RFC 9293, 3.1; RFC 8200, 8.1).
func (s segment) checksum() uint16 {
	sum := uint64(protoTCP) + uint64(len(s.tcp))
	sum += words(s.src) + words(s.dst) + words(s.tcp)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// words adds up the 16-bit words of b; an odd last byte counts as if a zero
// followed it. The sum of 64 KiB fits many times over.
func words(b []byte) (sum uint64) {
	for len(b) >= 4 {
		w := binary.BigEndian.Uint32(b)
		sum += uint64(w>>16) + uint64(w&0xffff)
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
