package wire

import (
	"time"

	"listenq/internal/evidence"
)

// frame is a frame on the wire.
type frame struct {
	next   *frame // in the queue or free list that it is in
	data   []byte
	packet evidence.Packet // if tcp
	tcp    bool
	to     Side
	class  class
	due    time.Duration
	tries  int // writes that the kernel refused
}

// queue is a list of frames, first in, first out.
type queue struct {
	head, tail *frame
}

func (q *queue) empty() bool { return q.head == nil }

func (q *queue) push(f *frame) {
	f.next = nil
	if q.head == nil {
		q.head = f
	} else {
		q.tail.next = f
	}
	q.tail = f
}

func (q *queue) pop() *frame {
	f := q.head
	q.head = f.next
	return f
}

// Buffers come in two sizes: most frames of a handshake are small, and a flood
// that is delayed should not take 2 KiB for each of its SYNs.
const (
	smallFrame = 256
	largeFrame = slotSize
	frameCost  = 256      // what a frame takes besides its buffer, about
	poolLimit  = 32 << 20 // bytes: 64 Ki small frames, or 14,000 large ones
)

// pool keeps the frames that are not in use.
type pool struct {
	small, large queue
	used         int // bytes that frames in use take
}

// full reports whether frames take more than they may.
func (p *pool) full() bool { return p.used > poolLimit }

// get returns a frame with a copy of data, which fits a slot of a ring.
func (p *pool) get(data []byte) *frame {
	free, size := &p.small, smallFrame
	if len(data) > smallFrame {
		free, size = &p.large, largeFrame
	}
	var f *frame
	if free.empty() {
		f = &frame{data: make([]byte, 0, size)}
	} else {
		f = free.pop()
	}
	f.data = append(f.data[:0], data...)
	f.tries = 0
	p.used += size + frameCost
	return f
}

// copy returns a second frame like f.
func (p *pool) copy(f *frame) *frame {
	c := p.get(f.data)
	c.packet, c.tcp, c.to, c.class = f.packet, f.tcp, f.to, f.class
	return c
}

// put takes a frame back.
func (p *pool) put(f *frame) {
	p.used -= cap(f.data) + frameCost
	if cap(f.data) == smallFrame {
		p.small.push(f)
	} else {
		p.large.push(f)
	}
}
