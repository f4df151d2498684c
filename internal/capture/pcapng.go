package capture

import (
	"iter"
	"strings"
)

// pcapng is what a file has said of its packets so far (draft-ietf-opsawg-pcapng).
type pcapng struct {
	order   order // of the section
	section int   // from 0, once there was one
	begun   bool
	first   int     // of the section's interfaces among those of the file
	clocks  []clock // of each interface of the file
	text    int     // bytes kept of what interfaces say
	raw     []byte  // the block that was read last, until the next one is
}

// The types of blocks that matter. Others are skipped.
const (
	blockSection    = 0x0a0d0d0a
	blockInterface  = 1
	blockOld        = 2
	blockSimple     = 3
	blockNames      = 4
	blockStatistics = 5
	blockPacket     = 6
	blockJournal    = 9

	orderMagic  = 0x1a2b3c4d
	blockHead   = 8  // type and length
	blockTail   = 4  // length again
	packetFixed = 20 // before the bytes of a packet
)

// The codes of options, each in its kind of block.
const (
	optEndOfOpt        = 0
	optComment         = 1
	optIfName          = 2
	optIfDescription   = 3
	optIfResolution    = 9
	optIfFilter        = 11
	optIfOffset        = 14
	optEpbFlags        = 2
	optEpbDropCount    = 4
	optIsbDroppedByIf  = 5
	optIsbDroppedByOS  = 7
	maxInterfaces      = 1 << 14 // in a file
	maxInterfaceString = 1 << 10 // bytes kept of each name, comment, filter
	maxInterfaceText   = 1 << 20 // bytes kept of all of them in a file
	maxComments        = 100     // kept of an interface
)

// nextBlock reads blocks up to the next packet.
func (r *Reader) nextBlock(p *Packet) error {
	for {
		kind, body, err := r.block()
		if err != nil {
			return err
		}
		found, wrong := false, ""
		switch kind {
		case blockPacket:
			found, wrong = true, r.packet(body, p)
		case blockSimple:
			found, wrong = true, r.simple(body, p)
		case blockOld:
			found, wrong = true, r.old(body, p)
		case blockSection:
			r.begin()
		case blockInterface:
			wrong = r.describe(body)
		case blockStatistics:
			wrong = r.statistics(body)
		case blockJournal: // Wireshark numbers them, too
			r.number++
		}
		if wrong != "" {
			return r.damaged("%s", wrong)
		}
		r.window.take(len(r.ng.raw))
		if found {
			return nil
		}
	}
}

// block reads a block and leaves the window at its beginning. Its length counts
// in fours; some writers leave the padding out of it.
func (r *Reader) block() (kind uint32, body []byte, err error) {
	b, err := r.window.peek(blockHead)
	if err != nil {
		return 0, nil, r.failed(len(b), err)
	}
	if kind = r.ng.order.u32(b); kind == blockSection {
		if err := r.section(); err != nil {
			return 0, nil, err
		}
	}
	length := r.ng.order.u32(b[4:])
	size := (int(length) + 3) &^ 3
	if size < blockHead+blockTail || size > maxBlock {
		return 0, nil, r.damaged("invalid block length %d", length)
	}
	if b, err = r.window.peek(size); err != nil {
		return 0, nil, r.failed(len(b), err)
	}
	body = b[blockHead : size-blockTail]
	if tail := r.ng.order.u32(b[size-blockTail:]); tail != length {
		return 0, nil, r.damaged("a block of %d bytes ends as one of %d", length, tail)
	}
	r.ng.raw = b
	return kind, body, nil
}

// section reads the byte order of a section that begins here.
func (r *Reader) section() error {
	const need = blockHead + 8 // up to the version
	b, err := r.window.peek(need)
	if err != nil {
		return r.failed(len(b), err)
	}
	switch {
	case little.u32(b[blockHead:]) == orderMagic:
		r.ng.order = little
	case big.u32(b[blockHead:]) == orderMagic:
		r.ng.order = big
	default:
		return r.damaged("a section without a byte order")
	}
	if major := r.ng.order.u16(b[blockHead+4:]); major != 1 {
		return r.damaged("pcapng of version %d is not understood", major)
	}
	return nil
}

// begin forgets the interfaces of the section before.
func (r *Reader) begin() {
	if r.ng.begun {
		r.ng.section++
	}
	r.ng.begun = true
	r.ng.first = len(r.interfaces)
}

// describe adds an interface.
func (r *Reader) describe(body []byte) (wrong string) {
	const fixed = 8
	if len(body) < fixed {
		return "an interface without a link type"
	}
	if len(r.interfaces) == maxInterfaces {
		return "more interfaces than there can be"
	}
	o := r.ng.order
	i := Interface{
		Link:    LinkType(o.u16(body)),
		SnapLen: int(o.u32(body[4:])),
		Section: r.ng.section,
		Dropped: -1,
	}
	c := clock{resolution: micro}
	for code, value := range blockOptions(body[fixed:], o) {
		i.option(code, value, &r.ng.text)
		c.option(code, value, o)
	}
	r.interfaces, r.ng.clocks = append(r.interfaces, i), append(r.ng.clocks, c)
	return ""
}

// option takes what an option says, and what it keeps of it off the room that is left for
// the texts of the file.
func (i *Interface) option(code uint16, value []byte, used *int) {
	switch code {
	case optIfName, optIfDescription, optIfFilter, optComment:
	default:
		return
	}
	text := string(value[:min(len(value), maxInterfaceString, maxInterfaceText-*used)])
	*used += len(text)
	switch code {
	case optIfName:
		i.Name = text
	case optIfDescription:
		i.Description = text
	case optIfFilter:
		i.Filter = strings.TrimPrefix(text, "\x00") // a code that says: as libpcap takes it
	case optComment:
		if len(i.Comments) < maxComments {
			i.Comments = append(i.Comments, text)
		}
	}
}

func (c *clock) option(code uint16, value []byte, o order) {
	switch {
	case code == optIfResolution && len(value) == 1:
		c.resolution = value[0]
	case code == optIfOffset && len(value) == 8:
		c.offset = int64(o.u64(value))
	}
}

// statistics takes what the capture lost on an interface: before the kernel had
// it and after. The last block counts.
func (r *Reader) statistics(body []byte) (wrong string) {
	const fixed = 12
	if len(body) < fixed {
		return "statistics of no interface"
	}
	o := r.ng.order
	number := int(o.u32(body))
	if number >= len(r.interfaces)-r.ng.first {
		return "statistics of an interface that was not described"
	}
	lost, known := uint64(0), false
	for code, value := range blockOptions(body[fixed:], o) {
		if (code == optIsbDroppedByIf || code == optIsbDroppedByOS) && len(value) == 8 {
			lost, known = lost+o.u64(value), true
		}
	}
	if known {
		r.interfaces[r.ng.first+number].Dropped = int64(lost &^ (1 << 63))
	}
	return ""
}

// blockOptions goes through the options of a block. It stops at one that does not fit.
func blockOptions(b []byte, o order) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= 4 {
			code, size := o.u16(b), int(o.u16(b[2:]))
			if code == optEndOfOpt || size > len(b)-4 || !yield(code, b[4:4+size]) {
				return
			}
			b = b[min(4+(size+3)&^3, len(b)):]
		}
	}
}
