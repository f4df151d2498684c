package lab

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
)

// Facts are the facts that a script may ask for: those that experiments find out.
func Facts() []script.Fact {
	var facts []script.Fact
	for _, name := range scenarios.Facts() {
		facts = append(facts, script.Fact{Name: name, Zero: false, Meaning: script.Title(scenarios.Text(name))})
		for _, r := range readings[name] {
			facts = append(facts, script.Fact{Name: r.name, Zero: r.zero, Meaning: r.title})
		}
	}
	slices.SortFunc(facts, func(a, b script.Fact) int { return strings.Compare(a.Name, b.Name) })
	return facts
}

// ProbeAll finds out every fact. What cannot be found out here is unknown, and says
// why. The error is ctx's, or why there were no experiments if nothing else could be
// found out either: *sandbox.Forbidden where namespaces are not allowed.
func ProbeAll(ctx context.Context) (answer.Kernel, error) { return probeAll(ctx, false) }

func probeAll(ctx context.Context, ofMachine bool) (answer.Kernel, error) {
	outside := make(chan []answer.Fact)
	go func() { outside <- slices.Concat(counterFacts(), reasonFacts(), attachFacts(), outsideFacts()) }()
	inside := probeInside(ctx, ofMachine)
	k := answer.Kernel{Schema: answer.KernelSchema, Kernel: Release(), Version: version(), Settings: hostSettings(), Missing: inside.missing}
	k.Facts = slices.Concat(inside.experiments(), inside.defaults(), <-outside, inside.unprivileged())
	known := func(f answer.Fact) bool { return f.Value != nil }
	if err := ctx.Err(); err != nil || slices.ContainsFunc(k.Facts, known) {
		return k, err
	}
	return k, inside.err
}

// neededFacts are the facts that a script speaks of.
func neededFacts(s *script.Script) []string {
	var needed []string
	for _, f := range Facts() {
		if strings.Contains(string(s.Text), f.Name) {
			needed = append(needed, f.Name)
		}
	}
	return needed
}

// knownFacts probes the facts that scripts speak of and that are true or false,
// once for all of them. What cannot be found out is left to each script's own run,
// which says why.
func knownFacts(ctx context.Context, scripts []*script.Script, ofMachine bool) map[string]bool {
	var needed []string
	for _, s := range scripts {
		needed = append(needed, neededFacts(s)...)
	}
	slices.Sort(needed)
	known := map[string]bool{}
	for name, value := range probeFacts(ctx, slices.Compact(needed), ofMachine) {
		if is, ok := value.(bool); ok {
			known[name] = is
		}
	}
	return known
}

// lacking says why a script that requires facts cannot be run here; empty if it can.
func lacking(required []string, facts map[string]any, missing []answer.Missing) string {
	for _, name := range required {
		value, known := facts[name]
		switch {
		case !known:
			why := "the lab did not tell"
			if i := slices.IndexFunc(missing, func(m answer.Missing) bool { return m.What == name }); i >= 0 {
				why = missing[i].Why
			}
			return fmt.Sprintf("it requires %s, which is unknown: %s", name, why)
		case value != true:
			_, ifFalse := meanings(probe(name))
			return fmt.Sprintf("it requires %s, which is false here. %s", name, ifFalse)
		}
	}
	return ""
}

// either is the meaning of a fact that is true or false.
func either(value any, ifTrue, ifFalse string) string {
	if value == false {
		return ifFalse
	}
	return ifTrue
}
