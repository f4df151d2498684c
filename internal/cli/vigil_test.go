package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"listenq/internal/queue"
	"listenq/internal/text"
	"listenq/internal/watch"
)

// TestVigil: a finding is printed once, when it appears.
func TestVigil(t *testing.T) {
	busy := *busyHost().Last()
	for _, tt := range []struct {
		name  string
		width int
		next  time.Time
		told  int
	}{
		{"at once", 80, time.Time{}, 1},
		{"too early to say", 80, time.Now().Add(time.Hour), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			from := watch.New(func(s *queue.Sample) error { *s = busy; return nil }, watch.Options{})
			v := &vigil{w: text.NewWriter(&out), width: tt.width, began: time.Now(), period: time.Minute, told: map[string]bool{}}
			for range 2 {
				if err := from.Take(); err != nil {
					t.Fatal(err)
				}
				v.next = tt.next
				v.looked(from)
			}
			if err := v.w.Flush(); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(out.String(), "LQ014 0.0.0.0:8080: "); n != tt.told {
				t.Errorf("a finding was told %d times, want %d: %q", n, tt.told, out.String())
			}
			if !strings.Contains(out.String(), "of 60 s") {
				t.Errorf("how far it is: %q", out.String())
			}
		})
	}
}

// TestVigilWithoutTerminal: where nobody looks, nothing is shown.
func TestVigilWithoutTerminal(t *testing.T) {
	var out bytes.Buffer
	from := watch.New(func(*queue.Sample) error { return nil }, watch.Options{})
	end := showVigil(t.Context(), &out, from, time.Minute, queue.Filter{})
	if err := from.Take(); err != nil {
		t.Fatal(err)
	}
	end()
	if out.Len() > 0 {
		t.Errorf("shown: %q", out.String())
	}
}
