package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/judge"
	"listenq/internal/text"
)

// Burst prints what a search for the largest burst found.
func Burst(s text.Screen, b answer.Burst) {
	s.Wrap("", s.Style(text.Bold, b.Server)+meanwhile(b))
	if b.Somaxconn > 0 {
		s.Wrap("", fmt.Sprintf("net.core.somaxconn is %d inside the experiment, so that this backlog counts; on this machine it may be lower.", b.Somaxconn))
	}
	s.Blank()
	s.Wrap("", largest(b))
	if why := rangeReason(b); why != "" {
		s.Wrap("", why)
	}
	if len(b.Rows) > 0 {
		s.Blank()
		s.Line("%8s %9s %9s  %-16s %-14s %s", "clients", "dropped", "late", "by", "not connected", "dropped first")
	}
	for _, row := range b.Rows {
		printBurstRow(s, row)
	}
	printFirstDrop(s, b.FirstDrop)
	printWant(s, b.Want)
	s.Blank()
	s.Line("%d bursts in %s on Linux %s", b.Tried, answer.Seconds(b.Duration), b.Kernel)
	if b.Recordings != "" {
		s.Line("recordings: %s", b.Recordings)
	}
}

// meanwhile says what the server does while the burst comes, where the step does not.
func meanwhile(b answer.Burst) string {
	if b.Stopped {
		return " (stopped during the burst)"
	}
	return ""
}

// largest says how large a burst may be.
func largest(b answer.Burst) string {
	r := b.Largest
	limit := fmt.Sprintf("The limit of its accept queue is %d.", *b.Limit)
	switch {
	case b.Bounded && r.Most < b.Clients:
		return fmt.Sprintf("No drop so far, in bursts of up to %s. %s", connections(r.Most), limit)
	case b.Bounded:
		return fmt.Sprintf("No burst of up to %s had a drop; larger ones were not tried (--clients). %s", connections(b.Clients), limit)
	case len(b.Searches) < 2:
		return fmt.Sprintf("So far: %s without a drop, a drop in a burst of %d. %s", connections(r.Most), r.Least+1, limit)
	case r.Least != r.Most && r.Most == b.Clients:
		return fmt.Sprintf("The largest burst without a drop: between %d and %s; larger ones were not tried (--clients). %s", r.Least, connections(r.Most), limit)
	case r.Least != r.Most:
		return fmt.Sprintf("The largest burst without a drop: between %d and %s. %s", r.Least, connections(r.Most), limit)
	case r.Least == *b.Limit+1:
		return fmt.Sprintf("The largest burst without a drop: %s, the limit of its accept queue (%d) and one more.", connections(r.Least), *b.Limit)
	}
	return fmt.Sprintf("The largest burst without a drop: %s. %s", connections(r.Least), limit)
}

func connections(n int) string {
	if n == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", n)
}

// rangeReason says why there is more than one answer.
func rangeReason(b answer.Burst) string {
	r := b.Largest
	if b.Bounded || r.Least == r.Most || len(b.Searches) < 2 {
		return ""
	}
	words := fmt.Sprintf("It is a range because the server accepts while the final ACKs arrive: how many, its CPU decides. "+
		"Searches found %s; a burst of %d had a drop, one of %d had none.", numbers(b.Searches), r.Least+1, r.Most)
	if n := len(b.Rows); n > 0 && b.Rows[n-1].ACKsWithin != nil {
		words += fmt.Sprintf(" The ACKs of %d arrived within %s.", b.Rows[n-1].Clients, short(*b.Rows[n-1].ACKsWithin))
	}
	return words
}

func numbers(all []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(all), "[]"), " ", ", ")
}

// short prints a duration with the digits that matter.
func short(t answer.Milliseconds) string {
	if t < 100 {
		return fmt.Sprintf("%.0f ms", max(1, float64(t)))
	}
	return answer.Seconds(t)
}

func printBurstRow(s text.Screen, row answer.BurstRow) {
	late, by, lacking := some(row.Late), lateBy(row), some(row.NotConnected)
	if row.Hasty && !row.Clean {
		late, by, lacking = answer.UnknownCell, answer.UnknownCell, answer.UnknownCell
	}
	line := fmt.Sprintf("%8d %9s %9s  %-16s %-14s %s", row.Clients, some(int(row.Dropped)), late, by, lacking, struck(row.Struck))
	s.Line("%s", strings.TrimRight(line, " "))
}

// some is a number, or - for none.
func some(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// lateBy is how late the late ones were.
func lateBy(row answer.BurstRow) string {
	if row.Late == 0 {
		return "-"
	}
	low, high := short(*row.LateMin), short(*row.LateMax)
	if low == high {
		return low
	}
	return low + " to " + high
}

// struck says of how many connections which packet was dropped first.
func struck(counts map[judge.Struck]int) string {
	var parts []string
	for _, packet := range slices.Sorted(maps.Keys(counts)) {
		name := strings.ToUpper(string(packet))
		if packet == judge.StruckData {
			name = "data"
		}
		parts = append(parts, fmt.Sprintf("%d × %s", counts[packet], name))
	}
	return strings.Join(parts, ", ")
}

func printFirstDrop(s text.Screen, d *answer.BurstDrop) {
	if d == nil {
		return
	}
	s.Blank()
	s.Line("The first drop, in a burst of %d:", d.Clients)
	printConnection(s, []answer.RunConnection{d.Connection})
}

func printWant(s text.Screen, w *answer.BurstWant) {
	if w == nil {
		return
	}
	s.Blank()
	if w.Backlog == nil {
		s.Wrap("", fmt.Sprintf("For a burst of %d no backlog was found that is enough.", w.Clients))
		return
	}
	words := fmt.Sprintf("For a burst of %d: listen() with a backlog of %d, and net.core.somaxconn not below it.", w.Clients, *w.Backlog)
	for _, row := range w.Rows {
		words += fmt.Sprintf(" A run with %d had %s.", *row.Backlog, drops(row.Dropped))
	}
	s.Wrap("", words)
}

func drops(n uint64) string {
	switch n {
	case 0:
		return "no drop"
	case 1:
		return "1 packet dropped"
	}
	return fmt.Sprintf("%d packets dropped", n)
}
