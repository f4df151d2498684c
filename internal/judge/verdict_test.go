package judge_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"

	"github.com/google/go-cmp/cmp"
)

const bothSides = evidence.ClientSide | evidence.ServerSide

// TestVerdict classifies every row of the kernel's decision table and every
// experiment about one attempt, with the evidence of the lab.
func TestVerdict(t *testing.T) {
	for _, c := range ladder.Attempts {
		t.Run(c.Name, func(t *testing.T) {
			v := ladder.Play(parse(t, c.Ladder), bothSides, true).Attempt(ladder.Client, ladder.Server).Verdict()
			if diff := cmp.Diff(c.Want, ladder.Short(v)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s%+v", diff, v)
			}
			if v.Confidence != judge.Certain || len(v.Alternatives) > 0 {
				t.Errorf("%s, alternatives %v; want certain", v.Confidence, v.Alternatives)
			}
		})
	}
}

// TestProgramVanishes: of a client whose calls were not reported its socket is gone when the
// next SYN was due. It cannot have timed out while it had retries left.
func TestProgramVanishes(t *testing.T) {
	for _, c := range []struct {
		name, setting, syns, gone string
		want                      judge.Outcome
	}{
		{"no setting is known", "", "", "1.95s", judge.TimedOut},
		{"it does not send again", "0", "", "1.95s", judge.TimedOut},
		{"it has six retries left", "6", "", "1.95s", judge.GaveUp},
		{"it has one retry left", "1", "", "1.95s", judge.GaveUp},
		{"it has none left", "1", "1s c> SYN drop=full\n", "3s", judge.TimedOut},
		{"when the first SYN is due again", "0", "", "900ms", judge.TimedOut},
		{"just before it is due", "0", "", "899ms", judge.GaveUp},
		{"nine tenths of the last gap", "1", "2s c> SYN drop=full\n", "3.8s", judge.TimedOut},
		{"just before nine tenths", "1", "2s c> SYN drop=full\n", "3.799s", judge.GaveUp},
	} {
		text := "0ms listener 4/3\n 0ms c> SYN drop=full\n 1ms client SYN_SENT\n " + c.syns + c.gone + " client NONE\n 5s end\n"
		if c.setting != "" {
			text = "0ms sysctl net.ipv4.tcp_syn_retries " + c.setting + "\n" + text
		}
		v := ladder.Play(parse(t, text), bothSides, true).Attempt(ladder.Client, ladder.Server).Verdict()
		if v.Outcome != c.want || v.Confidence != judge.Likely {
			t.Errorf("%s: %s, %s; want %s, likely", c.name, v.Outcome, v.Confidence, c.want)
		}
	}
}

// covers reports whether a reading, which may be weaker, says nothing that the
// true one denies.
func covers(r, truth judge.Reading) bool {
	switch {
	case r.Outcome == judge.Unknown:
		return true
	case r.Outcome == judge.EstablishedBoth && (truth.Outcome == judge.Accepted || truth.Outcome == judge.Queued):
		return r.Cause == truth.Cause || r.Cause == judge.NoCause && truth.Cause == judge.ByServer
	}
	return r.Outcome == truth.Outcome && r.Cause == truth.Cause && r.EndedBy == truth.EndedBy
}

// TestVerdictFromPackets plays the same attempts as captures of one side or of
// both: the verdict may be weaker, but the truth is always among what it allows.
func TestVerdictFromPackets(t *testing.T) {
	for _, view := range []struct {
		name  string
		sides evidence.Side
	}{{"client", evidence.ClientSide}, {"server", evidence.ServerSide}, {"both", bothSides}} {
		exact, best, seen := 0, 0, 0
		for _, c := range ladder.Attempts {
			t.Run(view.name+"/"+c.Name, func(t *testing.T) {
				a := ladder.Play(parse(t, c.Ladder), view.sides, false).Attempt(ladder.Client, ladder.Server)
				if a == nil {
					return // this side has seen no packet
				}
				seen++
				v := a.Verdict()
				want := strings.Fields(c.Want)
				truth := judge.Reading{Outcome: judge.Outcome(want[0]), Cause: judge.Cause(want[1]), EndedBy: judge.Cause(strings.TrimPrefix(want[2], "-"))}
				all := append([]judge.Reading{v.Reading}, v.Alternatives...)
				if !slices.ContainsFunc(all, func(r judge.Reading) bool { return covers(r, truth) }) {
					t.Errorf("truth %v is not among %v", truth, all)
				}
				if kind := string(v.Handshake); kind != "" && kind != want[4] {
					t.Errorf("handshake %s, want %s or unknown", kind, want[4])
				}
				if v.Confidence == judge.Certain {
					exact++
				}
				if covers(v.Reading, truth) {
					best++
				}
			})
		}
		t.Logf("%s: of %d attempts %d are certain and %d have the truth as the best reading", view.name, seen, exact, best)
	}
}

