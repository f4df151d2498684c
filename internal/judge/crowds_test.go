package judge_test

import (
	"fmt"
	"strings"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake/ladder"
)

// TestCrowds holds what is made of many clients of one listener, each beside what is nearly
// the same.
func TestCrowds(t *testing.T) {
	var got strings.Builder
	for _, c := range ladder.Crowds {
		events, err := ladder.Several(c.Parts...)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "== %s\n", c.Name)
		tell(&got, "server", ladder.Play(events, evidence.ServerSide, false))
		tell(&got, "both", ladder.Play(events, bothSides, false))
	}
	golden(t, "crowds.txt", got.String())
}
