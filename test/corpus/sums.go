package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// checkExit compares the exit code with the answer.
func checkExit(res *result, got *run) {
	want := 0
	for i := range res.doc.Listeners {
		l := &res.doc.Listeners[i]
		if (l.Finding == "accept-queue-overflow" || l.Finding == "syn-queue-overflow") && l.Confidence != "possible" {
			want = 1
		}
	}
	if len(res.doc.Damage) > 0 {
		want = 2
	}
	if got.code != want {
		res.fail("exit code %d, and the answer's is %d", got.code, want)
	}
}

// place is an address, seen at one place of capture.
type place struct{ address, at string }

// sum is what connections of one place come to.
type sum struct {
	attempts         int
	outcomes, causes map[string]int
}

func (s *sum) add(c *connection, n int) {
	if s.outcomes == nil {
		s.outcomes, s.causes = map[string]int{}, map[string]int{}
	}
	s.attempts += n
	s.outcomes[c.Outcome] += n
	s.causes[c.Cause] += n
}

func total(all map[string]int) (n int) {
	for _, x := range all {
		n += x
	}
	return n
}

// checkSums adds up what is counted in more than one way.
func checkSums(res *result, doc *document) {
	attempts, grouped := 0, 0
	for i := range doc.Listeners {
		l := &doc.Listeners[i]
		attempts += l.Attempts
		if total(l.Outcomes) != l.Attempts || total(l.Causes) != l.Attempts {
			res.fail("%s: %d attempts, %d outcomes, %d causes", l.Address, l.Attempts, total(l.Outcomes), total(l.Causes))
		}
	}
	for _, g := range doc.Groups {
		grouped += g.Count
	}
	if listed := len(doc.Connections) + doc.LeftOut; grouped+doc.OtherGroups != attempts || listed != attempts {
		res.fail("%d attempts of listeners, %d and %d of groups, %d connections", attempts, grouped, doc.OtherGroups, listed)
	}
	if n := total(doc.Skipped); n > doc.Packets {
		res.fail("%d packets of %d are skipped", n, doc.Packets)
	}
	bare := func(g group) bool { return g.Example.unasked() }
	if doc.OtherGroups == 0 && !slices.ContainsFunc(doc.Groups, bare) {
		checkPlaces(res, doc, func(sums map[place]*sum) {
			for i := range doc.Groups {
				g := &doc.Groups[i]
				at(sums, &g.Example).add(&g.Example, g.Count)
			}
		}, "groups")
	}
	if doc.LeftOut == 0 {
		checkPlaces(res, doc, func(sums map[place]*sum) {
			for i := range doc.Connections {
				at(sums, &doc.Connections[i]).add(&doc.Connections[i], 1)
			}
		}, "connections")
		checkGroups(res, doc)
	}
}

func at(sums map[place]*sum, c *connection) *sum {
	p := place{c.Server, c.Place}
	if sums[p] == nil {
		sums[p] = new(sum)
	}
	return sums[p]
}

// unasked reports that a connection is known by a SYN-ACK, and by nothing that its client
// has sent to get it or to answer it. Those are grouped by who got them.
func (c *connection) unasked() bool {
	synack, client := false, false
	for _, e := range c.Evidence {
		synack = synack || e.Text == "SYN-ACK"
		client = client || e.Text == "SYN" || strings.HasPrefix(e.Text, "final ACK") || strings.HasPrefix(e.Text, "data or FIN in place") || e.Text == "the client's first data" || e.Text == "the client's FIN"
	}
	return synack && !client && c.Outcome != "accepted"
}

// checkPlaces compares each listener with a sum over its connections. Those of
// a reflection are listed with who got them, and what is beyond the bound with others.
func checkPlaces(res *result, doc *document, fill func(map[place]*sum), what string) {
	sums := map[place]*sum{}
	fill(sums)
	for i := range doc.Listeners {
		l := &doc.Listeners[i]
		s := sums[place{l.Address, l.Place}]
		switch {
		case l.Finding == "reflection" && s == nil || l.Address == "others":
		case s == nil:
			res.fail("%s: %d attempts, and no %s", l.Address, l.Attempts, what)
		case s.attempts != l.Attempts || !maps.Equal(s.outcomes, l.Outcomes) || !maps.Equal(s.causes, l.Causes):
			res.fail("%s: %d attempts, %v, %v; its %s are %d, %v, %v", l.Address, l.Attempts, l.Outcomes, l.Causes, what, s.attempts, s.outcomes, s.causes)
		}
	}
}

// kind is what connections of a group have in common.
func (c *connection) kind() string {
	then := ""
	if c.Then != nil {
		then = c.Then.What
	}
	return fmt.Sprint(c.Server, c.Place, c.reading, c.Struck, c.Handshake, c.Confidence, c.Alternatives, then)
}

// checkGroups counts the connections of each group.
func checkGroups(res *result, doc *document) {
	kinds := map[string][]*connection{}
	for i := range doc.Connections {
		if c := &doc.Connections[i]; !c.unasked() {
			kinds[c.kind()] = append(kinds[c.kind()], c)
		}
	}
	for i := range doc.Groups {
		g := &doc.Groups[i]
		all := kinds[g.Example.kind()]
		if g.Example.unasked() {
			continue
		}
		if len(all) != g.Count || len(all) == 0 {
			res.fail("group of %s: count %d, and %d connections are alike", g.Example.name(), g.Count, len(all))
			continue
		}
		var longest float64
		for _, c := range all {
			if c.Delay != nil {
				longest = max(longest, *c.Delay)
			}
		}
		first, last := all[0].Start, all[len(all)-1].Start
		if first != g.First || last != g.Last || g.Longest != nil && *g.Longest != longest || g.Longest == nil && longest > 0 {
			res.fail("group of %s: from %g to %g ms, %v late; its connections are from %g to %g ms, %g late", g.Example.name(), g.First, g.Last, g.Longest, first, last, longest)
		}
		if !slices.ContainsFunc(all, func(c *connection) bool { return reflect.DeepEqual(*c, g.Example) }) {
			res.fail("group of %s: the example is no connection", g.Example.name())
		}
	}
}
