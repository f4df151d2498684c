package answer

import (
	"fmt"
	"strings"
	"time"

	"listenq/internal/judge"
)

// Fate is what became of a connection, with its cause and end where they say more.
func (c *RunConnection) Fate() string {
	words := string(c.Outcome)
	waits := c.Outcome == judge.Queued && c.Cause == judge.ByServer
	if c.Cause != judge.NoCause && !waits {
		words += ", cause: " + string(c.Cause)
	}
	if c.EndedBy != "" {
		words += ", ended by: " + string(c.EndedBy)
	}
	if c.Delay != nil && c.Cause != judge.DeferAccept { // which is no accident
		words += ", " + Seconds(*c.Delay) + " late"
	}
	if c.Confidence != judge.Certain {
		words += " (" + string(c.Confidence) + ")"
	}
	return words
}

// Alike names those of a group that share the story of the first: "; 4 more like it: c2 … c5".
func Alike(group []RunConnection) string {
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

// Clock is a moment: seconds since the start.
func Clock(t Milliseconds) string { return fmt.Sprintf("%.3f s", t.Duration().Seconds()) }

// Seconds is a duration to two digits.
func Seconds(t Milliseconds) string {
	return fmt.Sprintf("%.2f s", t.Duration().Round(10*time.Millisecond).Seconds())
}

// Fate is what became of a connection of a capture, how sure that is, and how it went on.
func (c *Connection) Fate() string {
	words := becomes(c.Reading.Reading)
	if c.Struck != "" {
		words += ", struck: " + string(c.Struck)
	}
	if c.Delay != nil {
		words += ", " + Seconds(*c.Delay) + " late"
	}
	return words + Sure(c.Confidence) + sequel(c.Then)
}

// sequel is how a connection went on after its handshake.
func sequel(then *Sequel) string {
	if then == nil {
		return ""
	}
	waited, after := Seconds(then.After), "after "+Seconds(then.After)
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

// Fate is what became of all of a group.
func (g *Group) Fate() string {
	words := g.Example.Fate()
	if g.Count == 1 {
		return words
	}
	words += fmt.Sprintf("; %d more like it until %s", g.Count-1, Clock(g.Last))
	if g.Longest != nil && g.Example.Delay != nil && *g.Longest > *g.Example.Delay {
		words += ", up to " + Seconds(*g.Longest) + " late"
	}
	return words
}

// becomes is one reading in words.
func becomes(r judge.Reading) string {
	words := string(r.Outcome)
	switch {
	case r.Cause != judge.NoCause:
		words += ", cause: " + string(r.Cause)
	case r.Outcome == judge.Unanswered:
		words += " when the capture ended"
	}
	if r.EndedBy != "" {
		words += ", ended by: " + string(r.EndedBy)
	}
	return words
}

// Readings are other readings, those of the same causes together: "half-open or forgotten
// (request-expired), by host-drop or network-loss".
func Readings(all []judge.Reading) string {
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
		parts = append(parts, Either(alike[reason])+reason)
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
		return " without a drop, or by " + Either(names)
	}
	return ", by " + Either(names)
}

// Either lists words: "a, b or c".
func Either[S ~string](words []S) string {
	last := len(words) - 1
	var b strings.Builder
	for i, word := range words {
		switch {
		case i > 0 && i == last:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(word))
	}
	return b.String()
}

// Sure is a confidence behind a statement: " (likely)".
func Sure(c judge.Confidence) string { return " (" + string(c) + ")" }
