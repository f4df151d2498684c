package capture

import (
	"encoding/binary"
	"net/netip"

	"listenq/internal/evidence"
)

// The shortest forms of headers. A TCP header has to be there up to its flags;
// the window and options behind them may be cut off.
const (
	ipv4Len   = 20
	ipv6Len   = 40
	tcpLen    = 20
	flagsEnd  = 14
	windowEnd = 16
)

// segment is where a TCP segment lies in a frame.
type segment struct {
	src, dst []byte // 4 or 16 bytes
	tcp      []byte // header and payload without padding, as far as they are there
	size     int    // of header and payload as they were sent
	id       uint16 // of an IPv4 header
	hops     uint8  // TTL or hop limit
}

func (s *segment) whole() bool { return len(s.tcp) == s.size }

// header is the length of the TCP header.
func (s *segment) header() int { return int(s.tcp[12]>>4) * 4 }

// Decode reads the TCP segment of a whole Ethernet frame into p, all but its
// number, time and side. It reports false, and leaves p as it is, for everything
// else: other protocols, fragments, frames cut short and lengths that do not
// agree. It allocates nothing.
func Decode(frame []byte, p *evidence.Packet) bool {
	s, skip := locate(Ethernet, frame, len(frame))
	if skip != Taken || !s.whole() {
		return false
	}
	s.read(p)
	return true
}

// read reads what is there of the segment; options that are cut off are absent.
func (s *segment) read(p *evidence.Packet) {
	tcp, header := s.tcp, s.header()
	p.Src = netip.AddrPortFrom(address(s.src), binary.BigEndian.Uint16(tcp[0:]))
	p.Dst = netip.AddrPortFrom(address(s.dst), binary.BigEndian.Uint16(tcp[2:]))
	p.Seq = binary.BigEndian.Uint32(tcp[4:])
	p.Ack = binary.BigEndian.Uint32(tcp[8:])
	p.Flags = evidence.Flags(tcp[13])
	p.Len = s.size - header
	p.Window, p.Options = 0, evidence.Options{}
	p.Hops, p.Sum = s.hops, s.sum()
	if len(tcp) >= windowEnd {
		p.Window = binary.BigEndian.Uint16(tcp[14:])
	}
	if len(tcp) > tcpLen {
		p.Options = options(tcp[tcpLen:min(header, len(tcp))])
	}
}

// locate finds the TCP segment of a frame that was size bytes long on the link.
func locate(link LinkType, frame []byte, size int) (s segment, skip Skip) {
	c := cursor{frame, max(size, len(frame))}
	switch kind, skip := network(link, &c); {
	case skip != Taken:
		return s, skip
	case kind == etherIPv4:
		skip = s.ipv4(c)
		return s, skip
	case kind == etherIPv6:
		skip = s.ipv6(c)
		return s, skip
	}
	return s, NotIP
}

// ipv4 reads the header of RFC 791, 3.1. A total length of zero is that of a
// frame which the card, or the driver below, will cut up: it is as long as the
// frame (iph_totlen, include/linux/ip.h). A packet that claims to be longer than
// its frame is one that ip_rcv_core (net/ipv4/ip_input.c) drops.
func (s *segment) ipv4(c cursor) Skip {
	if skip := c.lacks(ipv4Len); skip != Taken {
		return skip
	}
	b := c.b
	header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 {
		total = c.size
	}
	switch {
	case b[0]>>4 != 4 || header < ipv4Len || total < header || total > c.size:
		return Malformed
	case b[9] != protoTCP:
		return NotTCP
	case binary.BigEndian.Uint16(b[6:])&0x3fff != 0: // more fragments, or an offset
		return Fragment
	}
	s.src, s.dst, s.id, s.hops = b[12:16], b[16:20], binary.BigEndian.Uint16(b[4:]), b[8]
	c.limit(total)
	return s.at(c, header)
}

// ipv6 reads the header of RFC 8200, 3. A payload length of zero is that of a
// jumbogram, which is as long as the frame.
func (s *segment) ipv6(c cursor) Skip {
	if skip := c.lacks(ipv6Len); skip != Taken {
		return skip
	}
	b := c.b
	payload := int(binary.BigEndian.Uint16(b[4:]))
	if payload == 0 {
		payload = c.size - ipv6Len
	}
	if b[0]>>4 != 6 || payload > c.size-ipv6Len {
		return Malformed
	}
	s.src, s.dst, s.hops = b[8:24], b[24:40], b[7]
	c.limit(ipv6Len + payload)
	c.skip(ipv6Len)
	if skip := extensions(&c, b[6]); skip != Taken {
		return skip
	}
	return s.at(c, 0)
}

// extensions skips the headers of RFC 8200, 4, between that of IPv6 and that of TCP.
func extensions(c *cursor, next byte) Skip {
	for next != protoTCP {
		var unit, more int
		switch next {
		case protoHopByHop, protoRouting, protoDestOptions:
			unit, more = 8, 1
		case protoAuth:
			unit, more = 4, 2 // RFC 4302, 2.2
		case protoFragment:
		default:
			return NotTCP
		}
		if skip := c.lacks(8); skip != Taken {
			return skip
		}
		size := (int(c.b[1]) + more) * unit
		if next == protoFragment {
			if binary.BigEndian.Uint16(c.b[2:])&^6 != 0 { // one without others is whole (ipv6_frag_rcv, net/ipv6/reassembly.c)
				return fragmentOf(c.b[0])
			}
			size = 8
		}
		next = c.b[0]
		if skip := c.lacks(size); skip != Taken {
			return skip
		}
		c.skip(size)
	}
	return Taken
}

// fragmentOf is why a fragment is skipped whose first other header is next.
func fragmentOf(next byte) Skip {
	if next == protoTCP {
		return Fragment
	}
	return NotTCP
}

// at takes the segment that begins at an offset.
func (s *segment) at(c cursor, offset int) Skip {
	if skip := c.lacks(offset + flagsEnd); skip != Taken {
		return skip
	}
	c.skip(offset)
	s.tcp, s.size = c.b, c.size
	if s.size < tcpLen || s.header() < tcpLen || s.header() > s.size {
		return Malformed
	}
	return Taken
}

// address makes an address of 4 or 16 bytes.
func address(b []byte) netip.Addr {
	if len(b) == 4 {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.AddrFrom16([16]byte(b))
}

// cursor is the rest of a frame: the bytes that are there, and how many there were.
type cursor struct {
	b    []byte
	size int // at least len(b)
}

// lacks is why n bytes cannot be read.
func (c *cursor) lacks(n int) Skip {
	switch {
	case n <= len(c.b):
		return Taken
	case n <= c.size:
		return Truncated
	}
	return Malformed
}

// skip passes n bytes that are there.
func (c *cursor) skip(n int) { c.b, c.size = c.b[n:], c.size-n }

// limit leaves out what is behind n bytes.
func (c *cursor) limit(n int) { c.b, c.size = c.b[:min(n, len(c.b))], n }
