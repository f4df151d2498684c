package handshake_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func tell(a *handshake.Attempt) string {
	var b strings.Builder
	v := a.Verdict()
	for _, l := range a.Story(&v) {
		fmt.Fprintf(&b, "  %9.1f ms  %s\n", float64(l.T.Microseconds())/1000, l.Text)
	}
	return b.String()
}

// TestStory holds the stories of all attempts, with the lab's evidence and as
// captures of the server's side.
func TestStory(t *testing.T) {
	for name, view := range map[string]struct {
		sides evidence.Side
		full  bool
	}{"lab": {bothSides, true}, "server": {evidence.ServerSide, false}, "client": {evidence.ClientSide, false}} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			for _, c := range ladder.Attempts {
				a := ladder.Play(parse(t, c.Ladder), view.sides, view.full).Attempt(ladder.Client, ladder.Server)
				if a != nil {
					fmt.Fprintf(&got, "%s: %s\n%s\n", c.Name, ladder.Short(a.Verdict()), tell(a))
				}
			}
			golden(t, filepath.Join("testdata", "stories-"+name+".txt"), got.String())
		})
	}
}

// TestSampledStories holds those of attempts whose end only samples tell.
func TestSampledStories(t *testing.T) {
	var got strings.Builder
	for _, c := range ladder.Sampled {
		a := ladder.Play(parse(t, c.Ladder), bothSides, true).Attempt(ladder.Client, ladder.Server)
		fmt.Fprintf(&got, "%s: %s\n%s\n", c.Name, ladder.Short(a.Verdict()), tell(a))
	}
	golden(t, filepath.Join("testdata", "stories-sampled.txt"), got.String())
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// TestStoriesFold: connections that went alike have equal stories, whatever
// their addresses and whenever they were.
func TestStoriesFold(t *testing.T) {
	address := regexp.MustCompile(`\d+\.\d+\.\d+\.\d+|:\d+|\b40000\b`)
	later := regexp.MustCompile(`(?m)^\s*([0-9.]+)(m?s) `)
	for _, c := range ladder.Attempts {
		shifted := later.ReplaceAllStringFunc(c.Ladder, func(s string) string {
			var n float64
			var unit string
			if _, err := fmt.Sscanf(strings.TrimSpace(s), "%f%s", &n, &unit); err != nil {
				t.Fatal(err)
			}
			if unit == "ms" {
				n /= 1000
			}
			return fmt.Sprintf("%.6fs ", n+1000.012)
		})
		texts := func(text string) (all []string) {
			a := ladder.Play(parse(t, text), bothSides, true).Attempt(ladder.Client, ladder.Server)
			v := a.Verdict()
			for _, l := range a.Story(&v) {
				all = append(all, l.Text)
				if address.MatchString(l.Text) {
					t.Errorf("%s: %q holds an address", c.Name, l.Text)
				}
			}
			return all
		}
		if diff := cmp.Diff(texts(c.Ladder), texts(shifted)); diff != "" {
			t.Errorf("%s: told 1000 s later (-at once +later):\n%s", c.Name, diff)
		}
	}
}

// TestComments holds what a capture says of its packets.
func TestComments(t *testing.T) {
	for _, c := range []struct{ name, ladder, want string }{
		{"half-open", ladder.Overflow + "200ms c> DATA drop=full\n 400ms c> DATA again drop=full\n 1s s> SYN-ACK\n", `
			6 final ACK dropped: accept queue full, 4 of limit 3
			8 data dropped: accept queue full, 4 of limit 3
			9 data sent again (1)
			10 data dropped: accept queue full, 4 of limit 3
			11 SYN-ACK sent again (1)`},
		{"syn dropped", "0ms c> SYN drop=full\n 1s c> SYN lost\n 3s c> SYN drop=syn", `
			2 SYN dropped: accept queue full
			3 SYN lost on the wire
			4 SYN sent again (2)
			5 SYN dropped: SYN queue full`},
		{"abort", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK abort\n 0.9ms s> RST", `
			6 final ACK dropped: accept queue full
			7 RST: accept queue full and tcp_abort_on_overflow set`},
		{"phantom reset", "0ms c> SYN cookie\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK checked-full\n 1ms c> DATA checked-full\n 1.3ms c> DATA next rejected\n 1.6ms s> RST", `
			2 answered with a SYN cookie
			6 final ACK dropped: accept queue full
			8 data dropped: accept queue full
			11 RST: the SYN cookie does not check`},
		{"acks repeated", ladder.Overflow + "1s s> SYN-ACK\n 1.001s c> ACK drop=full", `
			6 final ACK dropped: accept queue full, 4 of limit 3
			7 SYN-ACK sent again (1)
			10 ACK that repeats the final one dropped: accept queue full, 4 of limit 3`},
		{"reset with its listener", ladder.Queued + "100ms s> RST-ACK", `
			7 RST to a queued connection: its listener is closed, or its program resets it`},
		{"ordinary", ladder.Queued + "2ms c> DATA\n 2.3ms s> ACK", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := handshake.New(handshake.Config{Sides: bothSides, Sockets: true})
			var got strings.Builder
			for _, e := range parse(t, c.ladder) {
				ladder.Apply(tr, e)
				if e.Packet == nil || e.Next {
					continue
				}
				if s := tr.Comment(e.Packet.Number); s != "" {
					fmt.Fprintf(&got, "\n\t\t\t%d %s", e.Packet.Number, s)
				}
			}
			if diff := cmp.Diff(c.want, got.String()); diff != "" {
				t.Errorf("comments (-want +got):\n%s", diff)
			}
		})
	}
}
