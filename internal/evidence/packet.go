package evidence

import (
	"net/netip"
	"time"
)

// Side is a place where packets or sockets are looked at; sides can be or-ed.
type Side uint8

// A packet seen on the side of its sender was sent; one seen on the other side
// arrived there.
const (
	ClientSide Side = 1 << iota
	ServerSide
)

// Flags are the TCP header's flag bits in their order on the wire (RFC 9293, 3.1).
type Flags uint8

// The flags that the model looks at.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// Has reports whether all of the given flags are set.
func (f Flags) Has(flags Flags) bool { return f&flags == flags }

// Packet is one TCP segment as it was seen at one place.
type Packet struct {
	Number   int           // in the capture, from 1; 0 if it is not in one
	T        time.Duration // since the start of the observation
	Src, Dst netip.AddrPort
	Seq, Ack uint32
	Len      int // bytes of payload
	Options  Options
	Window   uint16
	Flags    Flags
	Hops     uint8 // TTL or hop limit as it was captured; 0 if it is not known
	Sum      Sum
	Side     Side // where it was seen: one side, or both where client and server share one wire (lo)
}

// Sum is what is known of the checksum of a segment.
type Sum uint8

// A segment that was not captured whole cannot be checked, and one of this host bears
// the sum of the pseudo header alone, if its card is to complete it.
const (
	SumUnknown Sum = iota
	SumGood
	SumBad
)

// Options are the TCP options of a segment that show how a handshake was done.
type Options struct {
	TSVal       uint32 // RFC 7323
	TSEcr       uint32
	MSS         uint16
	Present     OptionSet
	WindowScale uint8
}

// OptionSet says which options a segment carries.
type OptionSet uint8

// The options that the model looks at.
const (
	OptMSS OptionSet = 1 << iota
	OptWindowScale
	OptSACKPermitted
	OptTimestamps
	OptFastOpen // RFC 7413
	OptMPTCP    // RFC 8684
)

// Has reports whether all of the given options are present.
func (s OptionSet) Has(o OptionSet) bool { return s&o == o }

// Fate is what the network in between did with a packet, where that is known.
type Fate string

// What a wire can do other than deliver at once.
const (
	FateLost       Fate = "lost"
	FateHeld       Fate = "held"
	FateDuplicated Fate = "duplicated"
)

// Delta is how far the counters of the server's namespace moved that tell why
// the kernel dropped or refused a segment. The names are the kernel's
// (net/ipv4/proc.c), all of TcpExt.
type Delta struct {
	ListenOverflows, ListenDrops                     int // accept queue full; any drop by a listener
	TCPReqQFullDrop, TCPReqQFullDoCookies            int // SYN queue full: dropped; answered with a cookie
	SyncookiesSent, SyncookiesRecv, SyncookiesFailed int
	EmbryonicRsts                                    int // requests ended by a reset, sent (abort_on_overflow) or received
	Filtered, InCsumErrors, IPReversePathFilter      int // dropped before it came to the listener: by a packet filter, for its checksum, for its sender's address
	TCPDeferAcceptDrop                               int // bare final ACKs ignored under TCP_DEFER_ACCEPT
}

// Reaction is how the server's counters moved while packets were delivered to it.
// With one packet the movement is that packet's doing; with several it is
// known only that it was the doing of some of them.
type Reaction struct {
	T       time.Duration
	Packets int // delivered to the server since the last Reaction, those of other connections too
	Number  int // of the packet, if Packets is 1
	Delta   Delta
}
