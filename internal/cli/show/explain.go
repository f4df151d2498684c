package show

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"listenq/internal/answer"
	"listenq/internal/judge"
	"listenq/internal/text"
)

// Explanation prints what captures show: where they were captured, the listeners, the
// connections.
func Explanation(s text.Screen, r *answer.Explanation, all bool) {
	printFiles(s, r)
	if len(r.Listeners) == 0 {
		s.Blank()
		s.Line("no attempt to open a TCP connection")
	}
	for i := range r.Listeners {
		printVerdict(s, &r.Listeners[i], r.Span)
	}
	switch {
	case all && len(r.Connections) > 0:
		s.Blank()
		s.Line("%s", s.Style(text.Bold, "connections, by their start"))
		for i := range r.Connections {
			c := &r.Connections[i]
			printAttempt(s, c, c.Fate(), c.Start)
		}
		if r.LeftOut > 0 {
			s.Wrap("", fmt.Sprintf("%d more are counted with their listener", r.LeftOut))
		}
	case len(r.Groups) > 0:
		printGroups(s, r)
	}
	s.Blank()
	s.Wrap("", reportOutlook(r))
}

// printFiles says what was read, and what could not be.
func printFiles(s text.Screen, r *answer.Explanation) {
	for i, f := range r.Files {
		lead := ""
		if len(r.Files) > 1 {
			lead = fmt.Sprintf("%d  ", i+1)
		}
		words := Plural(f.Packets, "packet")
		if f.SameAs != "" {
			words = "the same packets as " + f.SameAs + ", counted once"
		}
		switch f.Place {
		case answer.PlaceUnknown:
		case answer.PlaceBetween:
			words += ", captured on the way, or it is not known where (" + f.How + "; say it with --side)"
		default:
			words += ", captured " + capturedAt(f.Place) + " (" + f.How + ")"
		}
		if f.Clock != nil {
			words += fmt.Sprintf("; its clock is %s, by %s in both", ahead(f.Clock.Duration()), Plural(f.Matched, "packet"))
		}
		s.Wrap(lead, s.Style(text.Bold, f.Name)+": "+words)
	}
	if r.Packets > 0 {
		s.Wrap("  ", fmt.Sprintf("from %s, for %s", r.Start.Format("2006-01-02 15:04:05.000 MST"), answer.Seconds(r.Span)))
	}
	var left []string
	for _, why := range slices.Sorted(maps.Keys(r.Skipped)) {
		left = append(left, fmt.Sprintf("%d %s", r.Skipped[why], why))
	}
	if len(left) > 0 {
		s.Wrap("  left out: ", strings.Join(left, ", "))
	}
	if r.Lost != nil && *r.Lost > 0 {
		s.Wrap(s.Style(text.Yellow, "  not captured: "), Plural(int(*r.Lost), "packet")+": what follows may have holes")
	}
	for _, what := range r.Lacks {
		s.Wrap(s.Style(text.Yellow, "  lacks: "), what)
	}
	for _, d := range r.Damage {
		words := fmt.Sprintf("%s: byte %d: %s", d.File, d.Offset, d.Text)
		if r.Packets > 0 {
			words += "; what came before it was read"
		}
		s.Wrap(s.Style(text.Red, "  damaged: "), words)
	}
}

// ahead is the difference of a clock to that of the first file.
func ahead(d time.Duration) string {
	if d < 0 {
		return fmt.Sprintf("%.6f s behind that of the first", -d.Seconds())
	}
	return fmt.Sprintf("%.6f s ahead of that of the first", d.Seconds())
}

func capturedAt(p answer.Place) string {
	switch p {
	case answer.PlaceServer, answer.PlaceClient:
		return "at the " + string(p)
	case answer.PlaceBoth:
		return "at both sides"
	case answer.PlaceMixed:
		return "at a host that is server and client"
	}
	return "on the way, or it is not known where"
}

func printVerdict(s text.Screen, l *answer.CaptureListener, span answer.Milliseconds) {
	s.Blank()
	s.Wrap(s.Style(text.Bold, l.Address)+"  ", s.Style(findingLook(l), string(l.Finding))+sureOf(l)+", seen "+capturedAt(l.CapturedAt))
	s.Wrap("  ", l.Verdict)
	s.Wrap("  outcomes: ", counts(l.Outcomes))
	s.Wrap("  causes:   ", counts(l.Causes))
	if len(l.Full) > 0 {
		printFull(s, l.Full, span)
	}
	if len(l.Evidence) > 0 {
		s.Wrap("  packets:  ", packetNumbers(l.Evidence))
	}
}

// sureOf is the confidence of a finding that is one.
func sureOf(l *answer.CaptureListener) string {
	if l.Finding == judge.Undecided || l.Finding == judge.Unseen {
		return ""
	}
	return answer.Sure(l.Confidence)
}

func findingLook(l *answer.CaptureListener) text.Look {
	switch {
	case l.Finding == judge.Fine:
		return text.Green
	case l.Confidence == judge.Possible:
		return text.Yellow
	}
	return text.Red
}

