package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"listenq/internal/answer"
	"listenq/internal/judge"
)

// printRun prints one experiment as text: the verdict, the story of each
// connection, the queues and counters, the expectations, the recording.
func printRun(s screen, run answer.Run) {
	s.wrap("", strings.TrimSuffix(s.style(bold, run.Scenario)+": "+run.Title, ": "))
	if run.Skipped != "" {
		s.blank()
		s.wrap(outcome(s, run)+"  ", "not run: "+run.Skipped)
		return
	}
	if run.Verdict != "" {
		s.blank()
		s.wrap("", run.Verdict)
	}
	for _, group := range foldAlike(run.Connections) {
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
		s.blank()
		s.wrap("not seen: ", m.What+": "+m.Why)
	}
	s.blank()
	if run.Kernel == "" { // it never began
		s.line("%s", outcome(s, run))
	} else {
		s.line("%s  in %s on Linux %s", outcome(s, run), seconds(run.Duration), run.Kernel)
	}
	if run.Error != "" {
		s.wrap("error: ", run.Error)
	}
	if run.Hint != "" {
		s.wrap("hint: ", run.Hint)
	}
	if run.Recording != "" {
		s.line("recording: %s", run.Recording)
	}
}

// outcome is one word for the whole experiment.
func outcome(s screen, run answer.Run) string {
	switch {
	case run.Skipped != "":
		return "skip"
	case run.Error != "":
		return s.style(red, "error")
	case !run.Pass:
		return s.style(red, "FAIL")
	}
	return s.style(green, "pass")
}

// foldAlike groups connections that have the same story but for its times, in
// the order of the first of each.
func foldAlike(all []answer.RunConnection) [][]answer.RunConnection {
	var groups [][]answer.RunConnection
	place := map[string]int{}
	for _, c := range all {
		key := fmt.Sprint(c.Outcome, c.Cause, c.EndedBy, c.Struck, c.Handshake)
		for _, line := range c.Story {
			key += "\n" + line.Text
		}
		i, ok := place[key]
		if !ok {
			i = len(groups)
			place[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], c)
	}
	return groups
}

func printConnection(s screen, group []answer.RunConnection) {
	c := group[0]
	s.blank()
	s.wrap(s.style(bold, fmt.Sprintf("%-8s", c.Name))+" ", fate(c)+alike(group))
	for _, line := range c.Story {
		s.wrap(fmt.Sprintf("%9s  ", clock(line.T)), line.Text)
	}
}

// fate is a connection's outcome with its cause and end, where they say more.
func fate(c answer.RunConnection) string {
	text := string(c.Outcome)
	waits := c.Outcome == judge.Queued && c.Cause == judge.ByServer
	if c.Cause != judge.NoCause && !waits {
		text += ", cause: " + string(c.Cause)
	}
	if c.EndedBy != "" {
		text += ", ended by: " + string(c.EndedBy)
	}
	if c.Delay != nil && c.Cause != judge.DeferAccept { // which is no accident
		text += ", " + seconds(*c.Delay) + " late"
	}
	if c.Confidence != judge.Certain {
		text += " (" + string(c.Confidence) + ")"
	}
	return text
}

// alike names who shares the story: "; 4 more like it: c2 … c5".
func alike(group []answer.RunConnection) string {
	more := group[1:]
	if len(more) == 0 {
		return ""
	}
	names := more[0].Name
	switch {
	case len(more) == 2:
		names += " " + more[1].Name
	case len(more) > 2:
		names += " … " + more[len(more)-1].Name
	}
	return fmt.Sprintf("; %d more like it: %s", len(more), names)
}

func printFolded(s screen, folded []answer.Folded) {
	for _, f := range folded {
		var parts []string
		for _, o := range slices.Sorted(maps.Keys(f.Outcomes)) {
			parts = append(parts, fmt.Sprintf("%d %s", f.Outcomes[o], o))
		}
		s.blank()
		s.wrap("", fmt.Sprintf("%d more attempts, of clients that were never heard of again: %s", f.Attempts, strings.Join(parts, ", ")))
	}
}

func printCommand(s screen, c answer.Command) {
	s.blank()
	s.line("%s: %s: exit %d after %s", c.Name, strings.Join(c.Argv, " "), c.Exit, seconds(c.Duration))
	for line := range strings.Lines(c.Output) {
		s.line("  | %s", strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "        "))
	}
}

func printQueues(s screen, listeners []answer.RunListener) {
	for _, l := range listeners {
		s.blank()
		s.line("%-22s %8s %8s %8s %8s", l.Name+" "+l.Address, "before", "after", "most", "limit")
		s.line("%-22s %8d %8s %8d %8d", "accept queue", l.Before.AcceptLen, after(l, l.After.AcceptLen), l.AcceptMax, l.After.AcceptLimit)
		s.line("%-22s %8s %8s %8s", "SYN queue", known(l.Before.SynLen), known(l.After.SynLen), known(l.SynMax))
		if l.Drops != nil {
			s.line("%-22s %8s %8d", "drops (sk_drops)", "", *l.Drops)
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
func printCounters(s screen, c answer.Counters) {
	if len(c.Server) == 0 {
		return
	}
	s.blank()
	s.line("%-30s %8s %8s %8s", "counters of the server", "before", "after", "delta")
	for _, name := range slices.Sorted(maps.Keys(c.Server)) {
		m := c.Server[name]
		s.line("%-30s %8d %8d %+8d", name, m.Before, m.After, int64(m.After-m.Before))
	}
}

// printFilters prints how many segments each packet filter of the script took.
func printFilters(s screen, all []answer.Filter) {
	if len(all) == 0 {
		return
	}
	s.blank()
	s.line("%8s  %s", "packets", "taken by filters")
	for _, f := range all {
		text := f.Text
		if f.Packets == nil {
			text += " (at a socket it has no counter)"
		}
		s.wrap(fmt.Sprintf("%8s  ", known(f.Packets)), text)
	}
}

func printExpectations(s screen, all []answer.Expectation) {
	if len(all) > 0 {
		s.blank()
	}
	for _, e := range all {
		lead := fmt.Sprintf(" line %-3d ", e.Line)
		switch {
		case e.NotTaken != "" && e.FromSource:
			s.wrap(s.style(faint, "  - ")+lead, e.Text+" (not on this kernel; from source)")
		case e.NotTaken != "":
			s.wrap(s.style(faint, "  - ")+lead, e.Text+" (not on this kernel)")
		case e.Pass:
			s.wrap(s.style(green, "pass")+lead, e.Text)
		default:
			s.wrap(s.style(red, "FAIL")+lead, e.Text)
			s.wrap("              ", "got: "+e.Got)
		}
	}
}

// clock prints a moment: seconds since the start.
func clock(t answer.Milliseconds) string { return fmt.Sprintf("%.3f s", t.Duration().Seconds()) }

// seconds prints a duration to two digits.
func seconds(t answer.Milliseconds) string {
	return fmt.Sprintf("%.2f s", t.Duration().Round(10*time.Millisecond).Seconds())
}
