package scenarios

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestSourcesAreListed: each letter that a script names as its source is in the list of
// sources.
func TestSourcesAreListed(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	letter := regexp.MustCompile(`(?m)^# Source:.*\(([a-z])\)`)
	found := 0
	for _, name := range Names() {
		for _, m := range letter.FindAllSubmatch(Text(name), -1) {
			found++
			if !strings.Contains(string(page), "\n| "+string(m[1])+" | ") {
				t.Errorf("%s: source (%s) is not in docs/reference/sources.md", name, m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no script names such a source")
	}
}
