package text_test

import (
	"testing"
	"time"

	"listenq/internal/text"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                          "0 ms",
		350 * time.Millisecond:     "350 ms",
		time.Second:                "1.0 s",
		99900 * time.Millisecond:   "99.9 s",
		100 * time.Second:          "2 min",
		99 * time.Minute:           "99 min",
		100 * time.Minute:          "2 h",
		50 * time.Hour:             "50 h",
		999*time.Millisecond + 999: "999 ms",
	} {
		if got := text.Span(d); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}
