package handshake_test

import (
	"slices"
	"strings"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake/ladder"
	"listenq/internal/story"
)

// TestEvidenceWords: a packet is cited as what it is, and beside each what is nearly the same.
func TestEvidenceWords(t *testing.T) {
	const opening = "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n "
	for _, c := range []struct{ name, ladder, want, not string }{
		{"a client that closes without a word", opening + "5ms c> FIN", "the client's FIN", "the client's first data"},
		{"a client that asks and closes", opening + "5ms c> DATA\n 6ms c> FIN", "the client's first data", "the client's FIN"},
		{"a SYN without an answer", "0ms c> SYN\n 1s c> SYN", "after 1.0 s: it has had no answer", "answered"},
		{"a SYN again, though it was answered", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 1s c> SYN\n 1.0003s s> SYN-ACK", "after 1.0 s, although the server had answered it", "no answer"},
		{"one that was answered at last, and again", "0ms c> SYN\n 1s c> SYN\n 1.0003s s> SYN-ACK\n 3s c> SYN\n 3.0003s s> SYN-ACK", "after 1.0 and 3.0 s: it had no answer at first", "it has had"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ladder.Play(parse(t, c.ladder), evidence.ServerSide, false).Attempt(ladder.Client, ladder.Server)
			v := a.Verdict()
			all := a.Evidence(&v)
			says := func(words string) bool {
				return slices.ContainsFunc(all, func(c story.Citation) bool { return strings.Contains(c.Text, words) })
			}
			if !says(c.want) || says(c.not) {
				t.Errorf("%q and not %q; got %+v", c.want, c.not, all)
			}
		})
	}
}
