package judge_test

import (
	"strings"
	"testing"

	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"

	"github.com/google/go-cmp/cmp"
)

// TestSampled holds verdicts of attempts whose end only samples tell.
func TestSampled(t *testing.T) {
	for _, c := range ladder.Sampled {
		t.Run(c.Name, func(t *testing.T) {
			v := ladder.Play(parse(t, c.Ladder), bothSides, true).Attempt(ladder.Client, ladder.Server).Verdict()
			if diff := cmp.Diff(c.Want, ladder.Short(v)+" "+string(v.Confidence)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s%+v", diff, v)
			}
		})
	}
}

// TestEndStays: what has ended an attempt is the same after each later event.
func TestEndStays(t *testing.T) {
	const text = ladder.Overflow + "1s s> SYN-ACK\n 3.1s server NONE\n 4s c> DATA\n 4.0003s s> RST\n 4.1s server NONE\n"
	const later = "6s listener closed\n 6.1s server NONE\n 7s c> DATA\n 7.0003s s> RST\n 8s listener 0/3\n 9s listener closed"
	a := func(text string) judge.Reading {
		return ladder.Play(parse(t, text), bothSides, true).Attempt(ladder.Client, ladder.Server).Verdict().Reading
	}
	want, more := a(text), text
	for line := range strings.Lines(later) {
		more += line
		if diff := cmp.Diff(want, a(more)); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", line, diff)
		}
	}
}
