// Package diagnose says what is wrong with the listeners of a host: a View in,
// findings out. It is pure: no I/O and no clock. What was not looked at makes no
// finding; where only a part is known the evidence says which part is not.
//
//	for _, f := range diagnose.Diagnose(history.View(0)) {
//		fmt.Println(f.Code, f.Title, f.Evidence)
//	}
//
// A rule is a row of the table in rules.go and a text in rules/CODE.md, which
// Explain returns. Findings contain names that other processes chose; those are
// quoted where they hold anything but printable characters.
package diagnose

import (
	"cmp"
	"slices"

	"listenq/internal/queue"
)

// Severity says how much a finding matters.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical" // clients fail now, or the next ones will
	Warning  Severity = "warning"  // some fail or wait, or a setting makes that likely
	Notice   Severity = "notice"   // worth knowing; nobody fails by it alone
)

// Severities are all of them, worst first.
var Severities = []Severity{Critical, Warning, Notice}

// Finding is one thing that is wrong.
type Finding struct {
	Code     string // LQ001; its text is Explain(Code)
	Severity Severity
	Listener *queue.Trend  // nil: it is about a network namespace
	Netns    queue.NetnsID // the listener's, if it is about one
	Title    string        // one line; does not name the listener
	Evidence []string      // what was seen, with numbers
	Effect   string        // what clients feel: seconds and errno
	Fix      []string      // what to do, the least risky first
	Check    []string      // commands that show the same by hand
}

// Diagnose returns what is wrong, worst first. A healthy host has no findings.
func Diagnose(v *queue.View) []Finding {
	var all []Finding
	for _, p := range namespaces(v) {
		for _, r := range rules {
			all = append(all, r.findings(p)...)
		}
	}
	slices.SortStableFunc(all, compareFindings)
	return all
}

func compareFindings(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(slices.Index(Severities, a.Severity), slices.Index(Severities, b.Severity)),
		compareListeners(a.Listener, b.Listener),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Netns, b.Netns),
	)
}

// compareListeners puts findings about a listener before those about a namespace.
func compareListeners(a, b *queue.Trend) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return queue.Worse(a, b)
}
