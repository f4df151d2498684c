package main

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"listenq/internal/capture"
	"listenq/internal/evidence"
)

// attempt is one connection attempt and the packets of it that are to come.
type attempt struct {
	client    [4]byte
	port      uint16 // of the client
	server    uint16 // port
	start     time.Duration
	isn, peer uint32 // of the client and the server
	steps     []step
}

// step is one packet. Numbers count from those of the two SYNs.
type step struct {
	after    time.Duration // since the attempt began
	answer   bool          // sent by the server
	flags    evidence.Flags
	seq, ack uint32
	size     int // bytes of payload
}

func (a *attempt) next() time.Duration { return a.start + a.steps[0].after }

const (
	web     = 443
	slow    = 8080
	flooded = 8443

	way     = 20 * time.Microsecond // what the server takes to answer
	far     = 10 * time.Millisecond // to the client and back
	payload = 1448                  // with stamps in a frame of 1514 bytes
)

// attempt draws the n-th attempt.
func (m mix) attempt(random *rand.Rand, n int64, at time.Duration) *attempt {
	a := &attempt{
		client: [4]byte{10, byte(n >> 14), byte(n >> 6), byte(n&63) + 1},
		port:   uint16(1024 + random.IntN(64000)),
		start:  at,
		isn:    random.Uint32(),
		peer:   random.Uint32(),
	}
	switch kind := random.IntN(m.web + m.overflow + m.flood); {
	case kind < m.web:
		a.server = web
		a.fetch(random.IntN(2*m.response + 1))
	case kind < m.web+m.overflow:
		a.server = slow
		[]func(){a.forgotten, a.late, a.unanswered}[random.IntN(3)]()
	default:
		a.server = flooded
		binary.BigEndian.PutUint32(a.client[:], random.Uint32()|1<<30)
		a.ask(0)
		if !m.unanswered {
			a.reply(way)
		}
	}
	return a
}

func (a *attempt) add(s step) { a.steps = append(a.steps, s) }

func (a *attempt) ask(at time.Duration) { a.add(step{after: at, flags: evidence.SYN}) }

func (a *attempt) reply(at time.Duration) {
	a.add(step{after: at, answer: true, flags: evidence.SYN | evidence.ACK, ack: 1})
}

func (a *attempt) confirm(at time.Duration) {
	a.add(step{after: at, flags: evidence.ACK, seq: 1, ack: 1})
}

const request = 400 // bytes

func (a *attempt) request(at time.Duration) {
	a.add(step{after: at, flags: evidence.PSH | evidence.ACK, seq: 1, ack: 1, size: request})
}

// fetch is a connection without trouble that answers with size bytes.
func (a *attempt) fetch(size int) {
	a.ask(0)
	a.reply(way)
	a.confirm(far)
	a.request(far + way)
	a.serve(far+2*way, size)
}

// serve sends an answer to the request and closes.
func (a *attempt) serve(at time.Duration, size int) {
	const asked = 1 + request
	seq := uint32(1)
	a.add(step{after: at, answer: true, flags: evidence.ACK, seq: seq, ack: asked})
	for n := 0; size > 0; n++ {
		part := min(size, payload)
		at += way
		a.add(step{after: at, answer: true, flags: evidence.ACK, seq: seq, ack: asked, size: part})
		size, seq = size-part, seq+uint32(part)
		if n%2 == 1 {
			at += way
			a.add(step{after: at, flags: evidence.ACK, seq: asked, ack: seq})
		}
	}
	a.add(step{after: at + way, answer: true, flags: evidence.FIN | evidence.ACK, seq: seq, ack: asked})
	a.add(step{after: at + far, flags: evidence.FIN | evidence.ACK, seq: asked, ack: seq + 1})
	a.add(step{after: at + far + way, answer: true, flags: evidence.ACK, seq: seq + 1, ack: asked + 1})
}

// forgotten finds the accept queue full at its final ACK until the request expires.
func (a *attempt) forgotten() {
	a.ask(0)
	a.reply(way)
	a.confirm(far)
	a.request(far + way)
	a.request(200 * time.Millisecond)
	a.request(600 * time.Millisecond)
	at := time.Duration(0)
	for wait := time.Second; wait <= 16*time.Second; wait *= 2 {
		at += wait
		a.reply(at)
		a.confirm(at + far)
		a.request(at + far + 400*time.Millisecond)
	}
	a.request(at + 33*time.Second)
	a.add(step{after: at + 33*time.Second + way, answer: true, flags: evidence.RST, seq: 1})
}

// late finds the accept queue full once.
func (a *attempt) late() {
	a.ask(0)
	a.reply(way)
	a.confirm(far)
	a.request(far + way)
	a.request(210 * time.Millisecond)
	a.request(620 * time.Millisecond)
	a.reply(time.Second)
	a.confirm(time.Second + far)
	a.request(1500 * time.Millisecond)
	a.serve(1500*time.Millisecond+way, 2000)
}

// unanswered finds the accept queue full at its first SYN.
func (a *attempt) unanswered() {
	a.ask(0)
	a.ask(time.Second)
	a.reply(time.Second + way)
	a.confirm(time.Second + far)
	a.request(time.Second + far + way)
	a.serve(time.Second+far+2*way, 2000)
}

// Options of a SYN and of all other segments.
var (
	optionsOfSYN = []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7}
	stamps       = []byte{1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8}
	address      = [4]byte{192, 0, 2, 1} // of the server
)

// frame appends the next packet to b as a frame.
func (a *attempt) frame(b []byte) []byte {
	s := a.steps[0]
	src, dst, from, to, seq, ack := a.client, address, a.port, a.server, a.isn+s.seq, a.peer+s.ack
	if s.answer {
		src, dst, from, to, seq, ack = dst, src, to, from, a.peer+s.seq, a.isn+s.ack
	}
	if !s.flags.Has(evidence.ACK) {
		ack = 0
	}
	options := stamps
	if s.flags.Has(evidence.SYN) {
		options = optionsOfSYN
	}
	b = append(b, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(20+20+len(options)+s.size))
	b = append(b, 0, 0, 0x40, 0, 64, 6, 0, 0)
	b = append(append(b, src[:]...), dst[:]...)
	b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, from), to)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, seq), ack)
	b = append(b, byte(20+len(options))<<2, byte(s.flags), 1, 0, 0, 0, 0, 0)
	b = append(b, options...)
	b = append(b, noise[seq%uint32(len(noise)-payload):][:s.size]...)
	capture.FillChecksums(b)
	return b
}

// noise is what payload is cut from. It packs no better than what is encrypted.
var noise = func() (b [64 << 10]byte) {
	_, _ = rand.NewChaCha8([32]byte{}).Read(b[:])
	return b
}()
