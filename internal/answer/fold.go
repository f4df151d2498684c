package answer

import (
	"fmt"
	"slices"
	"strings"

	"listenq/internal/diagnose"
	"listenq/internal/judge"
)

// fold groups elements of the same key, in the order of the first of each group.
func fold[T any, K comparable](all []T, key func(*T) K) [][]T {
	var groups [][]T
	at := map[K]int{}
	for i := range all {
		k := key(&all[i])
		n, known := at[k]
		if !known {
			n = len(groups)
			at[k] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], all[i])
	}
	return groups
}

// FoldConnections groups connections that have the same story but for its times.
func FoldConnections(all []RunConnection) [][]RunConnection {
	return fold(all, func(c *RunConnection) string {
		lines := []string{fmt.Sprint(c.Outcome, c.Cause, c.EndedBy, c.Struck, c.Handshake)}
		for _, line := range c.Story {
			lines = append(lines, line.Text)
		}
		return strings.Join(lines, "\n")
	})
}

// findingKind is what findings have in common that a view shows as one.
type findingKind struct {
	code     string
	severity diagnose.Severity
	title    string
	listener bool
	program  string
}

// FoldFindings groups findings that say the same of one program.
func FoldFindings(all []Finding) [][]Finding {
	return fold(all, func(f *Finding) findingKind {
		kind := findingKind{f.Code, f.Severity, f.Title, f.Listener != nil, ""}
		if f.Listener != nil {
			kind.program = ProcessCell(f.Listener)
		}
		return kind
	})
}

// Calm reports that nothing speaks for a connection to have had any trouble.
func (c *Connection) Calm() bool {
	if c.Then != nil && c.Then.What != judge.Served && c.Then.What != judge.ShutFirst {
		return false
	}
	return c.Cause == judge.NoCause && (c.Outcome == judge.Accepted || c.Outcome == judge.EstablishedBoth)
}

// CalmGroup is the connections to one server that had no trouble and ended alike.
type CalmGroup struct {
	Server      string
	Outcome     judge.Outcome
	Count       int
	First, Last Milliseconds    // when they began
	Others      []judge.Outcome // that some of them may have had instead, which would look the same
}

// calmKind is what connections have in common that are counted together.
type calmKind struct {
	server  string
	seen    Place
	outcome judge.Outcome
}

// FoldCalm counts connections without trouble by server and outcome.
func FoldCalm(groups []*Group) []CalmGroup {
	folded := fold(groups, func(g **Group) calmKind {
		return calmKind{(*g).Example.Server, (*g).Example.CapturedAt, (*g).Example.Outcome}
	})
	all := make([]CalmGroup, 0, len(folded))
	for _, alike := range folded {
		example := &alike[0].Example
		sum := CalmGroup{Server: example.Server, Outcome: example.Outcome, First: alike[0].First}
		for _, g := range alike {
			sum.Count += g.Count
			sum.First, sum.Last = min(sum.First, g.First), max(sum.Last, g.Last)
			for _, r := range g.Example.Alternatives {
				if r.Outcome != sum.Outcome && !slices.Contains(sum.Others, r.Outcome) {
					sum.Others = append(sum.Others, r.Outcome)
				}
			}
		}
		all = append(all, sum)
	}
	return all
}
