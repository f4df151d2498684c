package cli

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

// printReport prints what captures tell: where they were captured, the listeners, the
// connections.
func printReport(s screen, r *answer.Explanation, all bool) {
	printFiles(s, r)
	if len(r.Listeners) == 0 {
		s.blank()
		s.line("no attempt to open a TCP connection")
	}
	for i := range r.Listeners {
		printVerdict(s, &r.Listeners[i], r.Span)
	}
	switch {
	case all && len(r.Connections) > 0:
		s.blank()
		s.line("%s", s.style(bold, "connections, by their start"))
		for i := range r.Connections {
			c := &r.Connections[i]
			printAttempt(s, c, attemptFate(c), c.Start)
		}
		if r.LeftOut > 0 {
			s.wrap("", fmt.Sprintf("%d more are counted with their listener", r.LeftOut))
		}
	case len(r.Groups) > 0:
		printGroups(s, r)
	}
	s.blank()
	s.wrap("", reportOutlook(r))
}

// printFiles says what was read, and what could not be.
func printFiles(s screen, r *answer.Explanation) {
	for i, f := range r.Files {
		lead := ""
		if len(r.Files) > 1 {
			lead = fmt.Sprintf("%d  ", i+1)
		}
		text := plural(f.Packets, "packet")
		if f.SameAs != "" {
			text = "the same packets as " + f.SameAs + ", told once"
		}
		switch f.Place {
		case answer.PlaceUnknown:
		case answer.PlaceBetween:
			text += ", captured on the way, or it is not known where (" + f.How + "; tell it with --side)"
		default:
			text += ", captured " + capturedAt(f.Place) + " (" + f.How + ")"
		}
		if f.Clock != nil {
			text += fmt.Sprintf("; its clock is %s, by %s in both", ahead(f.Clock.Duration()), plural(f.Matched, "packet"))
		}
		s.wrap(lead, s.style(bold, f.Name)+": "+text)
	}
	if r.Packets > 0 {
		s.wrap("  ", fmt.Sprintf("from %s, for %s", r.Start.Format("2006-01-02 15:04:05.000 MST"), seconds(r.Span)))
	}
	var left []string
	for _, why := range slices.Sorted(maps.Keys(r.Skipped)) {
		left = append(left, fmt.Sprintf("%d %s", r.Skipped[why], why))
	}
	if len(left) > 0 {
		s.wrap("  left out: ", strings.Join(left, ", "))
	}
	if r.Lost != nil && *r.Lost > 0 {
		s.wrap(s.style(yellow, "  not captured: "), plural(int(*r.Lost), "packet")+": what is told below may have holes")
	}
	for _, what := range r.Lacks {
		s.wrap(s.style(yellow, "  lacks: "), what)
	}
	for _, d := range r.Damage {
		text := fmt.Sprintf("%s: byte %d: %s", d.File, d.Offset, d.Text)
		if r.Packets > 0 {
			text += "; what came before is told"
		}
		s.wrap(s.style(red, "  damaged: "), text)
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

func printVerdict(s screen, l *answer.CaptureListener, span answer.Milliseconds) {
	s.blank()
	s.wrap(s.style(bold, l.Address)+"  ", s.style(findingLook(l), string(l.Finding))+sureOf(l)+", seen "+capturedAt(l.CapturedAt))
	s.wrap("  ", l.Verdict)
	s.wrap("  outcomes: ", counts(l.Outcomes))
	s.wrap("  causes:   ", counts(l.Causes))
	if len(l.Full) > 0 {
		printFull(s, l.Full, span)
	}
	if len(l.Evidence) > 0 {
		s.wrap("  packets:  ", packetNumbers(l.Evidence))
	}
}

// sureOf is the confidence of a finding that is one.
func sureOf(l *answer.CaptureListener) string {
	if l.Finding == judge.Undecided || l.Finding == judge.Unseen {
		return ""
	}
	return sure(l.Confidence)
}

func findingLook(l *answer.CaptureListener) text.Look {
	switch {
	case l.Finding == judge.Fine:
		return green
	case l.Confidence == judge.Possible:
		return yellow
	}
	return red
}

// sure is the confidence, where it is worth a word.
func sure(c judge.Confidence) string { return " (" + string(c) + ")" }

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
func printFull(s screen, full []answer.Interval, span answer.Milliseconds) {
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
	s.line("  full:     0 s %s %s", line, seconds(span))
	var times []string
	for _, x := range full[:min(len(full), mostTimes)] {
		text := fmt.Sprintf("%.3f", x.From.Duration().Seconds())
		if x.To > x.From {
			text += fmt.Sprintf(" to %.3f", x.To.Duration().Seconds())
		}
		times = append(times, text+" s")
	}
	if more := len(full) - mostTimes; more > 0 {
		times = append(times, fmt.Sprintf("and %d more", more))
	}
	s.wrap("            ", "as clients felt it: "+strings.Join(times, ", "))
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
func printGroups(s screen, r *answer.Explanation) {
	var calm, troubled []*answer.Group
	for i := range r.Groups {
		if g := &r.Groups[i]; isCalm(&g.Example) {
			calm = append(calm, g)
		} else {
			troubled = append(troubled, g)
		}
	}
	if len(troubled) > 0 {
		s.blank()
		s.line("%s", s.style(bold, "connections, worst first"))
	}
	for _, g := range troubled[:min(len(troubled), mostGroups)] {
		printAttempt(s, &g.Example, groupFate(g), g.First)
	}
	if more := len(troubled) - mostGroups; more > 0 {
		s.blank()
		s.wrap("", fmt.Sprintf("%d more kinds: --all tells each connection", more))
	}
	printCalm(s, calm)
	if r.OtherGroups > 0 {
		s.blank()
		s.wrap("", fmt.Sprintf("of more kinds: %s, counted with their listener", plural(r.OtherGroups, "connection")))
	}
}

// isCalm reports that nothing speaks for a connection to have had any trouble.
func isCalm(c *answer.Connection) bool {
	if c.Then != nil && c.Then.What != judge.Served && c.Then.What != judge.ShutFirst {
		return false
	}
	return c.Cause == judge.NoCause && (c.Outcome == judge.Accepted || c.Outcome == judge.EstablishedBoth)
}

// calmKind is what calm connections are told together by.
type calmKind struct {
	server  string
	seen    answer.Place
	outcome judge.Outcome
}

// printCalm counts the connections without trouble, and says what else they may have come
// to that leaves no trace.
func printCalm(s screen, groups []*answer.Group) {
	if len(groups) == 0 {
		return
	}
	s.blank()
	s.line("%s", s.style(bold, "connections without trouble"))
	var kinds []calmKind
	sums := map[calmKind]answer.Group{}
	for _, g := range groups {
		kind := calmKind{g.Example.Server, g.Example.CapturedAt, g.Example.Outcome}
		sum, known := sums[kind]
		if !known {
			kinds = append(kinds, kind)
			sum.First = g.First
		}
		sum.Count += g.Count
		sum.First, sum.Last = min(sum.First, g.First), max(sum.Last, g.Last)
		sum.Example.Alternatives = append(sum.Example.Alternatives, g.Example.Alternatives...)
		sums[kind] = sum
	}
	for _, kind := range kinds {
		sum := sums[kind]
		text := fmt.Sprintf("%d %s, begun at %s", sum.Count, kind.outcome, clock(sum.First))
		if sum.Count > 1 {
			text += " to " + clock(sum.Last)
		}
		if others := otherOutcomes(kind.outcome, sum.Example.Alternatives); len(others) > 0 {
			text += "; some may be " + either(others) + " instead, which would look the same"
		}
		s.wrap("  "+kind.server+"  ", text)
	}
}

// otherOutcomes are those of readings, each once, but the one that is told.
func otherOutcomes(told judge.Outcome, all []judge.Reading) (others []string) {
	for _, r := range all {
		if name := string(r.Outcome); r.Outcome != told && !slices.Contains(others, name) {
			others = append(others, name)
		}
	}
	return others
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
		return "A listen queue may have overflowed, but the packets do not tell: TcpExtListenOverflows on the server does. Exit code 0."
	}
	if len(r.Lacks) > 0 {
		return "The capture does not hold enough to tell. Exit code 0."
	}
	return "No listen queue overflowed, as far as the packets tell. Exit code 0."
}
