package handshake

import (
	"net/netip"
	"slices"
	"time"

	"listenq/internal/judge"
)

// Times after which an attempt is reported as it stands, when there are more than
// Config.MaxAttempts of them.
const (
	lingering = time.Second     // after both ends have closed, or one has reset
	forsaken  = 2 * time.Minute // more than the longest time between two SYNs or SYN-ACKs by default, 64 s
)

// looks is how many attempts are looked at for each that begins, while there are too many.
const looks = 8

// fold keeps the number of attempts within its bound. The lab's are folded only if their
// client never came back, each is looked at once. Of packets alone those are, too,
// that are over; and when there are a quarter too many, whatever they are.
func (t *Tracker) fold() {
	bound := t.cfg.MaxAttempts
	if bound <= 0 {
		return
	}
	for range t.looks() {
		if len(t.order)-t.folded <= bound {
			break
		}
		if t.next >= len(t.order)-1 {
			if t.scene.Sockets {
				break
			}
			t.next = 0
		}
		a := t.order[t.next]
		switch {
		case a == nil:
		case a.seen.Untouched() && a.seen.OnItsWay() && t.scene.Sockets:
			return
		case a.seen.Untouched() && !a.seen.OnItsWay(), !t.scene.Sockets && (a.over() || len(t.order)-t.folded > bound+bound/4):
			t.drop(a)
		}
		t.next++
	}
	t.compact()
}

func (t *Tracker) looks() int {
	if t.scene.Sockets {
		return len(t.order)
	}
	return looks
}

// drop reports an attempt as it stands, counts it and forgets it.
func (t *Tracker) drop(a *Attempt) {
	t.folding = true
	t.report(a)
	t.folding = false
	t.remember(a)
	a.seen.Forget()
	if k, direction := keyOf(a.Client(), a.Server()); t.flow(&k)[direction] == a {
		t.put(&k, direction, nil)
	}
	t.order[t.next] = nil
	t.folded++
}

// report reports what became of an attempt, and counts it.
func (t *Tracker) report(a *Attempt) {
	if t.cfg.Done == nil {
		a.listener.fold(a, judge.Best(&a.seen, a.queue()))
		return
	}
	v := a.Verdict()
	t.cfg.Done(a, &v)
	a.listener.fold(a, v.Reading)
}

// Close reports all attempts that are left as they stand, and counts and forgets them.
// Nothing may be given to the Tracker after it.
func (t *Tracker) Close() {
	for a := range t.Attempts() {
		t.report(a)
	}
	t.order, t.folded, t.next = nil, 0, 0
}

// compact takes the holes out of order, once they are half of it.
func (t *Tracker) compact() {
	if t.folded <= 1024 || t.folded <= len(t.order)/2 {
		return
	}
	kept, next := t.order[:0], 0
	for i, a := range t.order {
		if i == t.next {
			next = len(kept)
		}
		if a != nil {
			kept = append(kept, a)
		}
	}
	clear(t.order[len(kept):])
	t.order, t.next, t.folded = kept, next, 0
}

// Folded counts attempts on one server of which nothing more is kept: clients
// that sent a SYN and were never heard of again, as in a flood; and where only packets
// are given, all that are over.
type Folded struct {
	Server      netip.AddrPort
	Attempts    int
	Outcomes    map[judge.Outcome]int // as of when they were folded
	Causes      map[judge.Cause]int
	First, Last time.Duration // when the first and the last of them began
}

func (l *listener) fold(a *Attempt, r judge.Reading) {
	if l.sum.tally.Attempts == 0 {
		l.firstFolded = a.Start()
	}
	l.lastFolded = a.Start()
	l.sum.add(a, r)
}

// Folded returns what Config.MaxAttempts has folded, by server.
func (t *Tracker) Folded() []Folded {
	var all []Folded
	for address, l := range t.listeners {
		if y := &l.sum.tally; y.Attempts > 0 {
			all = append(all, Folded{address, y.Attempts, y.Outcomes, y.Causes, l.firstFolded, l.lastFolded})
		}
	}
	slices.SortFunc(all, func(a, b Folded) int { return a.Server.Compare(b.Server) })
	return all
}
