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
			for _, all := range ladder.Tables {
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
