package capture

import (
	"errors"
	"fmt"
	"time"
)

// pcap is what the header of such a file says of its records (draft-ietf-opsawg-pcap).
type pcap struct {
	order order
	unit  int64 // of the second number of a stamp, in nanoseconds
}

const (
	magicMicro = 0xa1b2c3d4
	magicNano  = 0xa1b23c4d

	headerLen = 24
	recordLen = 16
	linkMask  = 0xffff // what is above describes a frame check sequence
)

// errFormat says that a file is no capture, or of a kind that is rare.
var errFormat = errors.New("neither pcap nor pcapng")

// readHeader reads the header of the file, whose first bytes are magic.
func (r *Reader) readHeader(magic []byte) error {
	switch {
	case little.u32(magic) == magicMicro:
		r.pcap = pcap{little, 1000}
	case little.u32(magic) == magicNano:
		r.pcap = pcap{little, 1}
	case big.u32(magic) == magicMicro:
		r.pcap = pcap{big, 1000}
	case big.u32(magic) == magicNano:
		r.pcap = pcap{big, 1}
	default:
		return fmt.Errorf("read %s: %w", r.name, errFormat)
	}
	b, err := r.window.peek(headerLen)
	if err != nil {
		return r.failed(len(b), err)
	}
	r.interfaces = []Interface{{
		Link:    LinkType(r.pcap.order.u32(b[20:]) & linkMask),
		SnapLen: int(r.pcap.order.u32(b[16:])),
		Dropped: -1,
	}}
	r.window.take(headerLen)
	return nil
}

// nextRecord reads the record of a packet.
func (r *Reader) nextRecord(p *Packet) error {
	b, err := r.window.peek(recordLen)
	if err != nil {
		return r.failed(len(b), err)
	}
	o := r.pcap.order
	captured := int(o.u32(b[8:]))
	if captured > maxBlock {
		return r.damaged("a packet of %d bytes is longer than any", captured)
	}
	b, err = r.window.peek(recordLen + captured)
	if err != nil {
		return r.failed(len(b), err)
	}
	p.Time = time.Unix(int64(o.u32(b)), int64(o.u32(b[4:]))*r.pcap.unit).UTC()
	p.Interface, p.Device, p.Direction, p.Dropped = 0, 0, UnknownDirection, -1
	p.Data, p.options = b[recordLen:], nil
	p.Size = max(int(o.u32(b[12:])), captured)
	r.window.take(len(b))
	return nil
}
