package explain

import (
	"cmp"
	"slices"
)

// disorder says how the times of a file go. Most files are in order, and a look at each
// segment is all that it costs them.
type disorder struct {
	found bool
	until int64 // the latest time that was given
}

// maxHeld is how many segments are kept back, once a file is not in the order of time, so
// that what is that late finds its place.
const maxHeld = 1 << 12

// receive makes the segments of a batch the next ones. Of a file out of order the latest ones
// are kept back.
func (s *source) receive(b batch) error {
	s.recycle()
	if !s.order.found && s.order.holds(b.segments) {
		s.batch, s.taken = b.segments, 0
		return b.err
	}
	s.order.found = true
	s.held = append(s.held, b.segments...)
	slices.SortStableFunc(s.held, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	n := max(0, len(s.held)-maxHeld)
	s.batch, s.taken = slices.Clone(s.held[:n]), 0
	s.held = slices.Delete(s.held, 0, n)
	return b.err
}

// last gives what was kept back, at the end of the file. It reports false if there is nothing.
func (s *source) last() bool {
	if len(s.held) == 0 {
		s.done = true
		return false
	}
	s.recycle()
	s.batch, s.taken, s.held = s.held, 0, nil
	return true
}

// recycle gives the memory of a batch back to who reads.
func (s *source) recycle() {
	if cap(s.batch) != batchSize || s.order.found {
		return
	}
	select {
	case s.spare <- s.batch:
	default:
	}
}

// holds reports that segments follow in the order of time, those before them included.
func (d *disorder) holds(all []segment) bool {
	for i := range all {
		if all[i].at < d.until {
			return false
		}
		d.until = all[i].at
	}
	return true
}
