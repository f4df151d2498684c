package handshake

import (
	"slices"

	"listenq/internal/judge"
)

// While attempts are folded the queues are weighed anew after so many packets, if anything
// was struck since, as it takes a look at all attempts.
const weighAfter = 1 << 18

// maxVisits bounds what is kept of folded attempts of one listener, allVisits of all: 10 MB.
const (
	maxVisits = 1 << 11
	allVisits = 1 << 16
)

// weigh reconstructs the queues of all listeners, if anything was seen since it last did.
func (t *Tracker) weigh() {
	if t.scene.Sockets || t.weighed >= t.packets || t.folding && (t.trouble == t.scene.Trouble || t.packets-t.weighed < weighAfter) {
		return
	}
	t.weighed, t.trouble = t.packets, t.scene.Trouble
	struck := map[*listener][]judge.Visit{}
	for _, l := range t.listeners {
		l.queue = judge.Queue{}
		if slices.ContainsFunc(l.visits, judge.Visit.Struck) {
			struck[l] = nil
		}
	}
	for a := range t.Attempts() {
		if judge.InVain(&a.seen) {
			struck[a.listener] = nil
		}
	}
	for a := range t.Attempts() {
		if all, ok := struck[a.listener]; ok && !a.seen.Midway {
			struck[a.listener] = append(all, judge.VisitOf(&a.seen))
		}
	}
	for l, all := range struck {
		l.queue = judge.Reconstruct(append(all, l.visits...))
		if t.folding && l.queue.Only != "" {
			l.shown = l.queue
		}
	}
}

// remember keeps the visit of an attempt that is folded, if it has anything to do with a
// queue; of a listener the latest ones.
func (t *Tracker) remember(a *Attempt) {
	if t.scene.Sockets || a.seen.Midway {
		return
	}
	v := judge.VisitOf(&a.seen)
	if v.Entered == judge.None && v.SYN.Packets <= 1 && v.ACK.Packets == 0 {
		return
	}
	switch l := a.listener; {
	case len(l.visits) == maxVisits:
		l.visits[l.oldest] = v
		l.oldest = (l.oldest + 1) % maxVisits
	case t.visits < allVisits:
		l.visits = append(l.visits, v)
		t.visits++
	}
}
