package main

import (
	"cmp"
	"slices"
	"time"

	"listenq/internal/answer"
	"listenq/internal/judge"
)

// span is a part of the time of an experiment.
type span struct{ from, to time.Duration }

// reaction is how long the last packet of a span may take to have its effect.
const reaction = 50 * time.Millisecond

// truths are what a connection had come to at the end of a span, as the lab knows it: before
// or after the effect of its last packet, or in the end. Where that is not how it ended, what
// struck it may have come later; and where it began before the span, earlier: then its cause
// is left open.
func (s span) truths(c *answer.RunConnection) []judge.Reading {
	last := judge.Reading{Outcome: c.Outcome, Cause: c.Cause, EndedBy: c.EndedBy}
	if len(c.History) > 0 && since(c.History[0]) < s.from {
		last.Cause, last.EndedBy = judge.UnknownCause, ""
	}
	all := []judge.Reading{last}
	if unfelt(c) {
		all = append(all, judge.Reading{Outcome: c.Outcome, Cause: judge.NoCause})
	}
	for i, change := range c.History {
		over := i+1 < len(c.History) && since(c.History[i+1]) < s.to
		if over || since(change) > s.to+reaction || change.Outcome == c.Outcome {
			continue
		}
		all = append(all, judge.Reading{Outcome: change.Outcome, Cause: judge.UnknownCause})
	}
	return all
}

// unfelt reports that what struck a connection held nobody up, as a final ACK whose data
// follows at once: then it is true of it as well that nothing struck it.
func unfelt(c *answer.RunConnection) bool {
	there := c.Outcome == judge.Accepted || c.Outcome == judge.Queued
	return there && !again(c) && (c.Delay == nil || *c.Delay < 20)
}

// again reports that something of a connection was sent more than once.
func again(c *answer.RunConnection) bool {
	return c.SynRetransmits+c.SynAckRetransmits+c.DataRetransmits > 0
}

func since(c answer.Change) time.Duration {
	return time.Duration(float64(c.T) * float64(time.Millisecond))
}

// known is what the lab knows of a listener.
type known struct {
	causes   map[judge.Cause]int
	felt     int  // connections that something struck so that they were held up
	syns     int  // connections whose SYN a full accept queue has struck
	acks     int  // whose final ACK, or data in its place, it has struck, so that packets show it
	late     int  // of both, those that had their connection later
	turns    int  // how often the queue went over from striking to taking
	wordless bool // the server sends nothing and closes nothing
}

// truths are what the lab knows of the listeners within a span, by address.
func (r *recording) truths(s span) map[string]*known {
	all := map[string]*known{}
	for i := range r.connections {
		c := &r.connections[i]
		if len(c.History) > 0 && (since(c.History[0]) < s.from || since(c.History[0]) > s.to) {
			continue
		}
		k := all[c.Server]
		if k == nil {
			k = &known{causes: map[judge.Cause]int{}, wordless: !r.speaks[c.Server]}
			all[c.Server] = k
		}
		k.add(c)
	}
	for server, k := range all {
		k.turns = r.turns(server)
	}
	return all
}

func (k *known) add(c *answer.RunConnection) {
	k.causes[c.Cause]++
	if c.Cause != judge.NoCause && !unfelt(c) {
		k.felt++
	}
	if c.Cause != judge.AcceptQueueFull {
		return
	}
	switch {
	case c.Struck == judge.StruckSYN:
		k.syns++
	case c.SynAckRetransmits+c.DataRetransmits > 0 || c.Outcome == judge.Reset:
		k.acks++
	}
	if c.Outcome == judge.Accepted || c.Outcome == judge.Queued {
		k.late++
	}
}

// turns is how often a listener took a connection after its full queue had struck one, as the
// lab saw both.
func (r *recording) turns(server string) (n int) {
	type event struct {
		at    time.Duration
		taken bool
	}
	var all []event
	for i := range r.connections {
		c := &r.connections[i]
		if c.Server != server || len(c.History) == 0 {
			continue
		}
		if c.Cause == judge.AcceptQueueFull {
			all = append(all, event{struckAt(c), false})
		}
		for _, change := range c.History {
			if change.Outcome == judge.Queued {
				all = append(all, event{since(change), true})
			}
		}
	}
	slices.SortFunc(all, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	striking := false
	for _, e := range all {
		if e.taken && striking {
			n++
		}
		striking = !e.taken
	}
	return n
}

// struckAt is when a full accept queue struck a connection first.
func struckAt(c *answer.RunConnection) time.Duration {
	for _, change := range c.History {
		switch change.Outcome {
		case judge.HalfOpen, judge.Phantom, judge.Reset:
			if c.Struck != judge.StruckSYN {
				return since(change)
			}
		}
	}
	return since(c.History[0])
}

// proves are the causes that a finding says there are; any one of them makes it true.
var proves = map[judge.Finding][]judge.Cause{
	judge.Overflow:    {judge.AcceptQueueFull},
	judge.SynOverflow: {judge.SynQueueFull, judge.SynQueueReserve},
	judge.Filtered:    {judge.HostDrop},
	judge.Lossy:       {judge.NetworkLoss},
	judge.Gone:        {judge.ListenerClosed},
	judge.Nothing:     {judge.NoListener},
}

// allows reports that a finding is so, by the causes of all connections. That nothing was
// dropped is said of what held a client up: a final ACK whose data follows at once is made
// good by it.
func (k *known) allows(f judge.Finding) bool {
	if f == judge.Fine {
		for _, c := range []judge.Cause{judge.AcceptQueueFull, judge.SynQueueFull, judge.SynQueueReserve, judge.HostDrop, judge.NetworkLoss} {
			if k.causes[c] > 0 && k.felt > 0 {
				return false
			}
		}
		return true
	}
	causes, judged := proves[f]
	if !judged {
		return true
	}
	for _, c := range causes {
		if k.causes[c] > 0 {
			return true
		}
	}
	return false
}

// episodes is how often the queue must have filled and drained for packets of one kind to
// show that it was one.
const episodes = 3

// hides is why packets alone cannot show that the queue of a listener was full; empty if
// they can. A queue that strikes one kind of packet, once, or has room again without a word
// of the server, does what a filter does that somebody has switched on and off.
func (k *known) hides() string {
	switch {
	case k.syns == 0 && k.acks == 0:
		return "the final ACKs of SYN cookies were struck, which leaves no trace"
	case k.late > 0 && k.wordless:
		return "the server accepts without a word: a filter that is switched off does the same"
	case k.syns > 0 && k.acks > 0:
		return ""
	case k.turns >= episodes:
		return ""
	case k.acks > 0:
		return "nothing but final ACKs was struck, in one episode: a filter does the same"
	case k.late == 0:
		return "nothing but SYNs was struck, and none was taken later: a limit on connections does the same"
	}
	return "nothing but SYNs was struck, in one episode: a limit on connections does the same"
}
