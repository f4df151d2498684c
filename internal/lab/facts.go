package lab

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
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
	Schema string `json:"schema"`
	Kernel string `json:"kernel"`
	Facts  []Fact `json:"facts"`
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
	k := Kernel{Schema: "listenq/kernel/v1", Kernel: end.Run.Kernel}
	for _, name := range scenarios.Facts() {
		s := probe(name)
		f := Fact{Name: name, Meaning: s.Title, How: "ran listenq lab show " + name + "; kernel source: " + s.Source}
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
