package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// summary is what all files come to.
type summary struct {
	files, damaged, unread int
	packets, connections   int
	refused                map[string]int // by what the program says
	findings, causes       map[string]map[string]int
	took                   time.Duration
	slowest, hungriest     *result
	broken                 []violation
}

func newSummary() *summary {
	return &summary{refused: map[string]int{}, findings: map[string]map[string]int{}, causes: map[string]map[string]int{}}
}

func count(all map[string]map[string]int, kind, sure string) {
	if all[kind] == nil {
		all[kind] = map[string]int{}
	}
	all[kind][sure]++
}

func (s *summary) add(r *result) {
	s.files++
	s.broken = append(s.broken, r.broken...)
	s.took += r.took
	if s.slowest == nil || r.took > s.slowest.took {
		s.slowest = r
	}
	if s.hungriest == nil || r.peak > s.hungriest.peak {
		s.hungriest = r
	}
	if r.doc == nil {
		s.refused[strings.ReplaceAll(strings.TrimPrefix(r.refused, "listenq: error: "), r.file, "…")]++
		return
	}
	if len(r.doc.Damage) > 0 {
		s.damaged++
	}
	if r.packets < r.doc.Packets {
		s.unread++
	}
	s.packets += r.doc.Packets
	s.connections += len(r.doc.Connections) + r.doc.LeftOut
	for i := range r.doc.Listeners {
		count(s.findings, r.doc.Listeners[i].Finding, r.doc.Listeners[i].Confidence)
	}
	for i := range r.doc.Connections {
		count(s.causes, r.doc.Connections[i].Cause, r.doc.Connections[i].Confidence)
	}
}

func (s *summary) print(out io.Writer) {
	none := total(s.refused)
	fmt.Fprintf(out, "%d files: %d captures (%d damaged, %d that the checker cannot read to the end), %d others\n", s.files, s.files-none, s.damaged, s.unread, none)
	fmt.Fprintf(out, "%d packets, %d connections\n", s.packets, s.connections)
	for _, why := range slices.Sorted(maps.Keys(s.refused)) {
		fmt.Fprintf(out, "  %d  %s\n", s.refused[why], why)
	}
	table(out, "listeners", s.findings)
	table(out, "connections", s.causes)
	if s.slowest != nil {
		fmt.Fprintf(out, "\ntime: %.1f s in all, %.2f s at most: %s\n", s.took.Seconds(), s.slowest.took.Seconds(), s.slowest.file)
		fmt.Fprintf(out, "memory: %d MiB at most: %s\n", s.hungriest.peak>>20, s.hungriest.file)
	}
	fmt.Fprintf(out, "\n%d statements that the packets do not bear out\n", len(s.broken))
	for _, b := range s.broken {
		fmt.Fprintf(out, "  %s: %s\n", b.file, b.what)
	}
}

// table prints how many there are of each kind, by confidence.
func table(out io.Writer, of string, all map[string]map[string]int) {
	sure := []string{"certain", "likely", "possible"}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\t%s\n", of, strings.Join(sure, "\t"))
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprint(w, kind)
		for _, c := range sure {
			fmt.Fprintf(w, "\t%d", all[kind][c])
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}
