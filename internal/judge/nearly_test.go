package judge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"
)

// TestNearly holds what is made of ladders that differ in a single place from those of the
// tables, as checksums. go test -artifacts keeps the text, to be compared with that of the
// commit before.
func TestNearly(t *testing.T) {
	text, err := os.Create(filepath.Join(t.ArtifactDir(), "nearly.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	sums, err := ladder.Digest(text, func(b *strings.Builder, events []ladder.Event) {
		reckon(b, "lab", ladder.Play(events, bothSides, true))
		reckon(b, "both", ladder.Play(events, bothSides, false))
		reckon(b, "server", ladder.Play(events, evidence.ServerSide, false))
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "nearly.txt", sums)
}

// reckon writes what is made of each attempt and listener, and what that was made of.
func reckon(b *strings.Builder, view string, tr *handshake.Tracker) {
	tell(b, view, tr)
	for a := range tr.Attempts() {
		fmt.Fprintf(b, "  %+v %+v\n", judge.VisitOf(a.Seen()), judge.Stands(a.Seen()))
	}
	for _, l := range tr.Listeners() {
		fmt.Fprintf(b, "  %+v\n  %+v\n", l.Tally, l.Queue)
	}
}
