package show

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/lab/script"
	"listenq/internal/text"
)

// Matrix prints scenario × kernel, and below it what differs and why.
func Matrix(s text.Screen, a *Kernels) {
	columns := []text.Column{{Title: "SCENARIO", Rank: len(a.Kernels) + 1, Cell: func(i int) string { return a.Scripts[i].Name }}}
	for k, name := range a.shortNames() {
		columns = append(columns, text.Column{Title: name, Rank: len(a.Kernels) - k, Cell: func(i int) string {
			return a.cell(i, k)
		}, Look: func(i int) text.Look { return outcomeLook(a.of(i)[k]) }})
	}
	s.Table(columns, len(a.Scripts))
	for i := range a.Scripts {
		a.printDifferences(s, i)
	}
	a.printTotals(s)
}

// shortNames are names that distinguish the kernels: 5.10 rather than 5.10.0-46-amd64 where that
// is enough.
func (a *Kernels) shortNames() []string {
	var names []string
	count := map[string]int{}
	for _, k := range a.Kernels {
		parts := strings.SplitN(k.Kernel, ".", 3)
		names = append(names, strings.Join(parts[:min(2, len(parts))], "."))
		count[names[len(names)-1]]++
	}
	for i, name := range names {
		if count[name] > 1 {
			names[i] = a.Kernels[i].Kernel
		}
	}
	return names
}

func (a *Kernels) cell(i, k int) string {
	word := outcomeWord(a.of(i)[k])
	if word == "pass" && len(fromSource(a.of(i))) > 0 {
		return "pass*"
	}
	return word
}

func outcomeWord(run answer.Run) string {
	switch {
	case run.Skipped != "":
		return "skip"
	case run.Error != "":
		return "error"
	case !run.Pass:
		return "FAIL"
	}
	return "pass"
}

// fromSource are the lines of the branches of a script that none of the kernels
// takes: what they say was read in the kernel's source.
func fromSource(runs []answer.Run) []int {
	taken := map[int]bool{}
	for _, run := range runs {
		for _, x := range run.Expectations {
			if x.FromSource {
				taken[x.Line] = taken[x.Line] || x.NotTaken == ""
			}
		}
	}
	maps.DeleteFunc(taken, func(_ int, taken bool) bool { return taken })
	return slices.Sorted(maps.Keys(taken))
}

func outcomeLook(run answer.Run) text.Look {
	switch {
	case run.Skipped != "":
		return text.Faint
	case run.Error != "" || !run.Pass:
		return text.Red
	}
	return text.Green
}

// printDifferences prints what kernels differ in, and the facts that decide, or why
// a script did not pass.
func (a *Kernels) printDifferences(s text.Screen, i int) {
	runs := a.of(i)
	ends := endings(a.Scripts[i], runs)
	if len(ends) == 1 && runs[0].Pass {
		return
	}
	names := a.shortNames()
	s.Blank()
	s.Line("%s", s.Style(text.Bold, a.Scripts[i].Name))
	for _, e := range ends {
		var on []string
		for _, k := range e.kernels {
			on = append(on, names[k])
		}
		for _, line := range e.lines {
			s.Wrap("  "+strings.Join(on, ", ")+": ", line)
		}
	}
	facts := decidedBy(runs, names)
	for _, why := range facts {
		s.Wrap("  because ", why)
	}
	if len(facts) == 0 && len(ends) > 1 {
		s.Wrap("  ", "no fact that it asks for explains it")
	}
}

// decidedBy names the facts in which the kernels of the runs differ.
func decidedBy(runs []answer.Run, names []string) []string {
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
				words := fmt.Sprint(value)
				values[words] = append(values[words], names[k])
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

// printTotals prints one line a kernel, the branches that none takes, and where the
// recordings are.
func (a *Kernels) printTotals(s text.Screen) {
	s.Blank()
	for k := range a.Kernels {
		count := map[string]int{}
		for i := range a.Scripts {
			count[outcomeWord(a.of(i)[k])]++
		}
		line := fmt.Sprintf("%d of %d pass on Linux %s", count["pass"], len(a.Scripts), a.Kernels[k].Kernel)
		if count["skip"] > 0 {
			line += fmt.Sprintf(", %d not run", count["skip"])
		}
		s.Wrap("", line)
	}
	var branches []string
	for i, sc := range a.Scripts {
		if lines := fromSource(a.of(i)); len(lines) > 0 {
			branches = append(branches, fmt.Sprintf("%s (line %s)", sc.Name, strings.ReplaceAll(strings.Trim(fmt.Sprint(lines), "[]"), " ", ", ")))
		}
	}
	if len(branches) > 0 {
		s.Wrap("* ", "from source: a branch that none of these kernels takes was read in the kernel's source, not run: "+strings.Join(branches, ", "))
	}
	if i := slices.IndexFunc(a.Runs, func(run answer.Run) bool { return run.Recording != "" }); i >= 0 {
		s.Line("recordings: in %s", filepath.Dir(filepath.Dir(a.Runs[i].Recording)))
	}
}

// Kernels is the answer of `lab run --kernel`.
type Kernels struct {
	answer.Experiments

	Scripts []*script.Script
}

// runs are those of one script, one for each kernel.
func (a *Kernels) of(i int) []answer.Run {
	var runs []answer.Run
	for k := range a.Kernels {
		runs = append(runs, a.Runs[k*len(a.Scripts)+i])
	}
	return runs
}
