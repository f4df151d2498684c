package main

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// flags of a TCP header.
type flags uint8

const (
	fin flags = 1 << iota
	syn
	rst
	psh
	ack
)

func (f flags) has(all flags) bool { return f&all == all }

// segment is a TCP segment as it was captured.
type segment struct {
	number   int
	stamp    time.Time
	at       time.Duration // since the first packet
	side     side          // of its interface, if all are named by sides
	src, dst netip.AddrPort
	seq, ack uint32
	len      int // of its payload, as it was sent
	flags    flags
	window   uint16
	hops     uint8
	id       uint16 // of its IPv4 header
	stamped  bool   // it has timestamps
	tsval    uint32
	options  string // as they are, as far as they were captured
	wrong    bool   // its checksum is, and it was captured whole
	partial  bool   // and it is the sum of the pseudo header alone
}

// size is what a segment takes of the sequence numbers, its SYN aside.
func (s *segment) size() uint32 {
	n := uint32(s.len)
	if s.flags.has(fin) {
		n++
	}
	return n
}

// linkHeaders are the lengths of link headers, and where the EtherType is; -1: there is
// none, and the packet begins with the version of IP.
var linkHeaders = map[int]struct{ length, etherType int }{
	1:   {14, 12},
	0:   {4, -1},
	108: {4, -1},
	12:  {0, -1},
	14:  {0, -1},
	101: {0, -1},
	113: {16, 14},
	228: {0, -1},
	229: {0, -1},
	276: {20, 0},
}

// decode reads a frame that was length bytes long; nil if it holds no segment of TCP that
// is whole up to its flags.
func decode(link int, frame []byte, length int) *segment {
	h, known := linkHeaders[link]
	if !known || len(frame) < h.length+1 {
		return nil
	}
	b := frame[h.length:]
	if h.etherType >= 0 {
		kind := binary.BigEndian.Uint16(frame[h.etherType:])
		for (kind == 0x8100 || kind == 0x88a8) && len(b) > 4 {
			kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		}
		if kind != 0x0800 && kind != 0x86dd || kind == 0x0800 && b[0]>>4 != 4 || kind == 0x86dd && b[0]>>4 != 6 {
			return nil
		}
	}
	length -= len(frame) - len(b)
	if b[0]>>4 == 4 {
		return ipv4(b, length)
	}
	return ipv6(b, length)
}

func ipv4(b []byte, length int) *segment {
	if len(b) < 20 || b[9] != 6 || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
		return nil
	}
	header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 {
		total = length // of what the card will cut up
	}
	if header < 20 || total < header || total > length || len(b) < header {
		return nil
	}
	s := &segment{hops: b[8], id: binary.BigEndian.Uint16(b[4:])}
	return s.tcp(b[12:16], b[16:20], b[header:min(total, len(b))], total-header)
}

func ipv6(b []byte, length int) *segment {
	if len(b) < 40 || b[0]>>4 != 6 {
		return nil
	}
	payload := int(binary.BigEndian.Uint16(b[4:]))
	if payload == 0 {
		payload = length - 40
	}
	if payload > length-40 {
		return nil
	}
	next, rest := b[6], b[40:min(40+payload, len(b))]
	for next != 6 {
		if len(rest) < 8 {
			return nil
		}
		size := (int(rest[1]) + 1) * 8
		switch next {
		case 0, 43, 60:
		case 44:
			if binary.BigEndian.Uint16(rest[2:])&^6 != 0 {
				return nil
			}
			size = 8
		case 51:
			size = (int(rest[1]) + 2) * 4
		default:
			return nil
		}
		if len(rest) < size {
			return nil
		}
		next, rest, payload = rest[0], rest[size:], payload-size
	}
	s := &segment{hops: b[7]}
	return s.tcp(b[8:24], b[24:40], rest, payload)
}

// tcp reads a header of which length bytes were sent with its payload.
func (s *segment) tcp(src, dst, b []byte, length int) *segment {
	if len(b) < 14 {
		return nil
	}
	header := int(b[12]>>4) * 4
	if length < 20 || header < 20 || header > length {
		return nil
	}
	from, _ := netip.AddrFromSlice(src)
	to, _ := netip.AddrFromSlice(dst)
	s.src = netip.AddrPortFrom(from, binary.BigEndian.Uint16(b))
	s.dst = netip.AddrPortFrom(to, binary.BigEndian.Uint16(b[2:]))
	s.seq, s.ack, s.flags = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), flags(b[13])
	s.len = length - header
	if len(b) >= 16 {
		s.window = binary.BigEndian.Uint16(b[14:])
	}
	if len(b) > 20 {
		s.options = string(b[20:min(header, len(b))])
		s.readOptions()
	}
	if len(b) == length {
		s.sum(src, dst, b)
	}
	return s
}

// readOptions looks for timestamps.
func (s *segment) readOptions() {
	for b := []byte(s.options); len(b) > 0; {
		switch {
		case b[0] == 1:
			b = b[1:]
			continue
		case b[0] == 0 || len(b) < 2 || b[1] < 2 || int(b[1]) > len(b):
			return
		case b[0] == 8 && b[1] == 10:
			s.stamped, s.tsval = true, binary.BigEndian.Uint32(b[2:])
		}
		b = b[b[1]:]
	}
}

// sum checks the checksum, two bytes after two bytes (RFC 1071).
func (s *segment) sum(src, dst, b []byte) {
	var pseudo, all uint32
	add := func(to *uint32, b []byte) {
		for i := range b {
			*to += uint32(b[i]) << (8 * (1 - i%2))
			*to = *to>>16 + *to&0xffff
		}
	}
	add(&pseudo, src)
	add(&pseudo, dst)
	add(&pseudo, []byte{0, 6, byte(len(b) >> 8), byte(len(b))})
	all = pseudo
	add(&all, b)
	s.wrong = all != 0xffff
	s.partial = s.wrong && uint32(binary.BigEndian.Uint16(b[16:])) == pseudo
}
