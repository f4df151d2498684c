package evidence_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake/ladder"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// TestLadders holds what is seen of each attempt: with all that the lab is told, and of
// the packets that a capture at the server holds. Each ladder stands above what was seen of it.
func TestLadders(t *testing.T) {
	for _, view := range []struct {
		name  string
		sides evidence.Side
		full  bool
	}{
		{"lab", evidence.ClientSide | evidence.ServerSide, true},
		{"server", evidence.ServerSide, false},
	} {
		t.Run(view.name, func(t *testing.T) {
			var got strings.Builder
			for _, all := range [][]ladder.Case{ladder.Attempts, ladder.Sampled, ladder.Lookalikes, ladders} {
				for _, c := range all {
					events, err := ladder.Parse(c.Ladder)
					if err != nil {
						t.Fatal(err)
					}
					fmt.Fprintf(&got, "== %s\n%s\n", c.Name, strings.TrimSpace(strings.ReplaceAll(c.Ladder, "\n ", "\n")))
					for a := range ladder.Play(events, view.sides, view.full).Attempts() {
						fmt.Fprintf(&got, "-- %v\n", a.Client())
						write(&got, "attempt", reflect.ValueOf(a.Seen()).Elem())
						write(&got, "listener", reflect.ValueOf(a.Seen().On).Elem())
					}
				}
			}
			golden(t, "ladders-"+view.name+".txt", got.String())
		})
	}
}

// ladders are more attempts, for what the others do not show.
var ladders = []ladder.Case{
	{Name: "a SYN that is sent twice at once", Ladder: "0ms c> SYN twice\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK"},
	{Name: "two segments, the second again", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 1ms c> DATA\n 2ms c> DATA\n 2.3ms s> ACK\n 300ms c> DATA again\n 300.3ms s> ACK"},
	{Name: "a keep-alive", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 5s c> KEEPALIVE\n 5.0003s s> ACK"},
	{Name: "both close", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 1ms s> FIN\n 1.3ms c> FIN\n 1.6ms s> ACK"},
	{Name: "the client half-closes, the server answers and closes", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 1ms c> FIN\n 2ms s> DATA\n 3ms s> FIN"},
	{Name: "a port is used again", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 1ms c> FIN\n 2ms s> FIN\n 100ms c> SYN newisn\n 100.3ms s> SYN-ACK\n 100.6ms c> ACK"},
}

// write writes what is not zero, one line for each part.
func write(b *strings.Builder, part string, v reflect.Value) {
	var line strings.Builder
	for i := range v.NumField() {
		field, f := v.Type().Field(i), v.Field(i)
		if !field.IsExported() || f.IsZero() || f.Kind() == reflect.Pointer || field.Name == "Ends" {
			continue
		}
		switch x := f.Interface().(type) {
		case evidence.Series:
			fmt.Fprintf(&line, " %s %d %v..%v", field.Name, x.N, x.First, x.Last)
		case []evidence.Note, evidence.Counters:
			fmt.Fprintf(&line, " %s %v", field.Name, x)
		case bool:
			fmt.Fprintf(&line, " %s", field.Name)
		default:
			if f.Kind() == reflect.Struct && !f.Type().Implements(reflect.TypeFor[fmt.Stringer]()) {
				defer write(b, field.Name, f)
				continue
			}
			fmt.Fprintf(&line, " %s %v", field.Name, x)
		}
	}
	fmt.Fprintf(b, "%s:%s\n", part, line.String())
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
