package diagnose

import (
	"slices"
	"sort"
	"time"

	"listenq/internal/queue"
)

// cause is why an accept queue is in trouble, as far as it was seen.
type cause string

const (
	fine      cause = ""
	isStopped cause = "stopped" // all its processes are, by a signal or a debugger
	isFrozen  cause = "frozen"  // all its processes are, with their control group
	isFiles   cause = "files"   // one of them has used up its open files
	isPartly  cause = "partly"  // some of its processes are stopped, and nothing is seen to be accepted
	isStuck   cause = "stuck"   // nobody accepts
	isSlow    cause = "slow"    // somebody does, and it is not enough
	isBurst   cause = "burst"   // mostly there is room
	isSmall   cause = "small"   // the same, and the limit is low
	isUnclear cause = "unclear" // too little was seen
)

func (s *situation) findCause() cause {
	trouble, stuck := s.failing(), s.nobodyAccepts()
	switch {
	case s.Listener.AcceptLen > 0 && s.allProcesses((*queue.Process).Stopped):
		return isStopped
	case s.Listener.AcceptLen > 0 && s.allProcesses((*queue.Process).Frozen):
		return isFrozen
	case (trouble || stuck) && s.someProcess((*queue.Process).FilesUsedUp):
		return isFiles
	case (trouble || stuck) && s.someProcess((*queue.Process).Stopped) && !s.somebodyAccepts():
		return isPartly
	case stuck:
		return isStuck
	case !trouble:
		return fine
	case len(s.recent()) < leastSamples || s.Listener.AcceptLimit < 0 || s.overflowed && !s.certain:
		return isUnclear
	case s.mostlyFull() && s.somebodyAccepts():
		return isSlow
	case s.mostlyFull():
		return isUnclear
	case s.Listener.AcceptLimit <= smallLimit:
		return isSmall
	}
	return isBurst
}

// recent are the latest points.
func (s *situation) recent() []queue.Point {
	since := s.Points[len(s.Points)-1].T - recentWindow
	i := slices.IndexFunc(s.Points, func(p queue.Point) bool { return p.T >= since })
	return s.Points[i:]
}

// allProcesses reports whether the condition is true of all processes that could accept.
func (s *situation) allProcesses(is func(*queue.Process) bool) bool {
	return len(s.Listener.Processes) > 0 && len(s.those(is)) == len(s.Listener.Processes)
}

// someProcess reports whether the condition is true of one.
func (s *situation) someProcess(is func(*queue.Process) bool) bool { return len(s.those(is)) > 0 }

// those are the processes of which the condition is true.
func (s *situation) those(is func(*queue.Process) bool) (all []*queue.Process) {
	for i := range s.Listener.Processes {
		if p := &s.Listener.Processes[i]; is(p) {
			all = append(all, p)
		}
	}
	return all
}

// coarse is more than the kernel's clock of waits is off: a tick, 10 ms at most.
const coarse = 11 * time.Millisecond

// nobodyAccepts reports whether nothing was taken for long. The queue is first in,
// first out: as many as were in it then have to have waited since. Those that were
// reset are not seen; then its length must not have moved, and nobody have come.
func (s *situation) nobodyAccepts() bool {
	w, last := s.Listener.Waiting, len(s.Points)-1
	if w == nil || !s.waitsAreOwn() {
		return false
	}
	now := s.Points[last].T - w.Age
	for i := last; i >= 0; i-- {
		if before := s.Points[i]; before.T <= now-stoppedAfter {
			waited := s.waiting(now - before.T + coarse)
			still := waited > 0 && waited == w.Len && w.Len < s.Listener.AcceptLen && last-i >= leastSamples && s.constant(i)
			return before.AcceptLen > 0 && (waited >= before.AcceptLen || still)
		}
	}
	return false
}

// constant reports whether the length has not moved since that point.
func (s *situation) constant(since int) bool {
	return !slices.ContainsFunc(s.Points[since:], func(p queue.Point) bool { return p.AcceptLen != s.Listener.AcceptLen })
}

// waiting is how many have waited for that long. The longest waits are first.
func (s *situation) waiting(since time.Duration) int {
	waits := s.Listener.Waiting.Waits
	return sort.Search(len(waits), func(i int) bool { return waits[i] < since })
}

// apart is more than two looks of one sample are apart: a connection that came between
// them is in the length, and its wait says that it came after the sample.
const apart = 100 * time.Millisecond

// somebodyAccepts reports whether something was taken: the queue got shorter, which
// nothing but accept() does (inet_csk_accept), or held more than have waited since. A
// rate does not show it: one connection that is counted twice passes for one accepted.
func (s *situation) somebodyAccepts() bool {
	points, now := s.recent(), s.Points[len(s.Points)-1].T
	for i := range points[1:] {
		if points[i+1].AcceptLen < points[i].AcceptLen {
			return true
		}
	}
	if !s.wholeSeen() {
		return false
	}
	now -= s.Listener.Waiting.Age
	return slices.ContainsFunc(points, func(p queue.Point) bool {
		return p.AcceptLen > s.waiting(now-p.T-apart)
	})
}

// wholeSeen reports whether it is known of each in the queue how long it has waited:
// one that was reset is not seen.
func (s *situation) wholeSeen() bool {
	w := s.Listener.Waiting
	return w != nil && s.waitsAreOwn() && len(w.Waits) == s.Listener.AcceptLen
}

// waitsAreOwn reports whether what waits at its address waits in its queue: it alone listens
// there, or the queues of all others of its group (SO_REUSEPORT) were empty in every sample.
func (s *situation) waitsAreOwn() bool {
	group := s.netns.groups[s.Listener.Address]
	if s.Listener.Shared <= 1 {
		return true
	}
	return len(group) == s.Listener.Shared && !slices.ContainsFunc(group, func(o *situation) bool { return o != s && o.AcceptMax > 0 })
}

// explains reports whether the cause is that nobody accepts: what waits in the queue, and
// leaves it, is a consequence.
func (c cause) explains() bool {
	switch c {
	case isStopped, isFrozen, isFiles, isPartly, isStuck:
		return true
	}
	return false
}

// mostlyFull reports whether the queue is full, or not even half of it is free, in
// most of the latest samples.
func (s *situation) mostlyFull() bool { return s.fullShare() >= majority || s.roomShare() < majority }

// fullShare is in how many of the latest samples the queue was full.
func (s *situation) fullShare() float64 {
	return share(s.recent(), func(p queue.Point) bool { return p.Full })
}

// roomShare is in how many of them at least half of it was free.
func (s *situation) roomShare() float64 {
	return share(s.recent(), func(p queue.Point) bool { return 2*p.AcceptLen <= s.Listener.AcceptLimit })
}

func share(points []queue.Point, of func(queue.Point) bool) float64 {
	n := 0
	for _, p := range points {
		if of(p) {
			n++
		}
	}
	return float64(n) / float64(len(points))
}

// gone is how many of those in the queue have closed (CLOSE_WAIT) or reset, and
// how many there are. What may be a race of two looks is left out.
func (s *situation) gone() (closed, dead, all int) {
	w := s.Listener.Waiting
	if w == nil || w.Age > stoppedAfter {
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
