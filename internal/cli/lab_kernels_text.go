package cli

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"listenq/internal/record"
)

// printMatrix prints scenario × kernel, and below it what differs and why.
func printMatrix(s screen, a *kernelsAnswer) {
	columns := []column[int]{{title: "SCENARIO", rank: len(a.Kernels) + 1, cell: func(i *int) string { return a.scripts[*i].Name }}}
	for k, name := range a.shortNames() {
		columns = append(columns, column[int]{title: name, rank: len(a.Kernels) - k, cell: func(i *int) string {
			return outcomeWord(a.of(*i)[k])
		}, look: func(i *int) string { return outcomeLook(a.of(*i)[k]) }})
	}
	rows := make([]int, len(a.scripts))
	for i := range rows {
		rows[i] = i
	}
	printTable(s, columns, rows)
	for i := range rows {
		a.printDifferences(s, i)
	}
	a.printTotals(s)
}

// shortNames tell the kernels apart: 5.10 rather than 5.10.0-46-amd64 where that
// is enough.
func (a *kernelsAnswer) shortNames() []string {
	var names []string
	count := map[string]int{}
	for _, k := range a.Kernels {
		parts := strings.SplitN(k.Kernel, ".", 3)
		names = append(names, clean(strings.Join(parts[:min(2, len(parts))], ".")))
		count[names[len(names)-1]]++
	}
	for i, name := range names {
		if count[name] > 1 {
			names[i] = clean(a.Kernels[i].Kernel)
		}
	}
	return names
}

func outcomeWord(run record.Run) string {
	switch {
	case run.Skipped != "":
		return "skip"
	case run.Error != "":
		return "error"
	case !run.Pass:
		return "FAIL"
	case slices.ContainsFunc(run.Expectations, func(x record.Expectation) bool { return x.NotTaken != "" && x.FromSource }):
		return "pass*"
	}
	return "pass"
}

func outcomeLook(run record.Run) string {
	switch {
	case run.Skipped != "":
		return faint
	case run.Error != "" || !run.Pass:
		return red
	}
	return green
}

// sameEnd are kernels on which a script came to the same end.
type sameEnd struct {
	kernels []int
	text    string
}

// printDifferences prints what came of a script where kernels differ in it, or
// where it did not pass, and the facts that decide.
func (a *kernelsAnswer) printDifferences(s screen, i int) {
	runs := a.of(i)
	groups := groupAlike(runs)
	if len(groups) == 1 && (runs[0].Pass || runs[0].Skipped != "" && len(a.scripts) > 1) {
		return
	}
	names := a.shortNames()
	fmt.Fprintf(s, "\n%s\n", s.style(bold, a.scripts[i].Name))
	for _, g := range groups {
		var on []string
		for _, k := range g.kernels {
			on = append(on, names[k])
		}
		s.wrap("  "+strings.Join(on, ", ")+": ", clean(g.text))
	}
	for _, why := range decidedBy(runs, names) {
		s.wrap("  because ", why)
	}
}

func groupAlike(runs []record.Run) []sameEnd {
	var groups []sameEnd
	for k, run := range runs {
		text := ending(run)
		at := slices.IndexFunc(groups, func(g sameEnd) bool { return g.text == text })
		if at < 0 {
			groups = append(groups, sameEnd{text: text})
			at = len(groups) - 1
		}
		groups[at].kernels = append(groups[at].kernels, k)
	}
	return groups
}

// ending is what came of a run, in words.
func ending(run record.Run) string {
	switch {
	case run.Skipped != "":
		return "not run: " + run.Skipped
	case run.Error != "":
		return "error: " + run.Error
	case run.Pass:
		return run.Verdict
	}
	text := run.Verdict
	for _, x := range run.Expectations {
		if !x.Pass && x.NotTaken == "" {
			text += fmt.Sprintf(" Line %d fails: %s (%s).", x.Line, x.Text, x.Got)
		}
	}
	return text
}

// decidedBy names the facts in which the kernels of the runs differ.
func decidedBy(runs []record.Run, names []string) []string {
	var all []string
	facts := map[string]bool{}
	for _, run := range runs {
		for name := range run.Facts {
			facts[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		values := map[string][]string{}
		for k, run := range runs {
			if value, ok := run.Facts[name]; ok {
				text := fmt.Sprint(value)
				values[text] = append(values[text], names[k])
			}
		}
		if len(values) < 2 {
			continue
		}
		var parts []string
		for _, value := range slices.Sorted(maps.Keys(values)) {
			parts = append(parts, value+" on "+strings.Join(values[value], ", "))
		}
		all = append(all, name+" is "+strings.Join(parts, " and "))
	}
	return all
}

// printTotals prints one line a kernel, and where the recordings are.
func (a *kernelsAnswer) printTotals(s screen) {
	fmt.Fprintln(s)
	notTaken := false
	for k := range a.Kernels {
		count := map[string]int{}
		for i := range a.scripts {
			count[strings.TrimSuffix(outcomeWord(a.of(i)[k]), "*")]++
			notTaken = notTaken || outcomeWord(a.of(i)[k]) == "pass*"
		}
		line := fmt.Sprintf("%d of %d pass on Linux %s", count["pass"], len(a.scripts), clean(a.Kernels[k].Kernel))
		if count["skip"] > 0 {
			line += fmt.Sprintf(", %d not run", count["skip"])
		}
		s.wrap("", line)
	}
	if notTaken {
		s.wrap("", "* a branch that no kernel here takes was read in the kernel's source, not run")
	}
	if len(a.Runs) > 0 && a.Runs[0].Recording != "" {
		fmt.Fprintf(s, "recordings: in %s\n", filepath.Dir(filepath.Dir(a.Runs[0].Recording)))
	}
}