// counts are the members of a set from the most frequent on.
func counts[K cmp.Ordered](all map[K]int) string {
	keys := slices.SortedFunc(maps.Keys(all), func(a, b K) int {
		return cmp.Or(cmp.Compare(all[b], all[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, k := range keys {
		parts = append(parts, fmt.Sprintf("%d %v", all[k], k))
	}
	return strings.Join(parts, ", ")
}

// timeline is how many columns a time line has.
const timeline = 50

// printFull draws when the queue was full: each mark is a part of the capture's time.
func printFull(s text.Screen, full []answer.Interval, span answer.Milliseconds) {
	line := []byte(strings.Repeat(".", timeline))
	at := func(t answer.Milliseconds) int {
		if span <= 0 {
			return 0
		}
		return max(0, min(int(t/span*timeline), timeline-1))
	}
	for _, x := range full {
		for i := at(x.From); i <= at(x.To); i++ {
			line[i] = '#'
		}
	}
	s.Line("  full:     0 s %s %s", line, answer.Seconds(span))
	var times []string
	for _, x := range full[:min(len(full), mostTimes)] {
		words := fmt.Sprintf("%.3f", x.From.Duration().Seconds())
		if x.To > x.From {
			words += fmt.Sprintf(" to %.3f", x.To.Duration().Seconds())
		}
		times = append(times, words+" s")
	}
	if more := len(full) - mostTimes; more > 0 {
		times = append(times, fmt.Sprintf("and %d more", more))
	}
	s.Wrap("            ", "as clients felt it: "+strings.Join(times, ", "))
}

// What is named at most before it is counted.
const (
	mostTimes  = 4
	mostGroups = 40
)

// packetNumbers cites packets: "#12, #17"; of several files: "1#12, 2#17".
func packetNumbers(all []answer.Evidence) string {
	var parts []string
	for _, e := range all {
		parts = append(parts, cite(e))
	}
	return strings.Join(parts, ", ")
}

func cite(e answer.Evidence) string {
	if e.Of > 0 {
		return fmt.Sprintf("%d#%d", e.Of, e.Packet)
	}
	return fmt.Sprintf("#%d", e.Packet)
}

// printGroups prints connections that went alike, by their first; those without trouble
// in a line for each address.
func printGroups(s text.Screen, r *answer.Explanation) {
	var calm, troubled []*answer.Group
	for i := range r.Groups {
		if g := &r.Groups[i]; g.Example.Calm() {
			calm = append(calm, g)
		} else {
			troubled = append(troubled, g)
		}
	}
	if len(troubled) > 0 {
		s.Blank()
		s.Line("%s", s.Style(text.Bold, "connections, worst first"))
	}
	for _, g := range troubled[:min(len(troubled), mostGroups)] {
		printAttempt(s, &g.Example, g.Fate(), g.First)
	}
	if more := len(troubled) - mostGroups; more > 0 {
		s.Blank()
		s.Wrap("", fmt.Sprintf("%d more kinds: --all lists each connection", more))
	}
	printCalm(s, calm)
	if r.OtherGroups > 0 {
		s.Blank()
		s.Wrap("", fmt.Sprintf("of more kinds: %s, counted with their listener", Plural(r.OtherGroups, "connection")))
	}
}

// printCalm counts the connections without trouble, and says what else they may have come
// to that leaves no trace.
func printCalm(s text.Screen, groups []*answer.Group) {
	if len(groups) == 0 {
		return
	}
	s.Blank()
	s.Line("%s", s.Style(text.Bold, "connections without trouble"))
	for _, g := range answer.FoldCalm(groups) {
		words := fmt.Sprintf("%d %s, begun at %s", g.Count, g.Outcome, answer.Clock(g.First))
		if g.Count > 1 {
			words += " to " + answer.Clock(g.Last)
		}
		if len(g.Others) > 0 {
			words += "; some may be " + answer.Either(g.Others) + " instead, which would look the same"
		}
		s.Wrap("  "+g.Server+"  ", words)
	}
}

// reportOutlook says what the exit code says.
func reportOutlook(r *answer.Explanation) string {
	switch {
	case len(r.Damage) > 0:
		return "Exit code 2: a file is damaged."
	case r.Bad():
		return "Exit code 1: a listen queue overflowed."
	}
	if slices.ContainsFunc(r.Listeners, func(l answer.CaptureListener) bool {
		return l.Finding == judge.Overflow || l.Finding == judge.SynOverflow || l.Finding == judge.Undecided || l.Finding == judge.Filtered
	}) {
		return "A listen queue may have overflowed, but the packets do not show it: TcpExtListenOverflows on the server does. Exit code 0."
	}
	if len(r.Lacks) > 0 {
		return "The capture does not contain enough to decide. Exit code 0."
	}
	return "No listen queue overflowed, as far as the packets show. Exit code 0."
}
