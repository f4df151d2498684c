package cli

import (
	"fmt"
	"strings"
	"time"

	"listenq/internal/answer"
	"listenq/internal/judge"
)

func printAttempt(s screen, c *answer.Connection, fate string, at answer.Milliseconds) {
	s.blank()
	s.wrap("", s.style(bold, c.Client+" > "+c.Server)+"  at "+clock(at))
	s.wrap("  ", fate)
	if len(c.Alternatives) > 0 {
		s.wrap("  or: ", readings(c.Alternatives))
	}
	printHypotheses(s, c.Hypotheses)
	for _, e := range c.Evidence {
		s.wrap("    "+cite(e)+"  ", e.Text)
	}
}

// printHypotheses prints why a cause is likely, and why others are not on the list.
func printHypotheses(s screen, all []answer.Hypothesis) {
	for _, h := range all {
		if h.Proven != "" {
			s.wrap("  because: ", h.Proven)
		}
	}
	for _, h := range all {
		if h.Out != "" {
			s.wrap("  ruled out: ", h.Name+" ("+h.Out+")")
		}
	}
}

func attemptFate(c *answer.Connection) string {
	text := becomes(c.Reading.Reading)
	if c.Struck != "" {
		text += ", struck: " + string(c.Struck)
	}
	if c.Delay != nil {
		text += ", " + seconds(*c.Delay) + " late"
	}
	return text + sure(c.Confidence) + sequel(c.Then)
}

// sequel is how a connection went on after its handshake.
func sequel(then *answer.Sequel) string {
	if then == nil {
		return ""
	}
	waited, after := seconds(then.After), "after "+seconds(then.After)
	if then.After.Duration() < atOnce {
		after = "at once"
	}
	switch then.What {
	case judge.Served:
		return "; served " + after
	case judge.Unserved:
		return "; its data was taken, and no answer came for " + waited
	case judge.Untaken:
		return "; its data was not taken for " + waited
	case judge.ResetFirst:
		return "; reset " + after
	case judge.ShutFirst:
		return "; closed by the server " + after
	}
	return ""
}

// atOnce is what rounds to no time at all.
const atOnce = 5 * time.Millisecond

// groupFate is what became of all of a group.
func groupFate(g *answer.Group) string {
	text := attemptFate(&g.Example)
	if g.Count == 1 {
		return text
	}
	text += fmt.Sprintf("; %d more like it until %s", g.Count-1, clock(g.Last))
	if g.Longest != nil && g.Example.Delay != nil && *g.Longest > *g.Example.Delay {
		text += ", up to " + seconds(*g.Longest) + " late"
	}
	return text
}

// becomes is one reading in words.
func becomes(r judge.Reading) string {
	text := string(r.Outcome)
	switch {
	case r.Cause != judge.NoCause:
		text += ", cause: " + string(r.Cause)
	case r.Outcome == judge.Unanswered:
		text += " when the capture ended"
	}
	if r.EndedBy != "" {
		text += ", ended by: " + string(r.EndedBy)
	}
	return text
}

// readings are other readings, those of the same causes together: "half-open or forgotten
// (request-expired), by host-drop or network-loss".
func readings(all []judge.Reading) string {
	var ends, reasons []string
	causes := map[string][]judge.Cause{}
	for _, r := range all {
		end := string(r.Outcome)
		if r.EndedBy != "" {
			end += " (" + string(r.EndedBy) + ")"
		}
		if causes[end] == nil {
			ends = append(ends, end)
		}
		causes[end] = append(causes[end], r.Cause)
	}
	alike := map[string][]string{}
	for _, end := range ends {
		reason := why(causes[end])
		if alike[reason] == nil {
			reasons = append(reasons, reason)
		}
		alike[reason] = append(alike[reason], end)
	}
	var parts []string
	for _, reason := range reasons {
		parts = append(parts, either(alike[reason])+reason)
	}
	return strings.Join(parts, "; ")
}

// why are causes as they follow what they led to.
func why(all []judge.Cause) string {
	var names []string
	for _, c := range all {
		if c != judge.NoCause {
			names = append(names, string(c))
		}
	}
	switch {
	case len(names) == 0:
		return " without a drop"
	case len(names) < len(all):
		return " without a drop, or by " + either(names)
	}
	return ", by " + either(names)
}

// either lists words: "a, b or c".
func either(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
