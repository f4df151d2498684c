package lab

import (
	"time"

	"listenq/internal/handshake"
	"listenq/internal/lab/wire"
	"listenq/internal/record"
)

// The interfaces of packets.pcapng; on loopback there is one.
const (
	clientInterface = iota
	serverInterface
)

// tap takes what happens on the wire. It runs on the wire's goroutine, for each
// frame: what it takes, the frame takes longer.
func (o *observer) tap(ev *wire.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch ev.Kind {
	case wire.Sent, wire.Delivered:
		o.frame(ev)
	case wire.Lost, wire.Refused:
		o.fate(ev, handshake.FateLost)
	case wire.Held:
		o.fate(ev, handshake.FateHeld)
	case wire.Duplicated:
		o.fate(ev, handshake.FateDuplicated)
	}
}

func (o *observer) fate(ev *wire.Event, f handshake.Fate) {
	if ev.Packet != nil {
		o.tracker.Fate(*ev.Packet, f)
	}
}

// frame takes a frame that was sent or delivered: into the model, with what the
// server's counters did meanwhile, and into the recording, with what is worth
// saying of it.
func (o *observer) frame(ev *wire.Event) {
	o.number++
	comment := ""
	if p := ev.Packet; p != nil {
		p.Number = o.number
		o.meet(p)
		o.tracker.Packet(*p)
		switch {
		case o.net.loopback() && o.listens(p.Dst):
			o.reactions.passed(p.Number)
		case ev.Kind == wire.Delivered && ev.To == handshake.ServerSide && o.net.hosts(p):
			o.react(p.Number, ev.T)
		}
		comment = o.tracker.Comment(p.Number)
	}
	where := clientInterface
	if ev.Side == handshake.ServerSide {
		where = serverInterface
	}
	o.note(o.packets.Packet(where, ev.T, ev.Frame, comment))
	o.wakeSampler()
}

// seen is how many frames the recording has.
func (o *observer) seen() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.number
}

// meet begins to follow a connection whose client is not spoofed.
func (o *observer) meet(p *handshake.Packet) {
	if p.Flags.Has(handshake.SYN) && !p.Flags.Has(handshake.ACK) && o.net.hosts(p) {
		o.conn(pair{p.Src, p.Dst}, p.T)
	}
}

func (o *observer) react(number int, t time.Duration) {
	reaction, ok, err := o.reactions.delivery(number, t)
	o.note(err)
	if ok {
		o.reaction(reaction)
	}
}

func (o *observer) reaction(r handshake.Reaction) {
	o.tracker.Reaction(r)
	if r.Delta != (handshake.Delta{}) {
		o.write(record.Event{T: r.T, Reaction: &r})
	}
}
