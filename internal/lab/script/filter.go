package script

import (
	"fmt"
	"slices"
	"strings"
)

// Filter puts a packet filter in force, until a Lift.
type Filter struct {
	Name   string
	To     Direction // on the way to a host, in its namespace; 0: at the socket of a server
	Socket string    // the server whose listening socket it is attached to
	Kind   FrameKind // FrameInvalid, too
	Reject bool      // it answers with a reset; else it drops without a word
	From   []string  // of these connections only; nil: of all

	// At most one of them is not 0; without any, all of the kind is taken.
	Rate        int     // what is above so many a second, after Burst at once
	Connections int     // what belongs to a connection above so many
	Chance      float64 // a part of it, at random
	OneIn       int     // each so-many-th, the first first

	Burst int
}

// FrameInvalid is what connection tracking finds to be a part of nothing that it knows.
const FrameInvalid FrameKind = "invalid"

// Lift takes filters out of force.
type Lift struct{ Names []string }

func (Filter) action() {}
func (Lift) action()   {}

// filtering is a filter of a script.
type filtering struct {
	line   int
	lifted int    // the line that lifted it
	socket string // the server whose socket it is at
}

// Bounds of filters.
const (
	maxFilters       = 100
	maxFiltered      = 1000 // connections that one names
	defaultBurst     = 5    // packets, as in nftables
	maxFilterNumbers = 1_000_000
)

func readFilter(s *statement) Action {
	if !s.accept("as") {
		s.fail(s.end(), "write: filter as f …", "expected as NAME, by which its counter is known")
		return nil
	}
	name := s.newName("the filter")
	do := Filter{Name: name.text}
	if s.accept("at", "socket") {
		s.usage = s.forms[1]
		do.Socket = s.filteredServer()
	} else {
		s.usage = s.forms[0]
		s.needsWire(s.words[0])
		do.To = s.wantDirection()
	}
	s.filterAction(&do)
	s.filterKind(&do)
	if do.Socket == "" {
		s.filterLimit(&do)
	}
	do.From = s.from()
	if len(s.names.filters) == maxFilters {
		s.fail(s.words[0], "", "too many filters: at most %d in one script", maxFilters)
	}
	if !s.failed() {
		s.names.filters[do.Name] = &filtering{line: s.line, socket: do.Socket}
	}
	return do
}

// filteredServer reads the server of ours that has the socket.
func (s *statement) filteredServer() string {
	name, l := s.theServer(s.words[0], "of")
	s.ours(s.words[0], name, l)
	return name
}

func (s *statement) filterAction(do *Filter) {
	w := s.take("drop or reject")
	switch w.text {
	case "drop":
	case "reject":
		do.Reject = true
		if do.Socket != "" {
			s.fail(w, "write drop", "a filter at a socket can only drop")
		}
	default:
		s.fail(w, s.usage, "expected drop or reject, not %q", w.text)
	}
}

func (s *statement) filterKind(do *Filter) {
	kinds := slices.Clone(frameKinds)
	if do.Socket == "" {
		kinds = append(kinds, string(FrameInvalid))
	}
	do.Kind = s.frameKind("what to "+map[bool]string{false: "drop", true: "reject"}[do.Reject], kinds)
	if do.Reject && do.Kind == FrameRST {
		s.fail(s.words[s.next-1], "write drop", "a reset is never answered with a reset")
	}
}

// filterLimit reads what narrows a filter down.
func (s *statement) filterLimit(do *Filter) {
	if s.done() || s.words[s.next].text == "from" {
		return
	}
	switch {
	case s.accept("one", "in"):
		do.OneIn = s.number("one in how many", 2, maxFilterNumbers)
	case s.accept("above"):
		s.filterAbove(do)
	case strings.HasSuffix(s.words[s.next].text, "%"):
		w := s.words[s.next]
		if do.Chance = s.percent(); do.Chance == 0 {
			s.fail(w, "", "a filter that takes nothing is none")
		}
	default:
		w := s.take("")
		s.fail(w, "write above 2/s, above 3 connections, 30%, one in 3, or from and names", "expected what it is limited to, not %q", w.text)
	}
}

// filterAbove reads the rest of `above R/s` or `above N connections`.
func (s *statement) filterAbove(do *Filter) {
	w := s.take("a rate such as 2/s, or a number of connections")
	s.next = max(0, s.next-1)
	switch {
	case s.failed():
	case strings.HasSuffix(w.text, "/s"):
		do.Rate, do.Burst = s.rate(), defaultBurst
		if s.accept("burst") {
			do.Burst = s.number("how many at once", 1, maxFilterNumbers)
		}
	default:
		do.Connections = s.number("how many connections", 1, MaxConnections)
		s.expectWord("connections")
		if do.Kind != FrameSYN {
			s.fail(w, "write syn", "a filter counts connections by their SYNs")
		}
	}
}

func readLift(s *statement) Action {
	var do Lift
	for first := true; first || !s.done(); first = false {
		w := s.take("the name of a filter")
		f := s.names.filters[w.text]
		switch {
		case s.failed():
			return nil
		case f == nil:
			s.fail(w, didYouMean(w.text, s.names.filterNames()), "unknown filter %q", w.text)
			return nil
		case f.lifted != 0:
			s.fail(w, "", "%q is lifted already: see line %d", w.text, f.lifted)
			return nil
		}
		if f.socket != "" {
			s.ours(w, f.socket, s.names.servers[f.socket])
		}
		f.lifted = s.line
		do.Names = append(do.Names, w.text)
	}
	return do
}

// frameKinds are the kinds of segments that steps can name.
var frameKinds = []string{"syn", "syn-ack", "ack", "data", "fin", "rst", "all"}

// frameKind reads one of kinds; what says what it is for.
func (s *statement) frameKind(what string, kinds []string) FrameKind {
	w := s.take(what + ": " + strings.Join(kinds, ", "))
	if w.quoted || !slices.Contains(kinds, w.text) {
		s.fail(w, didYouMean(w.text, kinds), "unknown kind of frame %q", w.text)
	}
	return FrameKind(w.text)
}

// wantDirection reads `to server` or `to client`.
func (s *statement) wantDirection() Direction {
	d := s.direction()
	if d == 0 {
		s.accept("to")
		w := s.take("to server or to client")
		s.fail(w, s.usage, "expected to server or to client, not %q", w.text)
	}
	return d
}

// from reads `from NAME…` up to the end of the line, if it is there. A connection may
// be connected by a step below.
func (s *statement) from() (names []string) {
	if !s.accept("from") {
		return nil
	}
	for first := true; first || !s.done(); first = false {
		w := s.take("the name of a connection")
		s.later = append(s.later, later{s, w})
		names = append(names, w.text)
	}
	return names
}

// tooMany checks how many connections a filter names, when all are known.
func (f Filter) tooMany() string {
	if len(f.From) <= maxFiltered {
		return ""
	}
	return fmt.Sprintf("a filter for %d connections: at most %d", len(f.From), maxFiltered)
}