// TestCourse holds how an attempt came to its outcome: changes, delay, repeats.
func TestCourse(t *testing.T) {
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	type course struct {
		History             []handshake.Change
		Delay               time.Duration
		SYNs, SYNACKs, Data int
		Start               time.Duration
		Client, Server      netip.AddrPort
	}
	for _, c := range []struct {
		name, ladder string
		want         course
	}{
		{"late by a syn", "5ms c> SYN drop=full\n 1025ms c> SYN\n 1026ms s> SYN-ACK\n 1027ms c> ACK\n 1030ms server ESTABLISHED\n 2000ms server ESTABLISHED owned", course{
			History: []handshake.Change{{T: ms(5), Outcome: judge.Unanswered}, {T: ms(1026), Outcome: judge.Pending}, {T: ms(1027.2), Outcome: judge.Queued}, {T: ms(2000), Outcome: judge.Accepted}},
			Delay:   ms(1020), SYNs: 1, Start: ms(5),
		}},
		{"half-open, then forgotten", ladder.Overflow + "100ms c> DATA drop=full\n 300ms c> DATA again drop=full\n 1000ms s> SYN-ACK\n 3100ms server NONE", course{
			History: []handshake.Change{{T: 0, Outcome: judge.Unanswered}, {T: ms(0.3), Outcome: judge.Pending}, {T: ms(0.8), Outcome: judge.HalfOpen}, {T: ms(3100), Outcome: judge.Forgotten}},
			SYNACKs: 1, Data: 1,
		}},
		{"late by a syn-ack", ladder.Overflow + "1000ms s> SYN-ACK\n 1001ms c> ACK\n 1010ms server ESTABLISHED", course{
			History: []handshake.Change{{T: 0, Outcome: judge.Unanswered}, {T: ms(0.3), Outcome: judge.Pending}, {T: ms(0.8), Outcome: judge.HalfOpen}, {T: ms(1001.2), Outcome: judge.Queued}},
			Delay:   ms(1000.4), SYNACKs: 1,
		}},
		{"late by a syn-ack, a sample is told before it", ladder.Overflow + "1000ms s> SYN-ACK\n 1001ms c> ACK\n 1001.1ms server ESTABLISHED", course{
			History: []handshake.Change{{T: 0, Outcome: judge.Unanswered}, {T: ms(0.3), Outcome: judge.Pending}, {T: ms(0.8), Outcome: judge.HalfOpen}, {T: ms(1001.1), Outcome: judge.Queued}},
			Delay:   ms(1000.4), SYNACKs: 1,
		}},
		{"late by data, accept() returned before its delivery did", ladder.Overflow + "200ms c> DATA drop=full\n 600ms c> DATA again\n 600.1ms accepted\n 601ms server ESTABLISHED owned", course{
			History: []handshake.Change{{T: 0, Outcome: judge.Unanswered}, {T: ms(0.3), Outcome: judge.Pending}, {T: ms(0.8), Outcome: judge.HalfOpen}, {T: ms(600.1), Outcome: judge.Accepted}},
			Delay:   ms(599.4), Data: 1,
		}},
		{"late by data, accept() is told before it", ladder.Overflow + "200ms c> DATA drop=full\n 600ms c> DATA again\n 600.1ms accepted 0.2ms\n 601ms server ESTABLISHED owned", course{
			History: []handshake.Change{{T: 0, Outcome: judge.Unanswered}, {T: ms(0.3), Outcome: judge.Pending}, {T: ms(0.8), Outcome: judge.HalfOpen}, {T: ms(600.3), Outcome: judge.Accepted}},
			Delay:   ms(599.4), Data: 1,
		}},
		{"a program's client vanishes after its schedule", "0ms c> SYN drop=full\n 1ms client SYN_SENT\n 1000ms c> SYN drop=full\n 3010ms client NONE", course{
			History: []handshake.Change{{T: 0, Outcome: judge.Unanswered}, {T: ms(3010), Outcome: judge.TimedOut}}, SYNs: 1,
		}},
		{"a program's client vanishes before it", "0ms c> SYN drop=full\n 1ms client SYN_SENT\n 500ms client NONE\n 5000ms end", course{
			History: []handshake.Change{{T: 0, Outcome: judge.Unanswered}, {T: ms(500), Outcome: judge.GaveUp}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ladder.Play(parse(t, c.ladder), bothSides, true).Attempt(ladder.Client, ladder.Server)
			v := a.Verdict()
			got := course{a.History(), v.Delay, v.SynRetransmits, v.SynAckRetransmits, v.DataRetransmits, a.Start(), a.Client(), a.Server()}
			c.want.Client, c.want.Server = ladder.Client, ladder.Server
			if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Errorf("course (-want +got):\n%s", diff)
			}
			if v.Late != (c.want.Delay > 0) {
				t.Errorf("late is %v with a delay of %v", v.Late, v.Delay)
			}
		})
	}
}
