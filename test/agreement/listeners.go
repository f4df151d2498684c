package main

import (
	"fmt"
	"io"

	"listenq/internal/handshake"
	"listenq/internal/judge"
)

// listeners counts what is said of the listeners of a recording in one view.
type listeners struct {
	statements   int
	contradicted int // certain or likely, and not so
	overflowed   int // whose queue did, as packets can show
	named        int // of them, those that are named so, likely or for certain
	hidden       int // whose queue did, as packets alone cannot show
	why          string
}

func (l *listeners) add(o listeners) {
	l.statements += o.statements
	l.contradicted += o.contradicted
	l.overflowed += o.overflowed
	l.named += o.named
	l.hidden += o.hidden
}

// judge compares what is said of each listener with what the lab knows.
func (r *recording) judge(v view, all []handshake.ListenerVerdict, detail io.Writer) listeners {
	var t listeners
	truths := r.truths(span{0, r.end})
	for _, l := range all {
		k := truths[l.Address.String()]
		if k == nil {
			continue
		}
		t.statements++
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
