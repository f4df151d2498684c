package facts

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
	"listenq/internal/lab/settings"
)

// The text of a probe says what its fact means either way.
func TestProbeTexts(t *testing.T) {
	for _, name := range scenarios.Facts() {
		s := Probe(name)
		ifTrue, ifFalse := Meanings(s)
		if strings.HasPrefix(ifFalse, "Not so") || ifTrue == "" || s.Source == "" {
			t.Errorf("%s: true: %q, false: %q, source: %q", name, ifTrue, ifFalse, s.Source)
		}
		if _, ok := s.Steps[len(s.Steps)-1].Do.(script.Expect); !ok {
			t.Errorf("%s does not end with an expectation", name)
		}
		for _, r := range Readings[name] {
			if r.Title == "" || r.Meaning == nil {
				t.Errorf("%s has no title or meaning", r.Name)
			}
		}
	}
}

// The limit of a listener that asks for the most is the setting of its namespace.
func TestLongestQueue(t *testing.T) {
	want, err := os.ReadFile(settings.Path(Somaxconn))
	if err != nil {
		t.Skipf("needs %s to compare with: %v", Somaxconn, err)
	}
	got, err := LongestQueue()
	if err != nil || fmt.Sprintln(got) != string(want) {
		t.Errorf("%d, %v; want %s", got, err, want)
	}
}
