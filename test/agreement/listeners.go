package main

import (
	"fmt"
	"io"

	"listenq/internal/handshake"
	"listenq/internal/judge"
)

// listeners counts what is said of the listeners of a recording in one view.
type listeners struct {
	told         int
	contradicted int // certain or likely, and not so
	overflowed   int // whose queue did, as packets can show
	named        int // of them, those that are named so, likely or for certain
	hidden       int // whose queue did, as packets alone cannot show
	why          string
}

func (l *listeners) add(o listeners) {
	l.told += o.told
	l.contradicted += o.contradicted
	l.overflowed += o.overflowed
	l.named += o.named
	l.hidden += o.hidden
}

// known is what the lab knows of a listener.
type known struct {
	causes   map[judge.Cause]int
	syns     int  // connections whose SYN a full accept queue has struck
	acks     int  // whose final ACK, or data in its place, it has struck, so that packets show it
	late     int  // of both, those that had their connection later
	wordless bool // the server sends nothing and closes nothing
}

// truths are what the lab knows, by address.
func (r *recording) truths() map[string]*known {
	all := map[string]*known{}
	for _, c := range r.connections {
		k := all[c.Server]
		if k == nil {
			k = &known{causes: map[judge.Cause]int{}, wordless: !r.speaks[c.Server]}
			all[c.Server] = k
		}
		k.causes[c.Cause]++
		if c.Cause != judge.AcceptQueueFull {
			continue
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
	return all
}

// judge compares what is said of each listener with what the lab knows.
func (r *recording) judge(v view, all []handshake.ListenerVerdict, detail io.Writer) listeners {
	var t listeners
	truths := r.truths()
	for _, l := range all {
		k := truths[l.Address.String()]
		if k == nil {
			continue
		}
		t.told++
		sure := l.Confidence != judge.Possible
		if sure && !k.allows(l.Finding) {
			t.contradicted++
			fmt.Fprintf(detail, "CONTRADICTED %s %s listener: is %v, told %s %s\n", r.scenario, v.name, k.causes, l.Finding, l.Confidence)
		}
		if k.causes[judge.AcceptQueueFull] == 0 {
			continue
		}
		if why := k.hides(); why != "" {
			t.hidden++
			t.why = why
			fmt.Fprintf(detail, "hidden       %s %s listener: %s %s, %+v\n", r.scenario, v.name, l.Finding, l.Confidence, l.Queue)
			continue
		}
		t.overflowed++
		if sure && l.Finding == judge.Overflow {
			t.named++
		} else {
			fmt.Fprintf(detail, "not named    %s %s listener: is %v, told %s %s, %+v\n", r.scenario, v.name, k.causes, l.Finding, l.Confidence, l.Queue)
		}
	}
	return t
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

// allows reports that a finding is so, by the causes of all connections.
func (k *known) allows(f judge.Finding) bool {
	if f == judge.Fine {
		for _, c := range []judge.Cause{judge.AcceptQueueFull, judge.SynQueueFull, judge.SynQueueReserve, judge.HostDrop, judge.NetworkLoss} {
			if k.causes[c] > 0 {
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

// hides is why packets alone cannot show that the queue of a listener was full; empty if
// they can. A queue that strikes one kind of packet, or has room again without a word of
// the server, does what a filter does that somebody has switched on and off.
func (k *known) hides() string {
	switch {
	case k.late > 0 && k.wordless:
		return "the server accepts without a word: a filter that is switched off does the same"
	case k.syns > 0 && k.acks > 0:
		return ""
	case k.acks > 0:
		return "nothing but final ACKs was struck: a filter does the same"
	case k.syns == 0:
		return "the final ACKs of SYN cookies were struck, which leaves no trace"
	case k.late == 0:
		return "nothing but SYNs was struck, and none was taken later: a limit on connections does the same"
	}
	return ""
}
