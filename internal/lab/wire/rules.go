package wire

import (
	"math/rand/v2"
	"slices"
	"time"

	"listenq/internal/evidence"
)

// Shape is what one direction of the wire does to the frames that enter it.
// The zero Shape forwards them at once.
type Shape struct {
	Delay     time.Duration
	Loss      float64 // the probability that a frame is lost: 0 to 1
	Duplicate float64 // that one which is not lost comes twice
	MTU       int     // larger packets are lost without an ICMP message; 0: none are
	Seed      uint64  // the same frames in the same order meet the same fate
}

// Shape sets what happens to frames to that side from now on, and starts the
// sequence of chances anew. Those on their way keep their delay, and later ones
// do not overtake them.
func (w *Wire) Shape(to Side, s Shape) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.links[index(to)]
	l.shape.Shape = s
	l.shape.chances.Seed(s.Seed, uint64(to)) // the directions differ though the seed is one
}

// shaper decides by a Shape.
type shaper struct {
	Shape
	chances rand.PCG
}

// tooLarge reports whether the wire has no room for a frame's packet.
func (s *shaper) tooLarge(f *frame) bool {
	const ethernet = 14
	return s.MTU > 0 && len(f.data)-ethernet > s.MTU
}

// chance decides for the next frame. It draws twice for each, so that neither
// probability changes what the other one strikes.
func (s *shaper) chance() (lose, duplicate bool) {
	return s.draw() < s.Loss, s.draw() < s.Duplicate
}

// draw returns a number from 0 up to 1.
func (s *shaper) draw() float64 { return float64(s.chances.Uint64()>>11) / (1 << 53) }

// Hold is a rule that keeps matching frames on the wire, at the sender's end.
type Hold struct {
	w      *Wire
	to     Side
	match  func(*evidence.Packet) bool
	frames []*frame // in order of arrival
}

// Hold keeps every TCP segment to that side that matches and arrives from now
// on; where several rules match, the oldest has it. The wire calls match
// between frames; it must not call the wire.
func (w *Wire) Hold(to Side, match func(*evidence.Packet) bool) *Hold {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := &Hold{w: w, to: to, match: match}
	w.holds = append(w.holds, h)
	return h
}

// Release lets go the held frames that match, in the order they arrived, and
// returns how many. They enter the wire as if they arrived now: behind those of
// an earlier Release, and with the delay still before them. The rule stays.
func (h *Hold) Release(match func(*evidence.Packet) bool) int {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	return h.release(match)
}

// Release lets go the frames of several Holds at one moment, so that what answers
// them is held; see Hold.Release.
func (w *Wire) Release(holds []*Hold, match func(*evidence.Packet) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range holds {
		h.release(match)
	}
}

// Close ends the rule, lets go all that it holds and returns how many.
func (h *Hold) Close() int {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	h.w.holds = slices.DeleteFunc(h.w.holds, func(o *Hold) bool { return o == h })
	return h.release(func(*evidence.Packet) bool { return true })
}

// release hands frames to Run, whose goroutine shows them to the Tap.
func (h *Hold) release(match func(*evidence.Packet) bool) int {
	before := len(h.frames)
	h.frames = slices.DeleteFunc(h.frames, func(f *frame) bool {
		if !match(&f.packet) {
			return false
		}
		count := &h.w.links[index(h.to)].traffic[f.class]
		count.Held--
		count.InFlight++
		h.w.released.push(f)
		return true
	})
	if h.w.wake != nil {
		h.w.wake()
	}
	return before - len(h.frames)
}
