package handshake

import (
	"net/netip"
	"slices"

	"listenq/internal/judge"
	"listenq/internal/story"
)

// ListenerVerdict is what is the matter with an address that somebody tried to reach.
type ListenerVerdict struct {
	judge.ListenerVerdict
	Text     string
	Evidence []story.Citation // of the first few connections that it rests on
}

// maxEvidence bounds what is cited of a listener.
const maxEvidence = 12

// sum is what all attempts on an address add up to, with the evidence.
type sum struct {
	tally    judge.Tally
	evidence []story.Citation
}

// add counts an attempt by its best reading.
func (s *sum) add(a *Attempt, r judge.Reading) {
	if !s.tally.Add(&a.seen, a.queue(), r) {
		return
	}
	if room := maxEvidence - len(s.evidence); room > 0 {
		v := a.Verdict()
		all := a.Evidence(&v)
		s.evidence = append(s.evidence, all[:min(room, len(all))]...)
	}
}

// Listeners returns a verdict for each address that somebody tried to reach, of all
// attempts, those too that are folded, by address.
func (t *Tracker) Listeners() []ListenerVerdict {
	sums := map[netip.AddrPort]*sum{}
	for address, l := range t.listeners {
		sums[address] = &sum{l.sum.tally.Clone(), slices.Clone(l.sum.evidence)}
	}
	for a := range t.Attempts() {
		sums[a.listener.seen.Address].add(a, judge.Best(&a.seen, a.queue()))
	}
	var all []judge.ListenerVerdict
	for address, l := range t.listeners {
		if s := sums[address]; s.tally.Attempts > 0 {
			all = append(all, judge.Listener(&l.seen, &s.tally, &l.queue, l.overflow()))
		}
	}
	all = judge.Reflections(all)
	slices.SortFunc(all, func(a, b judge.ListenerVerdict) int { return a.Address.Compare(b.Address) })
	verdicts := make([]ListenerVerdict, len(all))
	for i := range all {
		v := ListenerVerdict{ListenerVerdict: all[i]}
		if v.Servers > 0 {
			v.Text = story.Reflection(&all[i])
		} else {
			v.Text, v.Evidence = story.Listener(&t.listeners[v.Address].seen, &all[i]), sums[v.Address].evidence
		}
		verdicts[i] = v
	}
	return verdicts
}

// overflow is the queue when only an overflow explained what was seen; without a client if it
// never did.
func (l *listener) overflow() *judge.Queue {
	if l.queue.Only != "" {
		return &l.queue
	}
	return &l.shown
}
