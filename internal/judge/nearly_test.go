package judge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake/ladder"
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
		tell(b, "lab", ladder.Play(events, bothSides, true))
		tell(b, "both", ladder.Play(events, bothSides, false))
		tell(b, "server", ladder.Play(events, evidence.ServerSide, false))
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "nearly.txt", sums)
}
