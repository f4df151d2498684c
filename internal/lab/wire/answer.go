package wire

import (
	"encoding/binary"
	"time"

	"listenq/internal/capture"
	"listenq/internal/evidence"
)

// Reply is what the wire sends back instead of delivering a segment. The zero Reply is
// nothing at all.
type Reply struct {
	Flags evidence.Flags
	Both  bool // a reset goes on in the segment's place, too
	Times int  // for the first so many; 0: for all
}

// answering is a rule that answers segments.
type answering struct {
	to    Side
	match func(*evidence.Packet) bool
	reply Reply
	times int
}

// Answer takes every TCP segment to that side that matches and arrives from now on off
// the wire, and answers in the name of who it was for. To the Tap it is lost; the answer
// is only delivered, as nobody sent it. The wire calls match between frames; it must not
// call the wire.
func (w *Wire) Answer(to Side, match func(*evidence.Packet) bool, r Reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers = append(w.answers, &answering{to: to, match: match, reply: r})
}

// Silence ends all Answers.
func (w *Wire) Silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers = nil
}

// answered returns the rule that takes a frame; nil if none does.
func (w *Wire) answered(f *frame) *answering {
	for _, a := range w.answers {
		if f.tcp && a.to == f.to && (a.reply.Times == 0 || a.times < a.reply.Times) && a.match(&f.packet) {
			a.times++
			return a
		}
	}
	return nil
}

// reply sends what a rule answers to a frame that came onto the wire at t.
func (w *Wire) reply(a *answering, f *frame, t time.Duration) {
	if a.reply.Flags == 0 {
		return
	}
	back, to := make([]byte, len(f.data)), opposite(f.to)
	w.forge(craft(back, f, a.reply.Flags), to, t)
	if a.reply.Both {
		w.forge(instead(back, f), f.to, t)
	}
}

// forge schedules a frame that nobody sent.
func (w *Wire) forge(data []byte, to Side, t time.Duration) {
	f := w.pool.get(data)
	f.to = to
	f.tcp = capture.Decode(f.data, &f.packet)
	f.class = w.classify(f)
	w.schedule(f, t)
}

// craft writes the answer to a frame into room: a segment without options or data, with
// the ends swapped.
func craft(room []byte, f *frame, flags evidence.Flags) []byte {
	reply := bare(room, f.data)
	const ethernet = 14
	copy(reply[:6], f.data[6:12])
	copy(reply[6:12], f.data[:6])
	size, at := 4, ethernet+12 // of an address, and where the first is
	if reply[ethernet]>>4 == 6 {
		size, at = 16, ethernet+8
	}
	swap(reply[at:at+size], reply[at+size:at+2*size])
	tcp := segment(reply)
	swap(tcp[0:2], tcp[2:4])
	p := &f.packet
	next := p.Seq + uint32(p.Len)
	if p.Flags&(evidence.SYN|evidence.FIN) != 0 {
		next++
	}
	seq := p.Ack
	if !p.Flags.Has(evidence.ACK) {
		seq = 0
		flags |= evidence.ACK // RFC 9293, 3.5.2
	}
	put(tcp, seq, next, flags)
	capture.FillChecksums(reply)
	return reply
}

// instead writes a reset in the place of a frame into room.
func instead(room []byte, f *frame) []byte {
	reset := bare(room, f.data)
	put(segment(reset), f.packet.Seq, 0, evidence.RST)
	capture.FillChecksums(reset)
	return reset
}

// bare copies the headers of a frame into room, without options or data of TCP.
func bare(room, frame []byte) []byte {
	const ethernet, tcp = 14, 20
	headers := len(frame) - len(segment(frame))
	b := append(append(room[:0], frame[:headers]...), segment(frame)[:tcp]...)
	if ip := b[ethernet:headers]; ip[0]>>4 == 6 {
		binary.BigEndian.PutUint16(ip[4:], tcp)
	} else {
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+tcp))
		clear(ip[10:12])
		binary.BigEndian.PutUint16(ip[10:], headerSum(ip))
	}
	return b
}

// put sets what makes a segment what it is.
func put(tcp []byte, seq, ack uint32, flags evidence.Flags) {
	binary.BigEndian.PutUint32(tcp[4:], seq)
	binary.BigEndian.PutUint32(tcp[8:], ack)
	tcp[12], tcp[13] = 5<<4, byte(flags)
	binary.BigEndian.PutUint16(tcp[14:], 65535)
	clear(tcp[18:20])
}

// headerSum is the checksum of an IPv4 header whose own field is zero (RFC 1071).
func headerSum(ip []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(ip); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func swap(a, b []byte) {
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}
