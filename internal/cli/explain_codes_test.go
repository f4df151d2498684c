package cli

import (
	"strings"
	"testing"

	"listenq/internal/diagnose"
)

func TestExplained(t *testing.T) {
	all, err := explained(nil)
	if err != nil || len(all) != len(diagnose.Codes()) {
		t.Fatalf("%d texts: %v", len(all), err)
	}
	for _, r := range all {
		if r.Title == "" || strings.Contains(r.Title, r.Code) || strings.HasPrefix(r.Title, "#") {
			t.Errorf("%s has the title %q", r.Code, r.Title)
		}
	}
	if one, err := explained([]string{"lq003"}); err != nil || one[0].Code != "LQ003" {
		t.Errorf("lq003: %v", err)
	}
	if _, err := explained([]string{"LQ999"}); exitCode(err) != exitError {
		t.Errorf("LQ999: %v", err)
	}
}
