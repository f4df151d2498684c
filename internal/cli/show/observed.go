package show

import (
	"fmt"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/text"
)

// printObservations prints what other programs saw: a table for each step, and
// a line for each difference.
func printObservations(s text.Screen, all []answer.Observation) {
	for i, o := range all {
		if i == 0 || o.Line != all[i-1].Line {
			s.Blank()
			s.Line("%-30s %8s %8s %8s %8s", fmt.Sprintf("seen by others at line %d", o.Line), "sockets", "counters", "fields", "differ")
		}
		s.Line("%-30s %8s %8s %8s %8s", o.Program+" on the "+o.Side, compared(o.Sockets), compared(o.Counters), compared(o.Fields), differ(o))
		for _, d := range o.Differences {
			s.Wrap(s.Style(text.Red, "  differs: "), difference(d))
		}
		for _, d := range o.Explained {
			s.Wrap("  known: ", difference(d))
		}
	}
}

// compared is a count of what was compared.
func compared(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// differ is how many fields differ; "-" where nothing was compared.
func differ(o answer.Observation) string {
	if o.Missing != "" {
		return "-"
	}
	return fmt.Sprint(len(o.Differences) + len(o.Explained))
}

func difference(d answer.Difference) string {
	words := fmt.Sprintf("%s: theirs %s, ours %s", strings.Trim(d.Of+" "+d.Field, " "), value(d.Theirs), value(d.Ours))
	if d.Why != "" {
		words += ": " + d.Why
	}
	return words
}

func value(words string) string {
	if words == "" {
		return "none"
	}
	return words
}
