package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"listenq/internal/queue"
)

// TestVigil: a finding is told once, when it appears; where there is no terminal, none is.
func TestVigil(t *testing.T) {
	history := busyHost()
	for _, tt := range []struct {
		name  string
		width int
		next  time.Time
		told  int
	}{
		{"a terminal", 80, time.Time{}, 1},
		{"too early to say", 80, time.Now().Add(time.Hour), 0},
		{"no terminal", 0, time.Time{}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			v := newVigil(&out, time.Minute, queue.Filter{})
			v.width, v.next = tt.width, tt.next
			v.looked(history)
			v.next = tt.next
			v.looked(history)
			v.end()
			if err := v.w.Flush(); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(out.String(), "LQ006 0.0.0.0:8080: "); n != tt.told {
				t.Errorf("a finding was told %d times, want %d: %q", n, tt.told, out.String())
			}
			if got := strings.Contains(out.String(), "of 60 s"); got != (tt.width > 0) {
				t.Errorf("how far it is: %v: %q", got, out.String())
			}
		})
	}
}
