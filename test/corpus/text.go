package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// checkText compares what is printed, all of it and in short, with the JSON.
func checkText(res *result, doc *document, asJSON, all, brief *run) {
	for name, got := range map[string]*run{"text": brief, "text of --all": all} {
		if got.code != asJSON.code {
			res.fail("exit code of the %s: %d, of the JSON %d", name, got.code, asJSON.code)
		}
		if last := fmt.Sprintf("Exit code %d", got.code); !strings.Contains(got.out, last) {
			res.fail("the %s does not end with %q", name, last)
		}
		p := &printed{lines: strings.Split(got.out, "\n")}
		for i := range doc.Listeners {
			p.want(res, name, doc.Listeners[i].lines())
		}
		if got == all {
			for i := range doc.Connections {
				c := &doc.Connections[i]
				p.want(res, name, append([]string{c.name() + fmt.Sprintf("  at %.3f s", c.Start/1000), "  " + c.fate()}, c.cited()...))
			}
			if n := strings.Count(got.out, " > "); n < len(doc.Connections) {
				res.fail("the %s has %d connections, the JSON %d", name, n, len(doc.Connections))
			}
		}
	}
	checkBrief(res, doc, brief.out)
}

// printed is a text that is read from its beginning to its end.
type printed struct {
	lines []string
	next  int
	lost  bool // something was not found: what follows cannot be found either
}

// want looks for lines that follow each other, with others in between that say more.
func (p *printed) want(res *result, name string, lines []string) {
	for _, want := range lines {
		i := slices.Index(p.lines[p.next:], want)
		if i < 0 && !p.lost {
			res.fail("the %s does not say: %s", name, want)
			p.lost = true
		}
		p.next += max(0, i)
	}
}

// lines are a listener as it is printed.
func (l *listener) lines() []string {
	sure := " (" + l.Confidence + ")"
	if l.Finding == "undecided" || l.Finding == "not-enough" {
		sure = ""
	}
	where := map[string]string{
		"server": "at the server", "client": "at the client", "both": "at both sides", "mixed": "at a host that is server and client",
		"between": "on the way, or it is not known where",
	}[l.Place]
	return []string{
		l.Address + "  " + l.Finding + sure + ", seen " + where,
		"  " + l.Verdict,
		"  outcomes: " + counts(l.Outcomes),
		"  causes:   " + counts(l.Causes),
	}
}

// counts are printed from the most frequent on.
func counts(all map[string]int) string {
	var parts []string
	for _, k := range slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(all[b], all[a]), cmp.Compare(a, b))
	}) {
		parts = append(parts, fmt.Sprintf("%d %s", all[k], k))
	}
	return strings.Join(parts, ", ")
}

// fate is a connection as it is printed in one line.
func (c *connection) fate() string {
	text := c.Outcome
	switch {
	case c.Cause != "none":
		text += ", cause: " + c.Cause
	case c.Outcome == "unanswered":
		text += " when the capture ended"
	}
	if c.EndedBy != "" {
		text += ", ended by: " + c.EndedBy
	}
	if c.Struck != "" {
		text += ", struck: " + c.Struck
	}
	if c.Delay != nil {
		text += ", " + seconds(*c.Delay) + " late"
	}
	text += " (" + c.Confidence + ")"
	if c.Then == nil {
		return text
	}
	waited := seconds(c.Then.After)
	after := "after " + waited
	if c.Then.After < 5 { // ms, which would be 0.00 s
		after = "at once"
	}
	return text + map[string]string{
		"served":     "; served " + after,
		"unanswered": "; its data was taken, and no answer came for " + waited,
		"untaken":    "; its data was not taken for " + waited,
		"reset":      "; reset " + after,
		"closed":     "; closed by the server " + after,
	}[c.Then.What]
}

// seconds is a duration in text.
func seconds(ms float64) string {
	const cent = 10_000_000 // nanoseconds
	return fmt.Sprintf("%.2f s", duration(ms).Round(cent).Seconds())
}

// cited are the packets that are cited for a connection.
func (c *connection) cited() (lines []string) {
	for _, e := range c.Evidence {
		lines = append(lines, fmt.Sprintf("    #%d  %s", e.Packet, e.Text))
	}
	return lines
}

var (
	troubled = regexp.MustCompile(`(?m)^\S+ > \S+  at [\d.]+ s\n  .*?(?:; (\d+) more like it until [\d.]+ s.*)?$`)
	calm     = regexp.MustCompile(`(?m)^  \S+  (\d+) (?:accepted|established), begun at `)
	uncalm   = regexp.MustCompile(`(?m)^\d+ more kinds: `)
)

// checkBrief adds up the connections that the short text counts.
func checkBrief(res *result, doc *document, text string) {
	if uncalm.MatchString(text) {
		return
	}
	n := doc.OtherGroups
	for _, m := range troubled.FindAllStringSubmatch(text, -1) {
		n += 1 + atoi("0"+m[1])
	}
	for _, m := range calm.FindAllStringSubmatch(text, -1) {
		n += atoi(m[1])
	}
	if listed := len(doc.Connections) + doc.LeftOut; n != listed {
		res.fail("the text counts %d connections, the JSON %d", n, listed)
	}
}
