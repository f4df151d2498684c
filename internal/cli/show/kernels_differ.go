package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/lab/script"
)

// sameEnd are kernels on which a script came to the same end.
type sameEnd struct {
	kernels []int
	lines   []string // in which it differs from the others
}

// trait is one thing in which runs of a script can differ in kind: not in times, in
// counts, or in which of a crowd it was.
type trait struct {
	of   string // a connection, a group, or a line; what is the same in all runs is left out
	text string
}

// endings groups the runs of a script by what they have in common: whether it
// passed, and if it did its traits.
func endings(s *script.Script, runs []answer.Run) []sameEnd {
	var ends []sameEnd
	var kinds []string
	all := make([][]trait, len(runs))
	seen := map[trait]int{} // in how many of the runs that passed
	passed := 0
	for k, run := range runs {
		if !run.Pass {
			continue
		}
		passed++
		all[k] = traits(s, run)
		for _, t := range all[k] {
			seen[t]++
		}
	}
	for k, run := range runs {
		lines := trouble(run)
		if run.Pass {
			for _, t := range all[k] {
				if seen[t] < passed {
					lines = append(lines, t.of+" "+t.text)
				}
			}
			if len(lines) == 0 {
				lines = []string{"pass"}
			}
		}
		kind := strings.Join(lines, "\n")
		at := slices.Index(kinds, kind)
		if at < 0 {
			at = len(ends)
			kinds, ends = append(kinds, kind), append(ends, sameEnd{lines: lines})
		}
		ends[at].kernels = append(ends[at].kernels, k)
	}
	return ends
}

// trouble says why a run did not pass; nothing if it did.
func trouble(run answer.Run) []string {
	switch {
	case run.Skipped != "":
		return []string{"not run: " + run.Skipped}
	case run.Error != "":
		return []string{"error: " + run.Error}
	}
	var lines []string
	for _, x := range run.Expectations {
		if !x.Pass && x.NotTaken == "" {
			lines = append(lines, fmt.Sprintf("line %d fails: %s (%s)", x.Line, x.Text, x.Got))
		}
	}
	return lines
}

// traits are what a run shows in kind: of each connection that has a name of its own
// what became of it and why; of a group, whose members share what comes by
// chance, the causes; and the branches that were taken. Connections of commands have no names.
func traits(s *script.Script, run answer.Run) []trait {
	var all []trait
	groups := groupsOf(s)
	causes := map[string]map[string]bool{} // of each group
	for _, c := range run.Connections {
		group, member := groups[c.Name]
		switch {
		case strings.HasPrefix(c.Name, "#"):
		case member:
			if causes[group] == nil {
				causes[group] = map[string]bool{}
			}
			causes[group][strings.TrimSuffix(string(c.Cause)+", ended by: "+string(c.EndedBy), ", ended by: ")] = true
		default:
			all = append(all, trait{c.Name, kindOf(c)})
		}
	}
	for _, group := range slices.Sorted(maps.Keys(causes)) {
		all = append(all, trait{"the group " + group, "has causes: " + strings.Join(slices.Sorted(maps.Keys(causes[group])), "; ")})
	}
	for _, x := range run.Expectations {
		if x.NotTaken == "" {
			all = append(all, trait{fmt.Sprintf("line %d", x.Line), "holds: " + strings.TrimSuffix(x.Text, " from source")})
		}
	}
	return all
}

// kindOf is a connection's fate without its times.
func kindOf(c answer.RunConnection) string {
	c.Delay = nil
	text := "is " + c.Fate()
	if c.Struck != "" {
		text += ", struck: " + string(c.Struck)
	}
	return text
}

// groupsOf are the members of a script's groups, each with its group.
func groupsOf(s *script.Script) map[string]string {
	groups := map[string]string{}
	for _, step := range s.Steps {
		if do, ok := step.Do.(script.Connect); ok && do.Group != "" {
			for _, name := range do.Names {
				groups[name] = do.Group
			}
		}
	}
	return groups
}
