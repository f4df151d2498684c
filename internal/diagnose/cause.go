package diagnose

import (
	"slices"
	"time"

	"listenq/internal/queue"
)

// cause is why an accept queue is in trouble, as far as it was seen.
type cause string

const (
	fine      cause = ""
	isStopped cause = "stopped" // all its processes are
	isStuck   cause = "stuck"   // nobody accepts
	isSlow    cause = "slow"    // somebody does, and it is not enough
	isBurst   cause = "burst"   // mostly there is room
	isSmall   cause = "small"   // the same, and the limit is low
	isUnclear cause = "unclear" // too little was seen
)

func (s *situation) tellCause() cause {
	trouble := s.overflowed || s.Listener.Full()
	switch {
	case s.Listener.AcceptLen > 0 && s.processesStopped():
		return isStopped
	case s.nobodyAccepts():
		return isStuck
	case !trouble:
		return fine
	case len(s.Points) < enough || s.Listener.AcceptLimit < 0 || s.overflowed && !s.certain:
		return isUnclear
	case s.FullShare >= mostSamples && s.somebodyAccepts():
		return isSlow
	case s.FullShare >= mostSamples || s.roomShare() < mostSamples:
		return isUnclear
	case s.Listener.AcceptLimit <= smallLimit:
		return isSmall
	}
	return isBurst
}

// processesStopped reports whether all processes that could accept are stopped, by
// a signal (T) or a debugger (t).
func (s *situation) processesStopped() bool {
	return len(s.Listener.Processes) > 0 && !slices.ContainsFunc(s.Listener.Processes, func(p queue.Process) bool {
		return p.State != "T" && p.State != "t"
	})
}

// nobodyAccepts reports whether something waits and nothing was taken for long.
func (s *situation) nobodyAccepts() bool {
	oldest, ok := s.Listener.Waiting.Oldest()
	return s.Accepts.Known && s.Accepts.PerSecond == 0 && s.Window >= long && ok && oldest >= long
}

// somebodyAccepts reports whether something was taken: as counted, or because the
// queue got shorter, which nothing but accept() does (inet_csk_accept).
func (s *situation) somebodyAccepts() bool {
	if s.Accepts.Known {
		return s.Accepts.PerSecond > 0
	}
	for i := range s.Points[1:] {
		if s.Points[i+1].AcceptLen < s.Points[i].AcceptLen {
			return true
		}
	}
	return false
}

// roomShare is in how many of the samples at least half of the queue was free.
func (s *situation) roomShare() float64 {
	n := 0
	for _, p := range s.Points {
		if 2*p.AcceptLen <= s.Listener.AcceptLimit {
			n++
		}
	}
	return float64(n) / float64(len(s.Points))
}

// gone is how many of those in the queue have closed (CLOSE_WAIT) or reset, and
// how many there are. What may be a race of two looks is left out.
func (s *situation) gone() (closed, dead, all int) {
	w := s.Listener.Waiting
	if w == nil || w.Age > long {
		return 0, 0, 0
	}
	if s.Dead.Known {
		dead = max(0, int(s.Dead.N)-s.spread(w.Age))
	}
	return w.Closed, dead, w.Len + dead
}

// spread is how far the length of the queue has moved lately: since before those
// that wait were looked at, and between the last three samples at least.
func (s *situation) spread(age time.Duration) int {
	last := len(s.Points) - 1
	low, high := s.Points[last].AcceptLen, s.Points[last].AcceptLen
	for i := last; i >= 0 && (i > last-3 || s.Points[i].T >= s.Points[last].T-age); i-- {
		low, high = min(low, s.Points[i].AcceptLen), max(high, s.Points[i].AcceptLen)
	}
	return high - low
}
