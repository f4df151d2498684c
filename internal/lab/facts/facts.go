package facts

import (
	"fmt"
	"slices"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
)

// All are the facts that a script may ask for: those that experiments find out.
func All() []script.Fact {
	var facts []script.Fact
	for _, name := range scenarios.Facts() {
		facts = append(facts, script.Fact{Name: name, Zero: false, Meaning: script.Title(scenarios.Text(name))})
		for _, r := range Readings[name] {
			facts = append(facts, script.Fact{Name: r.Name, Zero: r.zero, Meaning: r.Title})
		}
	}
	slices.SortFunc(facts, func(a, b script.Fact) int { return strings.Compare(a.Name, b.Name) })
	return facts
}

// Needed are the facts that a script speaks of.
func Needed(s *script.Script) []string {
	var needed []string
	for _, f := range All() {
		if strings.Contains(string(s.Text), f.Name) {
			needed = append(needed, f.Name)
		}
	}
	return needed
}

// Lacking says why a script that requires facts cannot be run here; empty if it can.
func Lacking(required []string, facts map[string]any, missing []answer.Missing) string {
	for _, name := range required {
		value, known := facts[name]
		switch {
		case !known:
			why := "the lab did not report it"
			if i := slices.IndexFunc(missing, func(m answer.Missing) bool { return m.What == name }); i >= 0 {
				why = missing[i].Why
			}
			return fmt.Sprintf("it requires %s, which is unknown: %s", name, why)
		case value != true:
			_, ifFalse := Meanings(Probe(name))
			return fmt.Sprintf("it requires %s, which is false here. %s", name, ifFalse)
		}
	}
	return ""
}

// Either is the meaning of a fact that is true or false.
func Either(value any, ifTrue, ifFalse string) string {
	if value == false {
		return ifFalse
	}
	return ifTrue
}

// Probe parses the script that probes a fact. Probes ask for no facts.
func Probe(fact string) *script.Script {
	s, err := script.Parse(fact+".lab", scenarios.Text(fact), nil)
	if err != nil {
		panic(fmt.Sprintf("built-in probe: %v", err)) // a test parses them all
	}
	s.Name = fact
	return s
}

// Meanings are what a probe's fact means if it is true, and if it is false: its
// title, and what its text says after "If false,".
func Meanings(s *script.Script) (ifTrue, ifFalse string) {
	_, rest, ok := strings.Cut(strings.Join(strings.Fields(s.Doc), " "), "If false, ")
	if !ok {
		return s.Title, "Not so: " + s.Title
	}
	rest, _, _ = strings.Cut(rest, ". ")
	return s.Title, strings.ToUpper(rest[:1]) + strings.TrimSuffix(rest[1:], ".") + "."
}

// HowProbed says how the facts of a probe are found out.
func HowProbed(s *script.Script) string {
	return "the experiment that listenq lab show " + s.Name + " prints; kernel source: " + s.Source
}

// Linear is the fact that its reading, the time of the third SYN, decides.
const Linear = "syn_retries_linear"
