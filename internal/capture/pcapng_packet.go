package capture

import "time"

const shortPacket = "a packet without a length"

// on finds an interface by its number in the section.
func (r *Reader) on(number int, p *Packet) (wrong string) {
	if number >= len(r.interfaces)-r.ng.first {
		return "a packet of an interface that was not described"
	}
	p.Interface = r.ng.first + number
	p.Device, p.Direction, p.Dropped = 0, UnknownDirection, -1
	p.order, p.options = r.ng.order, nil
	return ""
}

// packet reads an enhanced packet block.
func (r *Reader) packet(body []byte, p *Packet) (wrong string) {
	if len(body) < packetFixed {
		return shortPacket
	}
	o := r.ng.order
	if wrong := r.on(int(o.u32(body)), p); wrong != "" {
		return wrong
	}
	p.Time = r.stamp(body[4:], p)
	return p.frame(body[packetFixed:], o.u32(body[12:]), o.u32(body[16:]))
}

// old reads a packet block of the first drafts.
func (r *Reader) old(body []byte, p *Packet) (wrong string) {
	const unknown = 0xffff
	if len(body) < packetFixed {
		return shortPacket
	}
	o := r.ng.order
	if wrong := r.on(int(o.u16(body)), p); wrong != "" {
		return wrong
	}
	p.Time = r.stamp(body[4:], p)
	if drops := o.u16(body[2:]); drops != unknown {
		p.Dropped = int64(drops)
	}
	return p.frame(body[packetFixed:], o.u32(body[12:]), o.u32(body[16:]))
}

// simple reads a simple packet block: one of the first interface, without a time.
func (r *Reader) simple(body []byte, p *Packet) (wrong string) {
	const fixed = 4
	if len(body) < fixed {
		return shortPacket
	}
	if wrong := r.on(0, p); wrong != "" {
		return wrong
	}
	p.Time = time.Time{}
	size := r.ng.order.u32(body)
	captured := min(uint64(size), uint64(len(body)-fixed))
	if snap := r.interfaces[p.Interface].SnapLen; snap > 0 {
		captured = min(captured, uint64(snap))
	}
	p.Data, p.Size = body[fixed:fixed+captured], int(size)
	return ""
}

// stamp reads the two halves of a packet's time.
func (r *Reader) stamp(b []byte, p *Packet) time.Time {
	o := r.ng.order
	return r.ng.clocks[p.Interface].time(uint64(o.u32(b))<<32 | uint64(o.u32(b[4:])))
}

// frame takes the bytes of a packet and the options behind them.
func (p *Packet) frame(b []byte, captured, size uint32) (wrong string) {
	if uint64(captured) > uint64(len(b)) {
		return "a packet that is longer than its block"
	}
	p.Data, p.Size = b[:captured], int(max(captured, size))
	p.options = b[min((int(captured)+3)&^3, len(b)):]
	if len(p.options) > 0 {
		p.readOptions()
	}
	return ""
}

// options reads what the options of a packet say.
func (p *Packet) readOptions() {
	for code, value := range blockOptions(p.options, p.order) {
		switch {
		case code == optEpbFlags && len(value) == 4:
			const bits, inbound, outbound = 3, 1, 2
			switch p.order.u32(value) & bits {
			case inbound:
				p.Direction = Inbound
			case outbound:
				p.Direction = Outbound
			}
		case code == optEpbDropCount && len(value) == 8:
			p.Dropped = int64(p.order.u64(value) &^ (1 << 63))
		}
	}
}
