package scenarios_test

import (
	"os"
	"regexp"
	"testing"

	"listenq/internal/lab/scenarios"
)

// connects finds a step that opens connections, which packets tell of.
var connects = regexp.MustCompile(`(?m)^(connect|exec|flood) `)

// TestTopics: each experiment is listed once, below a topic.
func TestTopics(t *testing.T) {
	for _, name := range scenarios.Names() {
		if scenarios.Topic(name) == "" {
			t.Errorf("%s has no topic: topics.go", name)
		}
	}
	all := scenarios.ByTopic()
	if len(all) != len(scenarios.Names()) {
		t.Errorf("%d experiments by topic, want %d", len(all), len(scenarios.Names()))
	}
	seen := map[string]bool{}
	for i, name := range all {
		topic := scenarios.Topic(name)
		if seen[topic] && scenarios.Topic(all[i-1]) != topic {
			t.Errorf("%s stands apart from its topic %q", name, topic)
		}
		seen[topic] = true
	}
}

// TestDocs: the tables that list experiments have all of them.
func TestDocs(t *testing.T) {
	for _, page := range []struct {
		path, made string
		lists      func(script []byte) bool
	}{
		{"kernels.md", "make kernel-table", func([]byte) bool { return true }},
		{"reference/agreement.md", "make agreement", connects.Match},
	} {
		text, err := os.ReadFile("../../../docs/" + page.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range scenarios.Names() {
			row := regexp.MustCompile("(?m)^\\| `?" + regexp.QuoteMeta(name) + "`?( \\*)? \\|")
			if page.lists(scenarios.Text(name)) && !row.Match(text) {
				t.Errorf("docs/%s has no row for %s: %s writes it", page.path, name, page.made)
			}
		}
	}
}
