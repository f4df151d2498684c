package lab

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/lab/facts"
	"listenq/internal/lab/settings"
)

var update = flag.Bool("update", false, "write the generated parts of the reference anew")

const reference = "../../docs/reference/lab.md"

// TestReferenceTables holds the tables of facts and settings true.
func TestReferenceTables(t *testing.T) {
	var known, defaults strings.Builder
	known.WriteString("| fact | what it says |\n|---|---|\n")
	for _, f := range facts.All() {
		fmt.Fprintf(&known, "| `%s` | %s |\n", f.Name, f.Meaning)
	}
	defaults.WriteString("| setting | value | is |\n|---|---|---|\n")
	for _, s := range settings.All {
		fmt.Fprintf(&defaults, "| `%s` | %s | %s |\n", s.Name, s.Value, s.Meaning)
	}
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	want := generated(t, generated(t, string(page), "facts", known.String()), "settings", defaults.String())
	if *update {
		if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(page)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", reference, diff)
	}
}

// generated puts text between the markers of that name.
func generated(t *testing.T, page, name, text string) string {
	t.Helper()
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	before, rest, ok := strings.Cut(page, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("no markers for %s in %s", name, reference)
	}
	return before + begin + text + end + after
}
