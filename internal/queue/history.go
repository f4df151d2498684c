package queue

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// History is what was seen of a host over some time: the last Sample whole, and
// of each listener its course. It is not safe for concurrent use.
type History struct {
	keep       time.Duration
	last       Sample
	samples    int
	tracks     map[identity]*track
	courses    []*track          // of each listener of the last sample
	left       map[endpoint]bool // where one was that is gone, as of the last sample; nil: not yet looked for
	namespaces map[NetnsID]*readings
}

// identity identifies a socket, for as long as the kernel runs.
type identity struct {
	netns  NetnsID
	cookie uint64
	inode  uint32 // where there is no cookie
}

// endpoint is where a listener listens.
type endpoint struct {
	netns   NetnsID
	address netip.AddrPort
}

func identify(l *Listener) identity {
	if l.Cookie != 0 {
		return identity{netns: l.Netns, cookie: l.Cookie}
	}
	return identity{netns: l.Netns, inode: l.Inode}
}

// track is the course of one listening socket.
type track struct {
	points    []Point
	drops     Count    // as of the last sample
	missing   [2]Count // accept_len - waiting as of the last two samples
	seen      int      // the number of the last sample that had it
	recreated bool
	room      [1]Point // for the first: many are looked at once
}

// Point is what one sample saw of a listener.
type Point struct {
	T         time.Duration
	AcceptLen int
	Full      bool
	Dropped   Count // since the sample before
	SynLen    Count
	Arrived   Count // connections that came into the accept queue since the sample before
	Accepted  Count // connections that left it
}

// readings are the counters of a namespace over the time kept.
type readings struct {
	all  []Counters
	seen int
}

// NewHistory keeps the course of that long.
func NewHistory(keep time.Duration) *History {
	return &History{keep: keep, namespaces: map[NetnsID]*readings{}}
}

// Last is the last sample that was added; its contents are the History's own.
func (h *History) Last() *Sample { return &h.last }

// Samples is how many were added.
func (h *History) Samples() int { return h.samples }

// Add takes a sample. It copies what it keeps: the caller may use it again.
func (h *History) Add(s *Sample) {
	c := s.Clone()
	h.Take(&c)
}

// Take is Add without the copy: what the sample holds is the History's from then on.
func (h *History) Take(s *Sample) {
	before := h.last
	h.samples++
	h.last = *s
	if h.tracks == nil {
		h.tracks = make(map[identity]*track, len(s.Listeners))
	}
	h.courses, h.left = slices.Grow(h.courses[:0], len(s.Listeners)), nil
	for i := range h.last.Listeners {
		h.addListener(&before, &h.last.Listeners[i])
	}
	for i := range h.last.Namespaces {
		h.addNamespace(&h.last.Namespaces[i])
	}
	maps.DeleteFunc(h.tracks, func(_ identity, t *track) bool { return t.seen != h.samples })
	maps.DeleteFunc(h.namespaces, func(_ NetnsID, r *readings) bool { return r.seen != h.samples })
}

func (h *History) addListener(before *Sample, l *Listener) {
	id := identify(l)
	t, known := h.tracks[id]
	if !known {
		t = &track{}
		t.points = t.room[:0]
		h.tracks[id] = t
		t.recreated = len(before.Listeners) > 0 && h.takesPlace(before, l)
	}
	h.courses = append(h.courses, t)
	if t.seen == h.samples {
		return // the sample has it twice
	}
	p := Point{T: h.last.T, AcceptLen: l.AcceptLen, Full: l.Full(), SynLen: l.SynLen}
	if known {
		p.Dropped = moved(t.drops, l.Drops)
		p.Arrived, p.Accepted = flow(t.points[len(t.points)-1], l, h.last.T)
	}
	t.drops, t.seen = l.Drops, h.samples
	t.missing = [2]Count{t.missing[1], missing(l)}
	t.points = append(t.points, p)
	t.points = t.points[expired(t.points, h.last.T-h.keep, pointTime):]
}

// takesPlace reports whether the listener is a new socket at an address where
// another one was, which is gone.
func (h *History) takesPlace(before *Sample, l *Listener) bool {
	if h.left == nil {
		h.left = make(map[endpoint]bool)
		here := make(map[identity]bool, len(h.last.Listeners))
		for i := range h.last.Listeners {
			here[identify(&h.last.Listeners[i])] = true
		}
		for i := range before.Listeners {
			if o := &before.Listeners[i]; !here[identify(o)] {
				h.left[endpoint{o.Netns, o.Address}] = true
			}
		}
	}
	return h.left[endpoint{l.Netns, l.Address}]
}

func (h *History) addNamespace(n *Namespace) {
	r := h.namespaces[n.ID]
	if r == nil {
		r = &readings{}
		h.namespaces[n.ID] = r
	}
	r.seen = h.samples
	r.all = append(r.all, n.Counters)
	r.all = r.all[expired(r.all, h.last.T-h.keep, countersTime):]
}

func pointTime(p Point) time.Duration       { return p.T }
func countersTime(c Counters) time.Duration { return c.T }

// expired is how many of the first are older than that; the last one stays.
func expired[T any](all []T, since time.Duration, at func(T) time.Duration) int {
	n := 0
	for n < len(all)-1 && at(all[n]) < since {
		n++
	}
	return n
}

// moved is how far sk_drops has moved, which is of 32 bits and wraps.
func moved(before, now Count) Count {
	if !before.Known || !now.Known {
		return Count{}
	}
	return Known(uint64(uint32(now.N) - uint32(before.N)))
}
