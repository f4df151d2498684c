package cli

import (
	"fmt"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/diagnose"
	"listenq/internal/text"
)

func printDiagnosis(s screen, d answer.Diagnosis) {
	printMachine(s, d)
	for _, alike := range fold(d.Findings) {
		s.blank()
		printFinding(s, alike[0])
		if more := alike[1:]; len(more) > 0 {
			s.wrap("  the same: ", others(more))
		}
	}
	s.blank()
	s.wrap("", outlook(d))
}

// printMachine says what was looked at, and what could not be.
func printMachine(s screen, d answer.Diagnosis) {
	machine := "this machine"
	if d.Recorded {
		machine = "the recorded machine"
	}
	s.line("%s", s.style(bold, machine))
	about := ""
	if d.Filter != "" {
		about = " that match " + d.Filter
		if d.Listeners == 1 {
			about = " that matches " + d.Filter
		}
	}
	s.wrap("  ", fmt.Sprintf("Linux %s, %d samples within %s", d.Kernel, d.Samples, text.Span(d.Window.Duration())))
	s.wrap("  ", fmt.Sprintf("%s%s, %s", plural(d.Listeners, "listener"), about, plural(d.Namespaces, "network namespace")))
	if d.Listeners > 0 {
		s.wrap("  seen: ", strings.Join([]string{
			"lengths", share(&d, "limits", d.Seen.Limits), share(&d, "drops", d.Seen.Drops),
			share(&d, "requests", d.Seen.Requests), share(&d, "processes", d.Seen.Owners),
		}, ", "))
	}
	for _, m := range d.Missing {
		text := m.What + ": " + m.Why
		if m.Hint != "" {
			text += "; " + m.Hint
		}
		s.wrap(s.style(yellow, "  not seen: "), text)
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

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func printFinding(s screen, f answer.Finding) {
	s.wrap("", s.style(severityLook(f.Severity), f.Code+" "+string(f.Severity))+"  "+s.style(bold, subject(f)))
	s.wrap("  ", f.Title)
	head := func(title string, n int) {
		if n > 0 {
			s.line("  %s", s.style(faint, title))
		}
	}
	head("evidence", len(f.Evidence))
	for _, line := range f.Evidence {
		s.wrap("    - ", line)
	}
	head("what clients feel", len(f.Effect))
	if f.Effect != "" {
		for part := range strings.SplitSeq(f.Effect, "; ") {
			s.wrap("    - ", part)
		}
	}
	head("what to do", len(f.Fix))
	for i, line := range f.Fix {
		s.wrap(fmt.Sprintf("    %d. ", i+1), line)
	}
	head("check by hand", len(f.Check))
	for _, line := range f.Check {
		s.line("    $ %s", line) // whole, to be copied
	}
	s.line("  more: listenq explain %s", f.Code)
}

// fold puts findings together that say the same of one program, each where the
// first of them is.
func fold(all []answer.Finding) [][]answer.Finding {
	var folded [][]answer.Finding
	places := map[kindOfFinding]int{}
	for _, f := range all {
		kind := findingKind(&f)
		i, known := places[kind]
		if !known {
			i = len(folded)
			places[kind] = i
			folded = append(folded, nil)
		}
		folded[i] = append(folded[i], f)
	}
	return folded
}

// kindOfFinding is what findings have in common that are told together.
type kindOfFinding struct {
	code     string
	severity diagnose.Severity
	title    string
	listener bool
	program  string
}

func findingKind(f *answer.Finding) kindOfFinding {
	kind := kindOfFinding{f.Code, f.Severity, f.Title, f.Listener != nil, ""}
	if f.Listener != nil {
		kind.program = processCell(f.Listener)
	}
	return kind
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
	text := strings.Join(names, ", ")
	if more := len(all) - mostOthers; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + " (--json has each)"
}

// subject is what a finding is about.
func subject(f answer.Finding) string {
	if f.Listener == nil {
		return "network namespace " + f.NetnsName
	}
	if p := processCell(f.Listener); p != unknown && p != none {
		return f.Listener.Address + " " + p
	}
	return f.Listener.Address
}

func severityLook(severity diagnose.Severity) text.Look {
	switch severity {
	case diagnose.Critical:
		return red
	case diagnose.Warning:
		return yellow
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
			number[diagnose.Critical], plural(number[diagnose.Warning], "warning"), plural(number[diagnose.Notice], "notice"))
	case len(d.Findings) > 0:
		return fmt.Sprintf("%s, and nothing worse. Exit code 0.", plural(len(d.Findings), "notice"))
	case d.Listeners == 0 && d.Filter != "":
		return fmt.Sprintf("No listener matches %s. Exit code 0.", d.Filter)
	case d.Listeners == 0:
		return "No TCP socket listens here. Exit code 0."
	case len(d.Missing) > 0 || d.Seen.Lacking(d.Listeners):
		return "Nothing wrong in what was seen. Exit code 0."
	}
	return "Nothing wrong. Exit code 0."
}
