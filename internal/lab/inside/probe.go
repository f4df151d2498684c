package inside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/answer"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/filter"
	"listenq/internal/lab/job"
	"listenq/internal/lab/observe"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/settings"
)

// probes are facts that are being probed, each in namespaces of its own.
type probes struct {
	all     sync.WaitGroup
	mu      sync.Mutex
	facts   map[string]any
	missing []answer.Missing
}

// startProbes begins to probe facts, while the experiment that asks for them is
// built. One experiment may find out several.
func startProbes(ctx context.Context, box *sandbox.Inside, m *settings.Machine, names []string) *probes {
	p := &probes{facts: map[string]any{}}
	var alone sync.Mutex
	for _, name := range scenarios.Facts() {
		wanted := func(r facts.Reading) bool { return slices.Contains(names, r.Name) }
		if !slices.Contains(names, name) && !slices.ContainsFunc(facts.Readings[name], wanted) {
			continue
		}
		p.all.Go(func() {
			if m != nil { // its settings are those of one experiment
				alone.Lock()
				defer alone.Unlock()
			}
			found := runProbe(ctx, box, m, name)
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, f := range found {
				p.take(f, names)
			}
		})
	}
	return p
}

// take keeps what was found out if it was asked for. The caller holds mu.
func (p *probes) take(f found, names []string) {
	switch {
	case !slices.Contains(names, f.name):
	case f.err != nil:
		p.missing = append(p.missing, answer.Missing{What: f.name, Why: f.err.Error()})
	default:
		p.facts[f.name] = f.value
	}
}

// wait returns the facts that could be probed, and why the others could not.
func (p *probes) wait() (map[string]any, []answer.Missing) {
	p.all.Wait()
	return p.facts, p.missing
}

// found is a fact that was probed.
type found struct {
	name  string
	value any
	err   error // why it is unknown
}

// runProbe runs the script that probes a fact, and reads what else it shows.
func runProbe(ctx context.Context, box *sandbox.Inside, m *settings.Machine, name string) []found {
	nowhere := recordingTo{packets: io.Discard, events: io.Discard, room: observe.NewRoom(job.DefaultLimit, func() {}), started: time.Now()}
	e, err := newExperiment(box, m, facts.Probe(name), nowhere, job.DefaultTick, func(job.Progress) {})
	if err != nil {
		return append(failedReadings(name, err), found{name: name, err: err})
	}
	err = e.run(ctx)
	all := []found{e.claim(err)}
	for _, r := range facts.Readings[name] {
		f := found{name: r.Name, err: err}
		if err == nil {
			f.value, f.err = readers[r.Name](e)
		}
		all = append(all, f)
	}
	if name == facts.Linear && err == nil {
		all[0] = found{facts.Linear, all[1].value == 2, all[1].err} // what was read decides
	}
	if err := e.close(); err != nil {
		for i := range all {
			all[i].err = errors.Join(all[i].err, err)
		}
	}
	return all
}

func failedReadings(name string, err error) (all []found) {
	for _, r := range facts.Readings[name] {
		all = append(all, found{name: r.Name, err: err})
	}
	return all
}

// claim is the fact of a probe that ran: its last expectation. Those before it say
// what has to hold for the last one to mean anything.
func (e *experiment) claim(err error) found {
	f := found{name: e.script.Name, err: err}
	switch {
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, filter.ErrUnsupported): // no such socket or filter, nothing that it could do
		return found{name: f.name, value: false}
	case err != nil:
		return f
	}
	last := len(e.expectations) - 1
	for _, x := range e.expectations[:last] {
		if !x.Pass {
			f.err = fmt.Errorf("the experiment did not come to what it is about: %s, but %s", strings.TrimPrefix(x.Text, "expect "), x.Got)
			return f
		}
	}
	if x := e.expectations[last]; x.Unknown {
		f.err = errors.New(x.Got)
		return f
	}
	f.value = e.expectations[last].Pass
	return f
}
