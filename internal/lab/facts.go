package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
	"listenq/internal/record"
)

// Fact is how this kernel behaves in one respect, as probed.
type Fact struct {
	Name           string `json:"name"`
	Value          any    `json:"value,omitempty"`
	Meaning        string `json:"meaning"`
	How            string `json:"how"`
	UnknownBecause string `json:"unknown_because,omitempty"`
}

// Kernel is the answer of `listenq kernel`.
type Kernel struct {
	Schema   string    `json:"schema"`
	Kernel   string    `json:"kernel"`
	Facts    []Fact    `json:"facts"`
	Settings []Setting `json:"settings"`
}

// Facts are the facts that a script may ask for.
func Facts() []script.Fact {
	var facts []script.Fact
	for _, name := range scenarios.Facts() {
		facts = append(facts, script.Fact{Name: name, Zero: false, Meaning: probe(name).Title})
	}
	return facts
}

// probe parses the script that probes a fact. Probes ask for no facts.
func probe(fact string) *script.Script {
	s, err := script.Parse(fact+".lab", scenarios.Text(fact), nil)
	if err != nil {
		panic(fmt.Sprintf("built-in probe: %v", err)) // a test parses them all
	}
	s.Name = fact
	return s
}

// ProbeAll probes every fact.
func ProbeAll(ctx context.Context) (Kernel, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return Kernel{}, fmt.Errorf("probe the kernel: %w", err)
	}
	defer null.Close()
	end, err := runInside(ctx, job{Name: "facts", Facts: scenarios.Facts(), Tick: DefaultTick, Started: time.Now()}, "", nil, null, null)
	if err != nil {
		return Kernel{}, err
	}
	k := Kernel{Schema: "listenq/kernel/v1", Kernel: end.Run.Kernel, Settings: hostSettings()}
	for _, name := range scenarios.Facts() {
		s := probe(name)
		f := Fact{Name: name, Meaning: s.Title, How: "by the experiment that listenq lab show " + name + " prints; kernel source: " + s.Source}
		if s.Doc != "" {
			f.Meaning += " " + strings.Join(strings.Fields(s.Doc), " ")
		}
		f.Value = end.Run.Facts[name]
		for _, m := range end.Run.Missing {
			if m.What == name {
				f.UnknownBecause = m.Why
			}
		}
		k.Facts = append(k.Facts, f)
	}
	return k, nil
}

// probes are facts that are being probed, each in namespaces of its own.
type probes struct {
	all     sync.WaitGroup
	mu      sync.Mutex
	facts   map[string]any
	missing []record.Missing
}

// startProbes begins to probe facts, while the experiment that asks for them is built.
func startProbes(ctx context.Context, box *sandbox.Inside, names []string) *probes {
	p := &probes{facts: map[string]any{}}
	for _, name := range names {
		p.all.Go(func() {
			value, err := probeFact(ctx, box, name)
			p.mu.Lock()
			defer p.mu.Unlock()
			if err != nil {
				p.missing = append(p.missing, record.Missing{What: name, Why: err.Error()})
				return
			}
			p.facts[name] = value
		})
	}
	return p
}

// wait returns the facts that could be probed, and why the others could not.
func (p *probes) wait() (map[string]any, []record.Missing) {
	p.all.Wait()
	return p.facts, p.missing
}

// probeFact runs the script that probes a fact: true if its expectations hold.
func probeFact(ctx context.Context, box *sandbox.Inside, name string) (bool, error) {
	nowhere := recordingTo{io.Discard, io.Discard, "", time.Now()}
	e, err := newExperiment(box, probe(name), nowhere, DefaultTick, func(Progress) {})
	if err != nil {
		return false, err
	}
	err = errors.Join(e.run(ctx), e.close())
	return passed(e.expectations), err
}

// neededFacts are the facts that a script speaks of.
func neededFacts(s *script.Script) []string {
	return slices.DeleteFunc(scenarios.Facts(), func(name string) bool { return !bytes.Contains(s.Text, []byte(name)) })
}
