package main

import (
	"fmt"
	"io"
	"slices"

	"listenq/internal/handshake"
)

const bothSides = handshake.ClientSide | handshake.ServerSide

// views are the captures that a recording is read as.
var views = [...]struct {
	name  string
	sides handshake.Side
}{{"server", handshake.ServerSide}, {"client", handshake.ClientSide}, {"both", bothSides}}

type view = struct {
	name  string
	sides handshake.Side
}

// tally counts what the statements of one view are worth.
type tally struct {
	exact int // one reading is left, and it is what the recording says
	set   int // several readings, and one of them is
	wrong int // none is
	none  int // the view holds no packet of the connection
}

func (t tally) told() int { return t.exact + t.set + t.wrong }

// compare reads the packets of one view and compares the statements on each
// connection that the result names.
func (r *recording) compare(v view, detail io.Writer) tally {
	attempts := r.explain(v.sides)
	var t tally
	for _, c := range r.connections {
		key := [2]string{c.Client, c.Server}
		all := attempts[key]
		if len(all) == 0 {
			t.none++
			continue
		}
		attempts[key] = all[1:]
		truth := handshake.Reading{Outcome: c.Outcome, Cause: c.Cause, EndedBy: c.EndedBy}
		verdict := all[0].Verdict()
		grade := t.grade(verdict, truth)
		if grade != "exact" {
			fmt.Fprintf(detail, "%-5s %s %s %s: %v %s, is %v, told %v\n", grade, r.scenario, v.name, c.Name, verdict.Alternatives, verdict.Confidence, truth, verdict.Reading)
		}
	}
	return t
}

// explain gives the packets of one view to the model, and returns the attempts by
// their addresses. The captures end when the experiment does.
func (r *recording) explain(sides handshake.Side) map[[2]string][]*handshake.Attempt {
	if r.loopback {
		sides = bothSides
	}
	t := handshake.New(handshake.Config{Sides: sides})
	for _, p := range r.packets {
		if p.Side &= sides; p.Side != 0 {
			t.Packet(p)
		}
	}
	t.End(r.end)
	attempts := map[[2]string][]*handshake.Attempt{}
	for a := range t.Attempts() {
		key := [2]string{a.Client().String(), a.Server().String()}
		attempts[key] = append(attempts[key], a)
	}
	return attempts
}

func (t *tally) grade(v handshake.Verdict, truth handshake.Reading) string {
	holds := slices.ContainsFunc(append([]handshake.Reading{v.Reading}, v.Alternatives...), func(r handshake.Reading) bool { return covers(r, truth) })
	switch {
	case !holds:
		t.wrong++
		return "WRONG"
	case len(v.Alternatives) > 0 || v.Outcome == handshake.Unknown || v.Cause == handshake.UnknownCause:
		t.set++
		return "set"
	}
	t.exact++
	return "exact"
}

// covers reports whether a reading says what the true one says. Whether a connection
// was accepted leaves no trace in packets: established, of no cause, is accepted or
// queued, as the table of outcomes has it.
func covers(r, truth handshake.Reading) bool {
	if r.Outcome == handshake.EstablishedBoth && (truth.Outcome == handshake.Accepted || truth.Outcome == handshake.Queued) {
		return r.Cause == truth.Cause || r.Cause == handshake.NoCause && truth.Cause == handshake.ByServer
	}
	return r.Outcome == handshake.Unknown || r == truth || r.Cause == handshake.UnknownCause && r.Outcome == truth.Outcome && r.EndedBy == truth.EndedBy
}
