package judge_test

import (
	"strings"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"
)

// TestHoles: what a capture has lost in between is not told to have not happened; beside each
// is the whole connection.
func TestHoles(t *testing.T) {
	const SYN, ACK, RST, FIN = evidence.SYN, evidence.ACK, evidence.RST, evidence.FIN
	type step struct {
		at       time.Duration
		server   bool
		flags    evidence.Flags
		seq, ack uint32
		size     int
	}
	syn, synack, final := step{0, false, SYN, 1000, 0, 0}, step{ms, true, SYN | ACK, 5000, 1001, 0}, step{20 * ms, false, ACK, 1001, 5001, 0}
	data, taken, answer := step{21 * ms, false, ACK, 1001, 5001, 10}, step{22 * ms, true, ACK, 5001, 1011, 0}, step{31 * ms, true, ACK, 5001, 1011, 5}
	refusal := step{40 * ms, true, RST, 5001, 0, 0}
	end := func(steps ...step) []step {
		return append(steps, step{50 * ms, false, ACK | FIN, 1011, 5006, 0}, step{3 * time.Second, false, ACK, 1012, 5007, 0})
	}
	for _, c := range []struct {
		name    string
		steps   []step
		outcome judge.Outcome
		then    judge.What
		after   time.Duration
		says    string // of the listener
	}{
		{"whole", []step{syn, synack, final, data, taken, answer}, judge.Accepted, judge.Served, 10 * ms, ""},
		{"without the SYN-ACK", []step{syn, final, data, taken, answer}, judge.Accepted, judge.Served, 10 * ms, ""},
		{"without SYN-ACK, answer and final ACK", end(syn, data, taken), judge.EstablishedBoth, judge.Unserved, 2979 * ms, ""},
		{"without the data", end(syn, synack, final, taken), judge.EstablishedBoth, judge.Unserved, 2950 * ms, ""},
		{"without anything of the client after its SYN", []step{syn, synack, taken, answer}, judge.Accepted, "", 0, ""},
		{"without SYN-ACK and final ACK", []step{syn, taken}, judge.Unknown, "", 0, "no handshake is in the capture whole"},
		{"refused", []step{syn, {ms, true, RST | ACK, 0, 1001, 0}}, judge.Refused, "", 0, "refused"},
		{"reset, without the SYN-ACK", []step{syn, final, refusal}, judge.Unknown, "", 0, "no handshake is in the capture whole"},
		{"without the server", []step{syn, final, data}, judge.Unknown, "", 0, "the server's packets are not in the capture"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := handshake.New(handshake.Config{})
			for n, x := range c.steps {
				p := evidence.Packet{Number: n + 1, T: x.at, Src: ladder.Client, Dst: ladder.Server, Seq: x.seq, Ack: x.ack, Len: x.size, Flags: x.flags}
				if x.server {
					p.Src, p.Dst = p.Dst, p.Src
				}
				tr.Packet(p)
			}
			a := tr.Attempt(ladder.Client, ladder.Server)
			if v, then := a.Verdict(), a.Sequel(); v.Outcome != c.outcome || then != (judge.Sequel{What: c.then, After: c.after}) {
				t.Errorf("%v, %v; want %s, %s after %v", v.Reading, then, c.outcome, c.then, c.after)
			}
			says(t, tr, c.says)
		})
	}
}

// says fails if the verdict on the listener does not have those words.
func says(t *testing.T, tr *handshake.Tracker, words string) {
	t.Helper()
	for _, l := range tr.Listeners() {
		if !strings.Contains(l.Text, words) {
			t.Errorf("%s: %s; want %q", l.Finding, l.Text, words)
		}
	}
}
