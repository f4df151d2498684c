package observe

import (
	"time"

	"listenq/internal/evidence"
	"listenq/internal/lab/wire"
	"listenq/internal/record"
)

// The interfaces of packets.pcapng; on loopback there is one.
const (
	clientInterface = iota
	serverInterface
)

// Tap takes what happens on the wire. It runs on the wire's goroutine, for each
// frame: what it takes, the frame takes longer.
func (o *Observer) Tap(ev *wire.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch ev.Kind {
	case wire.Sent, wire.Delivered:
		o.frame(ev)
	case wire.Lost:
		o.lost.take(ev)
		o.fate(ev, evidence.FateLost)
	case wire.Refused:
		o.lost.take(ev) // the model does not see these: no network lost them
	case wire.Held:
		o.fate(ev, evidence.FateHeld)
	case wire.Duplicated:
		o.fate(ev, evidence.FateDuplicated)
	}
}

func (o *Observer) fate(ev *wire.Event, f evidence.Fate) {
	if ev.Packet != nil {
		o.tracker.Fate(*ev.Packet, f)
	}
}

// frame takes a frame that was sent or delivered: into the model, with what the
// server's counters did meanwhile, and into the recording, with what is worth
// saying of it.
func (o *Observer) frame(ev *wire.Event) {
	o.writePending()
	o.number++
	if p := ev.Packet; p != nil {
		p.Number = o.number
		o.meet(p)
		o.tracker.Packet(*p)
		switch {
		case o.net.Loopback() && o.listens(p.Dst):
			o.reactions.passed(p.Number)
		case ev.Kind == wire.Delivered && ev.To == evidence.ServerSide && p.Dst.Addr() == o.net.Server.Addr:
			o.react(p.Number, ev.T)
		}
	}
	o.pending.keep(ev)
	o.wakeSampler()
}

// pendingFrame is the last frame: it is written when the next one comes, as
// what the wire does with it is worth saying, too.
type pendingFrame struct {
	there bool
	where int
	t     time.Duration
	data  []byte
}

func (f *pendingFrame) keep(ev *wire.Event) {
	f.there, f.where, f.t = true, clientInterface, ev.T
	if ev.Side == evidence.ServerSide {
		f.where = serverInterface
	}
	f.data = append(f.data[:0], ev.Frame...)
}

// blockSize is what a block of pcapng needs besides its frame and comment, in bytes.
const blockSize = 48

// writePending writes the last frame, if there is room. The caller holds mu.
func (o *Observer) writePending() {
	if f := &o.pending; f.there {
		comment := o.tracker.Comment(o.number)
		err := o.room.take(blockSize + len(f.data) + len(comment))
		if err == nil {
			err = o.packets.Packet(f.where, f.t, f.data, comment)
		}
		o.note(err)
		f.there = false
	}
}

// Finish completes packets.pcapng when no frame comes any more.
func (o *Observer) Finish() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writePending()
	o.note(o.packets.Flush())
	return o.err
}

// Delivered is how many segments the server's host must at least have dealt with, and
// how many of them were kept from TCP, which counts the others in TcpInSegs.
func (o *Observer) Delivered() (segments, kept uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.reactions.delivered, o.reactions.kept()
}

// Seen is how many frames the recording has.
func (o *Observer) Seen() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.number
}

// meet begins to follow a connection whose client is not spoofed.
func (o *Observer) meet(p *evidence.Packet) {
	if p.Flags.Has(evidence.SYN) && !p.Flags.Has(evidence.ACK) && o.net.Hosts(p) {
		o.conn(Pair{p.Src, p.Dst}, p.T)
	}
}

func (o *Observer) react(number int, t time.Duration) {
	reaction, ok, err := o.reactions.delivery(number, t)
	o.note(err)
	if ok {
		o.reaction(reaction)
	}
}

func (o *Observer) reaction(r evidence.Reaction) {
	o.tracker.Reaction(r)
	if delta := moved(r.Delta); len(delta) > 0 {
		o.write(record.Event{T: r.T, Reaction: &record.Reaction{Packets: r.Packets, Packet: r.Number, Delta: delta}})
	}
}
