package diagnose

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"listenq/internal/lab/scenarios"
)

// parts are the headings that every text has, in this order.
var parts = []string{
	"## What clients feel", "## Why", "## How to check by hand", "## What to do", "## What not to do", "## Sources",
}

func TestTexts(t *testing.T) {
	for _, code := range Codes() {
		text, ok := Explain(code)
		if !ok {
			t.Errorf("%s has no text", code)
			continue
		}
		lines := strings.Split(text, "\n")
		if !strings.HasPrefix(text, "# "+code+": ") || !strings.HasSuffix(text, "\n") {
			t.Errorf("%s begins with %q", code, lines[0])
		}
		if len(lines) < 30 || len(lines) > 61 {
			t.Errorf("%s has %d lines", code, len(lines)-1)
		}
		var headings []string
		for i, line := range lines {
			if n := utf8.RuneCountInString(line); n > 80 || strings.TrimRight(line, " \t") != line {
				t.Errorf("%s line %d has %d columns, or blanks at its end: %q", code, i+1, n, line)
			}
			if strings.HasPrefix(line, "## ") {
				headings = append(headings, line)
			}
		}
		if !slices.Equal(headings, parts) {
			t.Errorf("%s has the parts %q", code, headings)
		}
	}
}

func TestNoOtherTexts(t *testing.T) {
	files, err := os.ReadDir("rules")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if code := strings.TrimSuffix(f.Name(), ".md"); !slices.Contains(Codes(), code) {
			t.Errorf("%s is the text of no rule", f.Name())
		}
	}
	for _, code := range []string{"", "LQ000", "lq001", "../rules/LQ001", "LQ001.md"} {
		if text, ok := Explain(code); ok {
			t.Errorf("Explain(%q) = %q", code, text)
		}
	}
}

// TestReferences looks up what the texts point to: other rules and experiments.
func TestReferences(t *testing.T) {
	rule, run := regexp.MustCompile(`LQ\d+`), regexp.MustCompile("`listenq lab run ([^`]*)`")
	for _, code := range Codes() {
		text, _ := Explain(code)
		for _, other := range rule.FindAllString(text, -1) {
			if !slices.Contains(Codes(), other) {
				t.Errorf("%s points to %s, which is no rule", code, other)
			}
		}
		for _, names := range run.FindAllStringSubmatch(text, -1) {
			for _, name := range strings.Fields(names[1]) {
				if !slices.Contains(scenarios.Names(), name) {
					t.Errorf("%s points to the experiment %s, which is none", code, name)
				}
			}
		}
	}
}
