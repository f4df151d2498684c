package lab

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated parts of the reference anew")

const reference = "../../docs/reference/lab.md"

// TestReferenceTables holds the tables of facts and settings true.
func TestReferenceTables(t *testing.T) {
	var facts, defaults strings.Builder
	facts.WriteString("| fact | what it says |\n|---|---|\n")
	for _, f := range Facts() {
		fmt.Fprintf(&facts, "| `%s` | %s |\n", f.Name, f.Meaning)
	}
	defaults.WriteString("| setting | value | is |\n|---|---|---|\n")
	for _, s := range settings {
		fmt.Fprintf(&defaults, "| `%s` | %s | %s |\n", s.name, s.value, s.meaning)
	}
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	want := generated(t, generated(t, string(page), "facts", facts.String()), "settings", defaults.String())
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
