package show

import (
	"fmt"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/diagnose"
	"listenq/internal/record"
	"listenq/internal/text"
)

func Diagnosis(s text.Screen, d answer.Diagnosis) {
	printMachine(s, d)
	for _, alike := range answer.FoldFindings(d.Findings) {
		s.Blank()
		printFinding(s, alike[0])
		if more := alike[1:]; len(more) > 0 {
			s.Wrap("  the same: ", others(more))
		}
	}
	s.Blank()
	s.Wrap("", outlook(d))
}

// printMachine says what was looked at, and what could not be.
func printMachine(s text.Screen, d answer.Diagnosis) {
	machine := "this machine"
	if d.Recorded {
		machine = "the recorded machine"
	}
	s.Line("%s", s.Style(text.Bold, machine))
	about := ""
	if d.Filter != "" {
		about = " that match " + d.Filter
		if d.Listeners == 1 {
			about = " that matches " + d.Filter
		}
	}
	s.Wrap("  ", fmt.Sprintf("Linux %s, %d samples within %s", d.Kernel, d.Samples, text.Span(d.Window.Duration())))
	s.Wrap("  ", fmt.Sprintf("%s%s, %s", Plural(d.Listeners, "listener"), about, Plural(d.Namespaces, "network namespace")))
	if d.Listeners > 0 {
		s.Wrap("  seen: ", strings.Join([]string{
			"lengths", share(&d, "limits", d.Seen.Limits), share(&d, "drops", d.Seen.Drops),
			share(&d, "requests", d.Seen.Requests), share(&d, "processes", d.Seen.Owners),
		}, ", "))
	}
	for _, m := range d.Missing {
		words := m.What + ": " + m.Why
		if m.Hint != "" {
			words += "; " + m.Hint
		}
		s.Wrap(s.Style(text.Yellow, "  not seen: "), words)
	}
}

// share says of how many of the listeners something is known.
func share(d *answer.Diagnosis, what string, n int) string {
	switch n {
	case d.Listeners:
		return what
	case 0:
		return "no " + what
	}
	return fmt.Sprintf("%s of %d of them", what, n)
}

func printFinding(s text.Screen, f answer.Finding) {
	s.Wrap("", s.Style(severityLook(f.Severity), f.Code+" "+string(f.Severity))+"  "+s.Style(text.Bold, subject(f)))
	s.Wrap("  ", f.Title)
	head := func(title string, n int) {
		if n > 0 {
			s.Line("  %s", s.Style(text.Faint, title))
		}
	}
	head("evidence", len(f.Evidence))
	for _, line := range f.Evidence {
		s.Wrap("    - ", line)
	}
	head("what clients feel", len(f.Effect))
	if f.Effect != "" {
		for part := range strings.SplitSeq(f.Effect, "; ") {
			s.Wrap("    - ", part)
		}
	}
	head("what to do", len(f.Fix))
	for i, line := range f.Fix {
		s.Wrap(fmt.Sprintf("    %d. ", i+1), line)
	}
	head("check by hand", len(f.Check))
	for _, line := range f.Check {
		s.Line("    $ %s", line) // whole, to be copied
	}
	s.Line("  more: listenq explain %s", f.Code)
}

// mostOthers is how many of the findings that are alike are named.
const mostOthers = 5

func others(all []answer.Finding) string {
	var names []string
	for _, f := range all[:min(len(all), mostOthers)] {
		if f.Listener != nil {
			names = append(names, f.Listener.Address)
		} else {
			names = append(names, "network namespace "+f.NetnsName)
		}
	}
	words := strings.Join(names, ", ")
	if more := len(all) - mostOthers; more > 0 {
		words += fmt.Sprintf(" and %d more", more)
	}
	return words + " (--json has each)"
}

// subject is what a finding is about.
func subject(f answer.Finding) string {
	if f.Listener == nil {
		return "network namespace " + f.NetnsName
	}
	if p := answer.ProcessCell(f.Listener); p != answer.UnknownCell && p != answer.NoneCell {
		return f.Listener.Address + " " + p
	}
	return f.Listener.Address
}

func severityLook(severity diagnose.Severity) text.Look {
	switch severity {
	case diagnose.Critical:
		return text.Red
	case diagnose.Warning:
		return text.Yellow
	}
	return ""
}

// outlook says what was found in all, and what the exit code says of it.
func outlook(d answer.Diagnosis) string {
	number := map[diagnose.Severity]int{}
	for _, f := range d.Findings {
		number[f.Severity]++
	}
	switch {
	case d.Bad():
		return fmt.Sprintf("%d critical, %s, %s. Exit code 1: something critical or a warning.",
			number[diagnose.Critical], Plural(number[diagnose.Warning], "warning"), Plural(number[diagnose.Notice], "notice"))
	case len(d.Findings) > 0:
		return fmt.Sprintf("%s, and nothing worse. Exit code 0.", Plural(len(d.Findings), "notice"))
	case d.Listeners == 0 && d.Filter != "":
		return fmt.Sprintf("No listener matches %s. Exit code 0.", d.Filter)
	case d.Listeners == 0:
		return "No TCP socket listens here. Exit code 0."
	case len(d.Missing) > 0 || d.Seen.Lacking(d.Listeners):
		return "Nothing wrong in what was seen. Exit code 0."
	}
	return "Nothing wrong. Exit code 0."
}

// Samples prints findings as doctor does, under the name of the host.
func Samples(s text.Screen, samples *record.Samples, d answer.Diagnosis) {
	host := "a host"
	if samples.Meta.Host != "" {
		host = samples.Meta.Host
	}
	s.Wrap("recorded on ", fmt.Sprintf("%s from %s", s.Style(text.Bold, host), samples.Meta.Started.UTC().Format("2006-01-02 15:04:05 MST")))
	Diagnosis(s, d)
}
