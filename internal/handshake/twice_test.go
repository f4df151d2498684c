package handshake_test

import (
	"slices"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"
	"listenq/internal/story"

	"github.com/google/go-cmp/cmp"
)

// told is all that is told of an attempt.
type told struct {
	Verdict judge.Verdict
	History []handshake.Change
	Story   []story.Line
	Cited   []story.Citation
	Thought []judge.Ruling
	Then    judge.Sequel
}

func all(a *handshake.Attempt) told {
	v := a.Verdict()
	return told{v, a.History(), a.Story(&v), a.Evidence(&v), a.Hypotheses(), a.Sequel()}
}

// TestJudgingChangesNothing: what is judged and told after each event is judged and told at
// the end as if nobody had asked before; and a second time alike.
func TestJudgingChangesNothing(t *testing.T) {
	views := []struct {
		name  string
		sides evidence.Side
		full  bool
	}{{"lab", bothSides, true}, {"server", evidence.ServerSide, false}, {"client", evidence.ClientSide, false}, {"both", bothSides, false}}
	for _, c := range slices.Concat(ladder.Attempts, ladder.Sampled, ladder.Lookalikes) {
		for _, view := range views {
			t.Run(view.name+"/"+c.Name, func(t *testing.T) {
				events := parse(t, c.Ladder)
				asked := ladder.PlayEach(events, view.sides, view.full, func(tr *handshake.Tracker) {
					tr.Listeners()
					for a := range tr.Attempts() {
						all(a)
					}
				})
				same(t, ladder.Play(events, view.sides, view.full), asked)
				same(t, asked, asked)
			})
		}
	}
}

// same fails if two trackers do not tell the same.
func same(t *testing.T, want, got *handshake.Tracker) {
	t.Helper()
	listeners := want.Listeners()
	for a := range want.Attempts() {
		if diff := cmp.Diff(all(a), all(got.Attempt(a.Client(), a.Server()))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a.Client(), diff)
		}
	}
	if diff := cmp.Diff(listeners, got.Listeners(), cmp.Comparer(func(a, b handshake.ListenerVerdict) bool {
		return a.Address == b.Address && a.Finding == b.Finding && a.Confidence == b.Confidence && a.Text == b.Text && a.Queue == b.Queue && cmp.Equal(a.Evidence, b.Evidence)
	})); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
}
