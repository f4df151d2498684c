package explain

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"time"

	"listenq/internal/capture"
	"listenq/internal/evidence"
)

// duplicates finds packets that were captured twice: on a bridge and on the port
// of it, on the device "any" coming and going. It remembers a few thousand, by
// what no host changes on the way.
type duplicates struct{ recent [1 << 12]token }

// token identifies a packet.
type token struct {
	sum uint64
	at  int64
	id  uint16
}

// differs reports that two tokens are of two packets: Linux counts the id of what a
// connection sends (ip_select_ident_segs, include/net/ip.h), and nothing on the way through
// a host changes it. SYN-ACKs have none.
func (t *token) differs(id uint16) bool { return t.id != id && t.id != 0 && id != 0 }

// How long a packet may take from one place of capture to the next in one host.
// No timer of TCP sends anything again within that time: the shortest are a tail loss
// probe (2 ms, tcp_schedule_loss_probe) and 1 s for a SYN. What ACKs ask for may come as
// soon; it has an id of its own.
const (
	hop    = time.Millisecond
	hopSYN = 20 * time.Millisecond // a SYN may wait for ARP
)

// seen reports that a packet was captured before at the same side, and remembers it.
func (d *duplicates) seen(c *capture.Packet, at int64, side evidence.Side) bool {
	sum := fingerprint(c, side)
	old := &d.recent[sum%uint64(len(d.recent))]
	limit := hop
	if c.Segment.Flags.Has(evidence.SYN) {
		limit = hopSYN
	}
	again := old.sum == sum && !old.differs(c.ID) && at-old.at < int64(limit) && old.at-at < int64(limit)
	*old = token{sum, at, c.ID}
	return again
}

// fingerprint sums up all that makes a segment what it is. ACKs that TCP repeats
// differ by their SACK option, at the end.
func fingerprint(c *capture.Packet, side evidence.Side) uint64 {
	p := &c.Segment
	h := mix(uint64(p.Seq)<<32|uint64(p.Ack), uint64(p.Src.Port())<<48|uint64(p.Dst.Port())<<32|uint64(p.Window)<<16|uint64(p.Flags)<<8|uint64(side))
	h = mix(h^uint64(p.Len), uint64(p.Options.TSVal)<<32|uint64(p.Options.TSEcr))
	h = address(h, p.Src.Addr())
	h = address(h, p.Dst.Addr())
	const sack = 12
	if n := len(c.Data); p.Len == 0 && p.Options.Present != 0 && n == c.Size && n >= sack {
		h = mix(h^binary.LittleEndian.Uint64(c.Data[n-sack:]), uint64(binary.LittleEndian.Uint32(c.Data[n-4:])))
	}
	return h
}

func address(h uint64, a netip.Addr) uint64 {
	b := a.As16()
	return mix(h^binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:]))
}

// mix is the step of wyhash: two numbers in, each bit of the result depends on all.
func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a^0xa0761d6478bd642f, b^0xe7037ed1a0b428db)
	return high ^ low
}
