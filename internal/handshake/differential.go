package handshake

import "listenq/internal/judge"

// causeOf is the cause that a hypothesis is, as verdicts name it; 0 for one that ends an
// attempt in its own way.
var causeOf = [...]causes{
	judge.FullAtSYN: acceptFull, judge.FullAtACK: acceptFull,
	judge.FilterSYN: hostDrop, judge.FilterACK: hostDrop,
	judge.Loss: netLoss, judge.DeferAccept: deferred,
	judge.OldConnection: oldCause, judge.Checksum: sumCause, judge.PAWS: refusedCause, judge.Refusal: refusedCause,
	judge.SynQueueFull: synFull, judge.SynReserve: synReserve,
}

// causesOf are the causes of a set of hypotheses.
func causesOf(set judge.Set) (all causes) {
	for h, c := range causeOf {
		if set.Has(judge.Hypothesis(h)) {
			all |= c
		}
	}
	return all
}

// differential is what can have befallen the attempt, by its packets and those of the
// other clients of its listener.
func (a *Attempt) differential() judge.Differential {
	a.t.weigh()
	seen := a.sightings()
	return judge.Attempt(&seen, &a.listener.weighed)
}

// Hypotheses returns what can have befallen the attempt, as far as packets alone show, with
// what contradicts or proves each: nothing for an attempt without trouble.
func (a *Attempt) Hypotheses() []judge.Ruling {
	if a.t.cfg.Sockets {
		return nil
	}
	return a.differential().All
}

// weigh returns the causes that nothing contradicts, and of them those that alone explain
// something that was seen.
func (a *Attempt) weigh() (remaining, proven causes) {
	a.t.weigh()
	seen := a.sightings()
	if seen.SYNs+seen.ACKs == 0 && !seen.Challenged && !seen.BadSum && !seen.Refused {
		return 0, 0
	}
	all, only := judge.Weigh(&seen, &a.listener.weighed)
	return causesOf(all), causesOf(only)
}

// left are the causes that nothing contradicts, among those that are judged.
func (a *Attempt) left() causes {
	remaining, _ := a.weigh()
	return remaining
}

// proven are the causes that alone explain something that was seen.
func (a *Attempt) proven() causes {
	if a.t.cfg.Sockets || !a.sees(ServerSide) {
		return 0
	}
	_, proven := a.weigh()
	return proven
}

// weigh reconstructs the queues of all listeners, if anything was seen since it last did.
func (t *Tracker) weigh() {
	if t.cfg.Sockets || t.weighed >= t.packets || t.folding && (t.trouble == 0 || t.packets-t.weighed < weighAfter) {
		return
	}
	t.weighed, t.trouble = t.packets, 0
	struck := map[*listener][]judge.Visit{}
	for a := range t.Attempts() {
		if a.vainSYNs().Packets+a.vainACKs().Packets > 0 {
			struck[a.listener] = nil
		}
	}
	for a := range t.Attempts() {
		if all, ok := struck[a.listener]; ok && !a.is(midway) {
			struck[a.listener] = append(all, a.visit())
		}
	}
	for l, all := range struck {
		l.weighed = judge.Reconstruct(append(all, l.visits...))
		if l.weighed.Only != "" {
			l.shown = l.weighed
		}
	}
}

// While attempts are folded the queues are weighed anew after so many packets, if anything
// was struck since, as it takes a look at all attempts.
const weighAfter = 1 << 18

// remember keeps the visit of an attempt that is folded, if it has anything to do with a
// queue; of a listener the latest ones.
func (t *Tracker) remember(a *Attempt) {
	if t.cfg.Sockets || a.is(midway) {
		return
	}
	v := a.visit()
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

// maxVisits bounds what is kept of folded attempts of one listener, allVisits of all: 10 MB.
const (
	maxVisits = 1 << 11
	allVisits = 1 << 16
)
