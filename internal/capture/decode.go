// Package capture hides packet bytes: how a TCP segment lies in an Ethernet
// frame, and how frames lie in a pcapng file.
//
//	var p handshake.Packet
//	if capture.Decode(frame, &p) { tracker.Packet(p) }
//
// It does not reassemble: a fragment is no segment, and the bytes of a stream
// are nobody's business here. It reads Ethernet only.
package capture

import (
	"encoding/binary"
	"net/netip"

	"listenq/internal/handshake"
)

// The numbers that lead from one header to the next (IANA).
const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100 // IEEE 802.1Q
	etherQinQ = 0x88a8 // IEEE 802.1ad

	protoHopByHop    = 0
	protoTCP         = 6
	protoRouting     = 43
	protoAuth        = 51
	protoDestOptions = 60
)

// The shortest form of each header.
const (
	ethernetLen = 14
	vlanLen     = 4
	ipv4Len     = 20
	ipv6Len     = 40
	tcpLen      = 20
)

// segment is where a whole TCP segment lies in a frame: its addresses, and its
// header and payload without the padding that Ethernet adds.
type segment struct {
	src, dst []byte // 4 or 16 bytes
	tcp      []byte // at least tcpLen
}

// Decode reads the TCP segment of an Ethernet frame into p, all but its number,
// time and side. It reports false, and leaves p as it is, for everything else:
// other protocols, fragments, frames cut short and lengths that do not agree.
// It allocates nothing.
func Decode(frame []byte, p *handshake.Packet) bool {
	s, ok := locate(frame)
	if !ok {
		return false
	}
	header := int(s.tcp[12]>>4) * 4
	if header < tcpLen || header > len(s.tcp) {
		return false
	}
	p.Src = netip.AddrPortFrom(address(s.src), binary.BigEndian.Uint16(s.tcp[0:]))
	p.Dst = netip.AddrPortFrom(address(s.dst), binary.BigEndian.Uint16(s.tcp[2:]))
	p.Seq = binary.BigEndian.Uint32(s.tcp[4:])
	p.Ack = binary.BigEndian.Uint32(s.tcp[8:])
	p.Flags = handshake.Flags(s.tcp[13])
	p.Window = binary.BigEndian.Uint16(s.tcp[14:])
	p.Len = len(s.tcp) - header
	p.Options = options(s.tcp[tcpLen:header])
	return true
}

// locate finds the TCP segment of a frame.
func locate(frame []byte) (s segment, ok bool) {
	if len(frame) < ethernetLen {
		return s, false
	}
	kind, rest := binary.BigEndian.Uint16(frame[12:]), frame[ethernetLen:]
	for kind == etherVLAN || kind == etherQinQ {
		if len(rest) < vlanLen {
			return s, false
		}
		kind, rest = binary.BigEndian.Uint16(rest[2:]), rest[vlanLen:]
	}
	switch kind {
	case etherIPv4:
		return locateIPv4(rest)
	case etherIPv6:
		return locateIPv6(rest)
	}
	return s, false
}

// locateIPv4 reads the header of RFC 791, 3.1.
func locateIPv4(b []byte) (s segment, ok bool) {
	if len(b) < ipv4Len || b[0]>>4 != 4 {
		return s, false
	}
	header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if header < ipv4Len || total < header+tcpLen || total > len(b) {
		return s, false
	}
	fragment := binary.BigEndian.Uint16(b[6:])&0x3fff != 0 // more fragments, or an offset
	if fragment || b[9] != protoTCP {
		return s, false
	}
	return segment{b[12:16], b[16:20], b[header:total]}, true
}

// locateIPv6 reads the header of RFC 8200, 3, and skips extension headers.
func locateIPv6(b []byte) (s segment, ok bool) {
	if len(b) < ipv6Len || b[0]>>4 != 6 {
		return s, false
	}
	payload, next := int(binary.BigEndian.Uint16(b[4:])), b[6]
	if payload > len(b)-ipv6Len {
		return s, false
	}
	s.src, s.dst = b[8:24], b[24:40]
	b = b[ipv6Len : ipv6Len+payload]
	for next != protoTCP {
		if len(b) < 2 {
			return s, false
		}
		var size int
		switch next {
		case protoHopByHop, protoRouting, protoDestOptions:
			size = (int(b[1]) + 1) * 8
		case protoAuth:
			size = (int(b[1]) + 2) * 4 // RFC 4302, 2.2
		default:
			return s, false
		}
		if size > len(b) {
			return s, false
		}
		next, b = b[0], b[size:]
	}
	s.tcp = b
	return s, len(b) >= tcpLen
}

// address makes an address of 4 or 16 bytes.
func address(b []byte) netip.Addr {
	if len(b) == 4 {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.AddrFrom16([16]byte(b))
}
