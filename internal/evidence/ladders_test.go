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
	{Name: "an old connection answers", Ladder: "0ms c> SYN\n 0.3ms s> ACK ack+50000000\n 0.6ms c> RST seq+99\n 1s c> SYN\n 1.0003s s> SYN-ACK\n 1.0006s c> ACK"},
	{Name: "an ACK of this connection, whose SYN-ACK was not captured", Ladder: "0ms c> SYN\n 0.3ms s> ACK\n 1ms c> DATA"},
	{Name: "a wrong checksum", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK badsum\n 0.7ms c> DATA badsum\n 200ms c> DATA again badsum\n 1s s> SYN-ACK"},
	{Name: "a wrong checksum that was taken: the card fills it in", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> DATA badsum\n 0.9ms s> ACK\n 2ms c> DATA next badsum"},
	{Name: "a SYN with a wrong checksum", Ladder: "0ms c> SYN badsum\n 1s c> SYN badsum"},
	{Name: "it acknowledges what was never sent", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK ack+7000\n 0.9ms s> RST seq+7000"},
	{Name: "it acknowledges less than the SYN", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK ack-1\n 0.9ms s> RST"},
	{Name: "the server takes no data", Ladder: "0ms c> SYN ts=100\n 0.3ms s> SYN-ACK ts=900\n 0.6ms c> ACK ts=101\n 0.7ms c> DATA ts=50\n 0.9ms s> ACK ack-10\n 200ms c> DATA again ts=60\n 200.3ms s> ACK ack-10"},
	{Name: "data with a younger timestamp", Ladder: "0ms c> SYN ts=100\n 0.3ms s> SYN-ACK ts=900\n 0.6ms c> ACK ts=101\n 0.7ms c> DATA ts=102\n 0.9ms s> ACK ts=901"},
	{Name: "a cookie, by the age of its timestamp", Ladder: "0ms c> SYN ts=100\n 0.3ms s> SYN-ACK ts=900\n 0.6ms c> ACK ts=101\n 10ms c> DATA ts=110\n 10.3ms s> ACK ts=960"},
	{Name: "a request, by the age of its timestamp", Ladder: "0ms c> SYN ts=100\n 0.3ms s> SYN-ACK ts=900\n 0.6ms c> ACK ts=101\n 10ms c> DATA ts=110\n 10.3ms s> ACK ts=910"},
	{Name: "a timestamp that is too old for a cookie", Ladder: "0ms c> SYN ts=100\n 0.3ms s> SYN-ACK ts=900\n 0.6ms c> ACK ts=101\n 10ms c> DATA ts=110\n 10.3ms s> ACK ts=990"},
	{Name: "options are taken up", Ladder: "0ms c> SYN offers=scale offers=sack\n 0.3ms s> SYN-ACK offers=scale offers=sack\n 0.6ms c> ACK"},
	{Name: "options are not taken up", Ladder: "0ms c> SYN offers=scale offers=sack\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK"},
	{Name: "a reset in the server's name with another TTL", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK ttl=64\n 0.6ms c> ACK\n 1ms s> RST-ACK ttl=60"},
	{Name: "a reset whose number is far off", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 1ms s> RST seq+90000000"},
	{Name: "a reset whose number is before what was acknowledged", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 1ms s> RST-ACK seq-5"},
	{Name: "a reset that acknowledges nothing answers a SYN", Ladder: "0ms c> SYN\n 0.3ms s> RST\n 1s c> SYN\n 1.0003s s> SYN-ACK"},
	{Name: "a SYN is refused, with a number", Ladder: "0ms c> SYN\n 0.3ms s> RST-ACK"},
	{Name: "a SYN is refused, without", Ladder: "0ms c> SYN\n 0.3ms s> RST-ACK seq-5001"},
	{Name: "the client's reset has another TTL", Ladder: "0ms c> SYN ttl=64\n 0.3ms s> SYN-ACK\n 0.6ms c> RST ttl=50"},
	{Name: "a reset of the client after the handshake, answered by a stray one", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 1ms c> RST\n 2ms c> DATA\n 2.3ms s> RST"},
	{Name: "a reset that no end sent", Ladder: "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 1ms s> RST foreign"},
	{Name: "a SYN of both ends", Ladder: "0ms c> SYN\n 0.1ms c> SYN-ACK"},
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
