package show

import (
	"fmt"
	"io"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/text"
)

// Check says in a few lines whether a queue overflowed, and whose.
func Check(w io.Writer, c answer.Check) {
	screen := text.NewScreen(w, "never")
	say := func(format string, args ...any) { screen.Wrap("listenq: check: ", fmt.Sprintf(format, args...)) }
	in := text.Span(c.Duration.Duration())
	if c.Command.Exit != 0 {
		in += fmt.Sprintf(" (the command exits with %d)", c.Command.Exit)
	}
	switch {
	case c.Overflowed == nil:
		say("whether a listen queue overflowed is not known, in %s", in)
	case *c.Overflowed:
		say("a listen queue overflowed in %s", in)
	default:
		say("no listen queue overflowed in %s", in)
	}
	shown, lead := worth(&c)
	for _, l := range shown[:min(len(shown), mostListed)] {
		say("  %s%s", lead, checkedLine(&l))
	}
	if more := len(shown) - mostListed; more > 0 {
		say("  and %s like it", Plural(more, "listener"))
	}
	for _, n := range c.Namespaces {
		if words := namespaceLine(&n); words != "" {
			say("  network namespace %s: %s", n.Label, words)
		}
	}
	if c.Why != "" {
		say("  %s", c.Why)
	}
}

// worth are the listeners that are worth a line, and what they are: those that
// overflowed or may have, or dropped something for another reason, or else the fullest.
func worth(c *answer.Check) (all []answer.CheckListener, lead string) {
	for _, l := range c.Listeners {
		if l.Overflowed == nil || *l.Overflowed || answer.DroppedByWords(l.DroppedBy) != "" {
			all = append(all, l)
		}
	}
	if len(all) == 0 && len(c.Listeners) > 0 {
		return c.Listeners[:1], "the fullest: "
	}
	return all, ""
}

// mostListed is how many listeners are listed on stderr.
const mostListed = 5

func checkedLine(l *answer.CheckListener) string {
	words := l.Address
	if len(l.Processes) > 0 {
		words += " " + answer.ProcessCell(&answer.Listener{Processes: l.Processes})
	}
	words += fmt.Sprintf(": held at most %d", l.AcceptMax)
	if l.AcceptLimit != nil {
		words += fmt.Sprintf(" of limit %d", *l.AcceptLimit)
	}
	words += ", " + answer.CountCell(l.Dropped) + " dropped" + answer.DroppedByWords(l.DroppedBy)
	if l.Closed {
		words += ", closed meanwhile"
	}
	return words
}

func namespaceLine(n *answer.CheckNamespace) string {
	var parts []string
	add := func(count *uint64, what string) {
		if count != nil && *count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", *count, what))
		}
	}
	add(n.AcceptFull, "packets dropped as an accept queue was full")
	add(n.SynFull, "SYNs dropped as a SYN queue was full")
	add(n.SynReserve, "SYNs dropped, likely as the rest of a SYN queue is for known peers")
	return strings.Join(parts, ", ")
}
