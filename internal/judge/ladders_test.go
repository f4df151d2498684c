package judge_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// TestLadders holds what is made of each attempt with all that the lab is told, and of the
// packets of one end or of both: the same ladder, and how much less is known of it.
func TestLadders(t *testing.T) {
	var got strings.Builder
	for _, all := range ladder.Tables {
		for _, c := range all {
			events := parse(t, c.Ladder)
			fmt.Fprintf(&got, "== %s\n%s\n", c.Name, strings.TrimSpace(strings.ReplaceAll(c.Ladder, "\n ", "\n")))
			tell(&got, "lab", ladder.Play(events, bothSides, true))
			tell(&got, "both", ladder.Play(events, bothSides, false))
			tell(&got, "server", ladder.Play(events, evidence.ServerSide, false))
			tell(&got, "client", ladder.Play(events, evidence.ClientSide, false))
		}
	}
	golden(t, "verdicts.txt", got.String())
}

// tell writes what is made of each attempt and listener. What is told of several in a row
// stands there once.
func tell(b *strings.Builder, view string, tr *handshake.Tracker) {
	var last string
	again := 0
	end := func() {
		if again > 0 {
			fmt.Fprintf(b, "  and of %d more\n", again)
		}
		again = 0
	}
	for a := range tr.Attempts() {
		told := attempt(view, a)
		if told == last {
			again++
			continue
		}
		end()
		b.WriteString(told)
		last = told
	}
	end()
	for _, l := range tr.Listeners() {
		fmt.Fprintf(b, "  listener: %s, %s; %d overflowed, %d perhaps; %d old, %d rejected, %d open, %d untold, %d midway, %d unserved, %d late; full %v\n",
			l.Finding, l.Confidence, l.Overflowed, l.Perhaps, l.Old, l.Rejected, l.Open, l.Untold, l.Midway, l.Unserved, l.Late, l.Full)
	}
}

// attempt is what is made of one.
func attempt(view string, a *handshake.Attempt) string {
	var b strings.Builder
	v := a.Verdict()
	fmt.Fprintf(&b, "%s: %s, %s", view, ladder.Short(v), v.Confidence)
	if v.Late {
		fmt.Fprintf(&b, ", %v late", v.Delay)
	}
	if n := v.SynRetransmits + v.SynAckRetransmits + v.DataRetransmits; n > 0 {
		fmt.Fprintf(&b, ", again %d/%d/%d", v.SynRetransmits, v.SynAckRetransmits, v.DataRetransmits)
	}
	if s := a.Sequel(); s.What != "" {
		fmt.Fprintf(&b, ", %v", s)
	}
	fmt.Fprintln(&b)
	if best := judge.Best(a.Seen(), &judge.Queue{}); best != v.Reading {
		fmt.Fprintf(&b, "  alone: %v\n", best)
	}
	if len(v.Alternatives) > 0 {
		fmt.Fprintf(&b, "  or %v\n", v.Alternatives)
	}
	for _, h := range a.Hypotheses() {
		switch {
		case h.Out != "":
			fmt.Fprintf(&b, "  not: %v: %s\n", h.Hypothesis, h.Out)
		case h.Only != "":
			fmt.Fprintf(&b, "  yes: %v: %s\n", h.Hypothesis, h.Only)
		}
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
