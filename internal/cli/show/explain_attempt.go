package show

import (
	"listenq/internal/answer"
	"listenq/internal/text"
)

func printAttempt(s text.Screen, c *answer.Connection, fate string, at answer.Milliseconds) {
	s.Blank()
	s.Wrap("", s.Style(text.Bold, c.Client+" > "+c.Server)+"  at "+answer.Clock(at))
	s.Wrap("  ", fate)
	if len(c.Alternatives) > 0 {
		s.Wrap("  or: ", answer.Readings(c.Alternatives))
	}
	printHypotheses(s, c.Hypotheses)
	for _, e := range c.Evidence {
		s.Wrap("    "+cite(e)+"  ", e.Text)
	}
}

// printHypotheses prints why a cause is likely, and why others are not on the list.
func printHypotheses(s text.Screen, all []answer.Hypothesis) {
	for _, h := range all {
		if h.Proven != "" {
			s.Wrap("  because: ", h.Proven)
		}
	}
	for _, h := range all {
		if h.Out != "" {
			s.Wrap("  ruled out: ", h.Name+" ("+h.Out+")")
		}
	}
}
