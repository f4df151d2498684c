package show

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/text"
)

// Run prints one experiment as text: the verdict, the story of each
// connection, the queues and counters, the expectations, the recording.
func Run(s text.Screen, run answer.Run) {
	s.Wrap("", strings.TrimSuffix(s.Style(text.Bold, run.Scenario)+": "+run.Title, ": "))
	if run.Skipped != "" {
		s.Blank()
		s.Wrap(outcome(s, run)+"  ", "not run: "+run.Skipped)
		return
	}
	if run.Verdict != "" {
		s.Blank()
		s.Wrap("", run.Verdict)
	}
	for _, group := range answer.FoldConnections(run.Connections) {
		printConnection(s, group)
	}
	printFolded(s, run.Folded)
	for _, c := range run.Commands {
		printCommand(s, c)
	}
	printQueues(s, run.Listeners)
	printCounters(s, run.Counters)
	printFilters(s, run.Filters)
	printObservations(s, run.Observations)
	printExpectations(s, run.Expectations)
	for _, m := range run.Missing {
		s.Blank()
		s.Wrap("not seen: ", m.What+": "+m.Why)
	}
	s.Blank()
	if run.Kernel == "" { // it never began
		s.Line("%s", outcome(s, run))
	} else {
		s.Line("%s  in %s on Linux %s", outcome(s, run), answer.Seconds(run.Duration), run.Kernel)
	}
	if run.Error != "" {
		s.Wrap("error: ", run.Error)
	}
	if run.Hint != "" {
		s.Wrap("hint: ", run.Hint)
	}
	if run.Recording != "" {
		s.Line("recording: %s", run.Recording)
	}
}

// outcome is one word for the whole experiment.
func outcome(s text.Screen, run answer.Run) string {
	switch {
	case run.Skipped != "":
		return "skip"
	case run.Error != "":
		return s.Style(text.Red, "error")
	case !run.Pass:
		return s.Style(text.Red, "FAIL")
	}
	return s.Style(text.Green, "pass")
}

func printConnection(s text.Screen, group []answer.RunConnection) {
	c := group[0]
	s.Blank()
	s.Wrap(s.Style(text.Bold, fmt.Sprintf("%-8s", c.Name))+" ", c.Fate()+answer.Alike(group))
	for _, line := range c.Story {
		s.Wrap(fmt.Sprintf("%9s  ", answer.Clock(line.T)), line.Text)
	}
}

func printFolded(s text.Screen, folded []answer.Folded) {
	for _, f := range folded {
		var parts []string
		for _, o := range slices.Sorted(maps.Keys(f.Outcomes)) {
			parts = append(parts, fmt.Sprintf("%d %s", f.Outcomes[o], o))
		}
		s.Blank()
		s.Wrap("", fmt.Sprintf("%d more attempts, of clients that were never heard of again: %s", f.Attempts, strings.Join(parts, ", ")))
	}
}

func printCommand(s text.Screen, c answer.Command) {
	s.Blank()
	s.Line("%s: %s: exit %d after %s", c.Name, strings.Join(c.Argv, " "), c.Exit, answer.Seconds(c.Duration))
	for line := range strings.Lines(c.Output) {
		s.Line("  | %s", strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "        "))
	}
}

func printQueues(s text.Screen, listeners []answer.RunListener) {
	for _, l := range listeners {
		s.Blank()
		s.Line("%-22s %8s %8s %8s %8s", l.Name+" "+l.Address, "before", "after", "most", "limit")
		s.Line("%-22s %8d %8s %8d %8d", "accept queue", l.Before.AcceptLen, after(l, l.After.AcceptLen), l.AcceptMax, l.After.AcceptLimit)
		s.Line("%-22s %8s %8s %8s", "SYN queue", known(l.Before.SynLen), known(l.After.SynLen), known(l.SynMax))
		if l.Drops != nil {
			s.Line("%-22s %8s %8d", "drops (sk_drops)", "", *l.Drops)
		}
	}
}

func after(l answer.RunListener, n int) string {
	if !l.After.Open {
		return "closed"
	}
	return fmt.Sprint(n)
}

func known(n *int) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

// printCounters prints the counters that moved on the server's side.
func printCounters(s text.Screen, c answer.Counters) {
	if len(c.Server) == 0 {
		return
	}
	s.Blank()
	s.Line("%-30s %8s %8s %8s", "counters of the server", "before", "after", "delta")
	for _, name := range slices.Sorted(maps.Keys(c.Server)) {
		m := c.Server[name]
		s.Line("%-30s %8d %8d %+8d", name, m.Before, m.After, int64(m.After-m.Before))
	}
}

// printFilters prints how many segments each packet filter of the script took.
func printFilters(s text.Screen, all []answer.Filter) {
	if len(all) == 0 {
		return
	}
	s.Blank()
	s.Line("%8s  %s", "packets", "taken by filters")
	for _, f := range all {
		words := f.Text
		if f.Packets == nil {
			words += " (at a socket it has no counter)"
		}
		s.Wrap(fmt.Sprintf("%8s  ", known(f.Packets)), words)
	}
}

func printExpectations(s text.Screen, all []answer.Expectation) {
	if len(all) > 0 {
		s.Blank()
	}
	for _, e := range all {
		lead := fmt.Sprintf(" line %-3d ", e.Line)
		switch {
		case e.NotTaken != "" && e.FromSource:
			s.Wrap(s.Style(text.Faint, "  - ")+lead, e.Text+" (not on this kernel; from source)")
		case e.NotTaken != "":
			s.Wrap(s.Style(text.Faint, "  - ")+lead, e.Text+" (not on this kernel)")
		case e.Pass:
			s.Wrap(s.Style(text.Green, "pass")+lead, e.Text)
		default:
			s.Wrap(s.Style(text.Red, "FAIL")+lead, e.Text)
			s.Wrap("              ", "got: "+e.Got)
		}
	}
}

func Runs(s text.Screen, runs []answer.Run) {
	for i, run := range runs {
		if i > 0 {
			s.Blank()
		}
		Run(s, run)
	}
}

// Summary prints one row a run, and those that failed in full.
func Summary(s text.Screen, runs []answer.Run) {
	passed, skipped := 0, 0
	for _, run := range runs {
		switch {
		case run.Pass:
			passed++
		case run.Skipped != "":
			skipped++
		default:
			Run(s, run)
			s.Blank()
		}
	}
	for _, run := range runs {
		what := run.Verdict + run.Skipped
		if run.Error != "" {
			what = run.Error
		}
		s.Wrap(fmt.Sprintf("%s  %-28s %7s  ", outcome(s, run), run.Scenario, answer.Seconds(run.Duration)), what)
	}
	total := fmt.Sprintf("%d of %d pass", passed, len(runs))
	if skipped > 0 {
		total += fmt.Sprintf(", %d not run", skipped)
	}
	s.Blank()
	s.Line("%s", total)
	if i := slices.IndexFunc(runs, func(run answer.Run) bool { return run.Recording != "" }); i >= 0 {
		s.Line("recordings: in %s (--out FOLDER puts them elsewhere)", filepath.Dir(runs[i].Recording))
	}
}
