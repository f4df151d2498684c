package main

import (
	"fmt"
	"io"
	"slices"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"
)

const bothSides = evidence.ClientSide | evidence.ServerSide

// views are the captures that a recording is read as.
var views = [...]view{{"server", evidence.ServerSide}, {"client", evidence.ClientSide}, {"both", bothSides}}

type view = struct {
	name  string
	sides evidence.Side
}

// tally counts what the statements of one view are worth.
type tally struct {
	statements   int // statements
	wrong        int // the true reading is not among those that are left
	contradicted int // certain or likely, and not so
	first        int // the reading ranked first is the true one
	sure         int // certain or likely
	left         int // readings, of all statements together
	listeners    int // statements on listeners that are certain or likely, and not so
	none         int // connections of which the view holds no packet
}

func (t *tally) add(o tally) {
	t.statements += o.statements
	t.wrong += o.wrong
	t.contradicted += o.contradicted
	t.first += o.first
	t.sure += o.sure
	t.left += o.left
	t.none += o.none
	t.listeners += o.listeners
}

// compare reads the packets of one view and compares the statements on each connection
// that the result names, and on each listener.
func (r *recording) compare(v view, detail io.Writer) (tally, listeners) {
	tracker := r.explain(v.sides)
	attempts := map[[2]string][]*handshake.Attempt{}
	for a := range tracker.Attempts() {
		key := [2]string{a.Client().String(), a.Server().String()}
		attempts[key] = append(attempts[key], a)
	}
	var t tally
	whole := span{0, r.end}
	for _, c := range r.connections {
		key := [2]string{c.Client, c.Server}
		all := attempts[key]
		if len(all) == 0 {
			t.none++
			continue
		}
		attempts[key] = all[1:]
		truths := whole.truths(&c)
		verdict := all[0].Verdict()
		if grade := t.grade(verdict, truths...); grade != "" {
			fmt.Fprintf(detail, "%-12s %s %s %s: is %v, told %v %s, or %v\n", grade, r.scenario, v.name, c.Name, truths, verdict.Reading, verdict.Confidence, verdict.Alternatives)
		}
	}
	return t, r.judge(v, tracker.Listeners(), detail)
}

// explain gives the packets of one view to the model. The captures end when the experiment
// does.
func (r *recording) explain(sides evidence.Side) *handshake.Tracker {
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
	return t
}

// grade weighs one statement, of which one of several truths is enough. It returns what is
// the matter with it; empty for nothing.
func (t *tally) grade(v judge.Verdict, truths ...judge.Reading) string {
	so := func(r judge.Reading) bool {
		return slices.ContainsFunc(truths, func(truth judge.Reading) bool { return covers(r, truth) })
	}
	t.statements++
	t.left += 1 + len(v.Alternatives)
	sure := v.Confidence != judge.Possible
	if sure {
		t.sure++
	}
	is := so(v.Reading)
	if is {
		t.first++
	}
	holds := is || slices.ContainsFunc(v.Alternatives, so)
	if !holds {
		t.wrong++
	}
	if sure && !is {
		t.contradicted++
	}
	switch {
	case sure && !is:
		return "CONTRADICTED"
	case !holds:
		return "WRONG"
	case !is:
		return "not first"
	}
	return ""
}

// covers reports whether a reading says what the true one says. Whether a connection
// was accepted leaves no trace in packets: established, of no cause, is accepted or
// queued, as the table of outcomes has it. What the recording does not know contradicts
// nothing: the reason of a reset, and that an old connection answered or a checksum was wrong,
// for which no counter of the listener moves.
func covers(r, truth judge.Reading) bool {
	if r.Outcome == judge.EstablishedBoth && (truth.Outcome == judge.Accepted || truth.Outcome == judge.Queued) {
		r.Outcome = truth.Outcome
		if r.Cause == judge.NoCause && truth.Cause == judge.ByServer {
			r.Cause = truth.Cause
		}
	}
	switch {
	case r.Outcome == judge.Unknown || r == truth:
		return true
	case r.Outcome != truth.Outcome:
		return false
	case r.Cause == judge.UnknownCause || truth.Cause == judge.UnknownCause:
		return true
	case truth.Outcome == judge.Unanswered && truth.Cause == judge.NoCause:
		return true // the lab has seen nothing drop it
	}
	return finer[r.Cause] && (truth.Cause == judge.NoCause || truth.Cause == judge.ByServer || truth.Cause == judge.HostDrop)
}

// finer are causes that packets show and recordings do not name.
var finer = map[judge.Cause]bool{judge.OldConnection: true, judge.DataRefused: true, judge.BadChecksum: true}
