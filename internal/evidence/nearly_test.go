package evidence_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
)

// TestNearly holds what is seen of ladders that differ in a single place from those of the
// tables, as checksums. go test -artifacts keeps the text, to be compared with that of the
// commit before.
func TestNearly(t *testing.T) {
	text, err := os.Create(filepath.Join(t.ArtifactDir(), "nearly.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	sums, err := ladder.Digest(text, func(b *strings.Builder, events []ladder.Event) {
		view(b, "lab", ladder.Play(events, evidence.ClientSide|evidence.ServerSide, true))
		view(b, "server", ladder.Play(events, evidence.ServerSide, false))
		view(b, "client", ladder.Play(events, evidence.ClientSide, false))
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "nearly.txt", sums)
}

// view writes what is seen of each attempt, and of all together.
func view(b *strings.Builder, name string, tr *handshake.Tracker) {
	var scene *evidence.Scene
	defer func() {
		if scene != nil {
			write(b, "scene", reflect.ValueOf(scene).Elem())
		}
	}()
	for a := range tr.Attempts() {
		scene = a.Seen().Scene
		b.WriteString("-- " + name + "\n")
		write(b, "attempt", reflect.ValueOf(a.Seen()).Elem())
		write(b, "listener", reflect.ValueOf(a.Seen().On).Elem())
	}
}
