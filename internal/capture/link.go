package capture

import (
	"encoding/binary"
	"strconv"
)

// LinkType says what a frame begins with (LINKTYPE_ values of tcpdump.org).
type LinkType uint32

// The link types that are understood.
const (
	Null     LinkType = 0 // loopback of BSD: address family in the byte order of the host
	Ethernet LinkType = 1
	Raw12    LinkType = 12 // IPv4 or IPv6, as DLT_RAW of most systems
	Raw14    LinkType = 14 // the same of OpenBSD
	Raw      LinkType = 101
	Loop     LinkType = 108 // loopback of OpenBSD: address family in network byte order
	LinuxSLL LinkType = 113 // the device "any" of Linux
	RawIPv4  LinkType = 228
	RawIPv6  LinkType = 229
	SLL2     LinkType = 276 // the same with the number of the device
)

// String is the name that capture files and their tools use.
func (l LinkType) String() string {
	switch l {
	case Null:
		return "NULL"
	case Ethernet:
		return "ETHERNET"
	case Raw12, Raw14, Raw:
		return "RAW"
	case Loop:
		return "LOOP"
	case LinuxSLL:
		return "LINUX_SLL"
	case RawIPv4:
		return "IPV4"
	case RawIPv6:
		return "IPV6"
	case SLL2:
		return "LINUX_SLL2"
	}
	return "link type " + strconv.FormatUint(uint64(l), 10)
}

// The numbers that lead from one header to the next (IANA).
const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100 // IEEE 802.1Q
	etherQinQ = 0x88a8 // IEEE 802.1ad

	protoHopByHop    = 0
	protoTCP         = 6
	protoRouting     = 43
	protoFragment    = 44
	protoAuth        = 51
	protoDestOptions = 60
)

// The lengths of link headers.
const (
	familyLen   = 4
	ethernetLen = 14
	vlanLen     = 4
	sllLen      = 16
	sll2Len     = 20
)

// network skips the headers of the link and returns what follows them.
func network(link LinkType, c *cursor) (kind uint16, skip Skip) {
	switch link {
	case Ethernet:
		return etherType(c, 12, ethernetLen)
	case LinuxSLL:
		return etherType(c, 14, sllLen)
	case SLL2:
		return etherType(c, 0, sll2Len)
	case RawIPv4:
		return etherIPv4, Taken
	case RawIPv6:
		return etherIPv6, Taken
	case Raw12, Raw14, Raw:
		return version(c)
	case Null, Loop:
		return family(c)
	}
	return 0, UnknownLink
}

// etherType passes a header of n bytes with an EtherType at an offset, and the
// VLAN tags behind it.
func etherType(c *cursor, at, n int) (kind uint16, skip Skip) {
	if skip := c.lacks(n); skip != Taken {
		return 0, skip
	}
	kind = binary.BigEndian.Uint16(c.b[at:])
	c.skip(n)
	for kind == etherVLAN || kind == etherQinQ {
		if skip := c.lacks(vlanLen); skip != Taken {
			return 0, skip
		}
		kind = binary.BigEndian.Uint16(c.b[2:])
		c.skip(vlanLen)
	}
	return kind, Taken
}

// version distinguishes IPv4 from IPv6 by the first bits of the packet.
func version(c *cursor) (kind uint16, skip Skip) {
	if skip := c.lacks(1); skip != Taken {
		return 0, skip
	}
	switch c.b[0] >> 4 {
	case 4:
		return etherIPv4, Taken
	case 6:
		return etherIPv6, Taken
	}
	return 0, NotIP
}

// family passes an address family of either byte order. That of IPv6 is another
// number on each system: 10 Linux, 24 NetBSD and OpenBSD, 28 FreeBSD, 30 macOS.
func family(c *cursor) (kind uint16, skip Skip) {
	if skip := c.lacks(familyLen); skip != Taken {
		return 0, skip
	}
	f := binary.BigEndian.Uint32(c.b)
	if f > 0xffff {
		f = binary.LittleEndian.Uint32(c.b)
	}
	c.skip(familyLen)
	switch f {
	case 2:
		return etherIPv4, Taken
	case 10, 24, 28, 30:
		return etherIPv6, Taken
	}
	return 0, NotIP
}

// Direction is where a packet went, seen from the host that captured it.
type Direction uint8

// Directions. What went by, to another host, has none.
const (
	UnknownDirection Direction = iota
	Inbound
	Outbound
)

// cooked reads what the headers of the device "any" contain besides the protocol:
// the direction (sll_pkttype of packet(7)) and the number of the device, 0 if
// it is not known.
func cooked(link LinkType, frame []byte) (d Direction, device int) {
	var kind uint16
	switch {
	case link == LinuxSLL && len(frame) >= sllLen:
		kind = binary.BigEndian.Uint16(frame)
	case link == SLL2 && len(frame) >= sll2Len:
		kind, device = uint16(frame[10]), int(int32(binary.BigEndian.Uint32(frame[4:])))
	default:
		return UnknownDirection, 0
	}
	const host, outgoing = 0, 4 // PACKET_HOST, PACKET_OUTGOING
	switch kind {
	case host:
		return Inbound, device
	case outgoing:
		return Outbound, device
	}
	return UnknownDirection, device
}
