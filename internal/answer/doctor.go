package answer

import (
	"slices"
	"time"

	"listenq/internal/diagnose"
	"listenq/internal/queue"
)

// Diagnosis is the answer of `doctor`.
type Diagnosis struct {
	Schema     string       `json:"schema"`
	Time       time.Time    `json:"time"`              // when it was looked at last
	Kernel     string       `json:"kernel,omitempty"`  // its release, as in uname -r
	Window     Milliseconds `json:"window_ms"`         // from the first look to the last
	Samples    int          `json:"samples"`           // how often it was looked
	Listeners  int          `json:"listeners"`         // how many were looked at
	Namespaces int          `json:"namespaces"`        // how many were looked at
	Findings   []Finding    `json:"findings"`          // the worst first
	Missing    []Missing    `json:"missing,omitempty"` // what could not be looked at

	Filter   string `json:"-"` // as it was written
	Recorded bool   `json:"-"` // of a machine that may be another one
	Seen     Seen   `json:"-"`
}

// Seen is of how many listeners that were looked at what is known.
type Seen struct{ Limits, Drops, Requests, Owners int }

// Finding is one thing that is wrong.
type Finding struct {
	Code      string            `json:"code"`               // such as LQ001: listenq explain CODE
	Severity  diagnose.Severity `json:"severity"`           // critical, warning or notice
	Listener  *Listener         `json:"listener,omitempty"` // absent: it is about a network namespace
	Netns     queue.NetnsID     `json:"netns,omitempty"`
	NetnsName string            `json:"-"`
	Title     string            `json:"title"`    // in one sentence
	Evidence  []string          `json:"evidence"` // what was seen
	Effect    string            `json:"effect"`   // what clients feel
	Fix       []string          `json:"fix"`      // the least risky first
	Check     []string          `json:"check"`    // commands that show the same
}

// NewDiagnosis is what is wrong with the listeners that a filter matches, and with their
// network namespaces.
func NewDiagnosis(v *queue.View, findings []diagnose.Finding, f queue.Filter) Diagnosis {
	last, trends := v.Sample, v.Listeners
	d := Diagnosis{
		Schema: DiagnosisSchema, Time: last.Time, Kernel: last.Kernel, Window: MS(v.Window), Samples: v.Samples,
		Namespaces: len(last.Namespaces), Findings: []Finding{}, Filter: f.String(),
	}
	spaces := map[queue.NetnsID]bool{}
	for i := range trends {
		if f.Match(&trends[i]) {
			d.Listeners++
			d.Seen.add(&trends[i])
			spaces[trends[i].Listener.Netns] = true
		}
	}
	d.Missing = NewMissing(last.Missing, d.Seen.Owners == d.Listeners)
	names := map[queue.NetnsID]*queue.Namespace{}
	for i := range last.Namespaces {
		names[last.Namespaces[i].ID] = &last.Namespaces[i]
	}
	for _, found := range findings {
		if l := found.Listener; l != nil && f.Match(l) || l == nil && (f.Empty() || spaces[found.Netns]) {
			d.Findings = append(d.Findings, NewFinding(names[found.Netns], &found))
		}
	}
	return d
}

func (n *Seen) add(t *queue.Trend) {
	add := func(counter *int, known bool) {
		if known {
			*counter++
		}
	}
	add(&n.Limits, t.Listener.AcceptLimit != queue.NoLimit)
	add(&n.Drops, t.Dropped.Known)
	add(&n.Requests, t.Listener.SynLen.Known)
	add(&n.Owners, t.Listener.Processes != nil)
}

// Lacking reports whether something was not seen of each of that many.
func (n *Seen) Lacking(listeners int) bool {
	return min(n.Limits, n.Drops, n.Requests, n.Owners) < listeners
}

// NewFinding is a finding in a network namespace, which may be nil.
func NewFinding(in *queue.Namespace, f *diagnose.Finding) Finding {
	row := Finding{
		Code: f.Code, Severity: f.Severity, Netns: f.Netns, NetnsName: NetnsName(in, f.Netns),
		Title: f.Title, Evidence: slices.Clone(f.Evidence), Effect: f.Effect, Fix: slices.Clone(f.Fix), Check: slices.Clone(f.Check),
	}
	if f.Listener != nil {
		row.Listener = new(NewListener(f.Listener))
	}
	return row
}

// Bad reports whether somebody should do something.
func (d *Diagnosis) Bad() bool {
	return slices.ContainsFunc(d.Findings, func(f Finding) bool { return f.Severity != diagnose.Notice })
}
