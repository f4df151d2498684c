package handshake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"listenq/internal/handshake"

	"github.com/google/go-cmp/cmp"
)

const bothSides = handshake.ClientSide | handshake.ServerSide

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func short(v handshake.Verdict) string {
	return fmt.Sprintf("%s %s %s %s %s", v.Outcome, v.Cause, dash(string(v.EndedBy)), dash(string(v.Struck)), dash(string(v.Handshake)))
}

// TestVerdict classifies every row of the kernel's decision table and every
// experiment about one attempt, with the evidence of the lab.
func TestVerdict(t *testing.T) {
	for _, c := range attempts {
		t.Run(c.name, func(t *testing.T) {
			v := play(parseLadder(t, c.ladder), bothSides, true).Attempt(clientAddr, serverAddr).Verdict()
			if diff := cmp.Diff(c.want, short(v)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s%+v", diff, v)
			}
			if v.Confidence != handshake.Certain || len(v.Alternatives) > 0 {
				t.Errorf("%s, alternatives %v; want certain", v.Confidence, v.Alternatives)
			}
		})
	}
}

// covers reports whether a reading, which may be weaker, says nothing that the
// true one denies.
func covers(r, truth handshake.Reading) bool {
	switch {
	case r.Outcome == handshake.Unknown:
		return true
	case r.Outcome == handshake.EstablishedBoth && (truth.Outcome == handshake.Accepted || truth.Outcome == handshake.Queued):
		return r.Cause == truth.Cause || r.Cause == handshake.NoCause && truth.Cause == handshake.ByServer
	}
	return r.Outcome == truth.Outcome && r.Cause == truth.Cause && r.EndedBy == truth.EndedBy
}

// TestVerdictFromPackets plays the same attempts as captures of one side or of
// both: the verdict may be weaker, but the truth is always among what it allows.
func TestVerdictFromPackets(t *testing.T) {
	for _, view := range []struct {
		name  string
		sides handshake.Side
	}{{"client", handshake.ClientSide}, {"server", handshake.ServerSide}, {"both", bothSides}} {
		exact, best, seen := 0, 0, 0
		for _, c := range attempts {
			t.Run(view.name+"/"+c.name, func(t *testing.T) {
				a := play(parseLadder(t, c.ladder), view.sides, false).Attempt(clientAddr, serverAddr)
				if a == nil {
					return // this side has seen no packet
				}
				seen++
				v := a.Verdict()
				want := strings.Fields(c.want)
				truth := handshake.Reading{Outcome: handshake.Outcome(want[0]), Cause: handshake.Cause(want[1]), EndedBy: handshake.Cause(strings.TrimPrefix(want[2], "-"))}
				all := append([]handshake.Reading{v.Reading}, v.Alternatives...)
				if !slices.ContainsFunc(all, func(r handshake.Reading) bool { return covers(r, truth) }) {
					t.Errorf("truth %v is not among %v", truth, all)
				}
				if kind := string(v.Handshake); kind != "" && kind != want[4] {
					t.Errorf("handshake %s, want %s or unknown", kind, want[4])
				}
				if v.Confidence == handshake.Certain {
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
