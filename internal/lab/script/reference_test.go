package script

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"listenq/internal/queue"
)

const referencePage = "../../../docs/reference/lab.md"

// TestReference compares what the reference says between its markers with the
// tables that the language is made of.
func TestReference(t *testing.T) {
	text, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, content := range map[string]string{
		"forms":       formsTable(),
		"functions":   functionsTable(),
		"connections": membersTable(aConnection),
		"listeners":   membersTable(aListener),
		"commands":    membersTable(aCommand),
		"filters":     membersTable(aFilter),
		"observed":    membersTable(theObserved),
		"words":       wordsTable(),
		"counters":    countersTable(),
	} {
		if want, err = replaceSection(want, name, content); err != nil {
			t.Fatal(err)
		}
	}
	compareGolden(t, referencePage, want)
}

// replaceSection puts content between the markers of a section.
func replaceSection(text, name, content string) (string, error) {
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
	before, rest, ok := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", fmt.Errorf("the section %s has no markers", name)
	}
	return before + begin + content + end + after, nil
}

// countersTable is queue.CounterTable by the names that scripts use. Each of them has one.
func countersTable() string {
	var b strings.Builder
	b.WriteString("| counter | nstat calls it | what it counts |\n|---|---|---|\n")
	for _, c := range queue.CounterTable {
		short := withoutGroup(c.Name)
		if counterNames()[short] != c.Name {
			short = "(has no short name)"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", short, c.Name, c.Counts)
	}
	return b.String()
}

func formsTable() string {
	var b strings.Builder
	b.WriteString("```\n")
	for _, v := range verbs() {
		for _, form := range v.forms {
			b.WriteString(form + "\n")
		}
	}
	b.WriteString("```\n")
	return b.String()
}

func functionsTable() string {
	rows := [][]string{{"function", "is"}}
	for _, f := range functions {
		rows = append(rows, []string{"`" + f.form + "`", f.meaning})
	}
	return table(rows)
}

func membersTable(b base) string {
	rows := [][]string{{"member", "type", "is"}}
	for _, m := range memberTables()[b] {
		rows = append(rows, []string{"`" + m.name + "`", m.kind.String(), m.doc})
	}
	return table(rows)
}

func wordsTable() string {
	rows := [][]string{{"type", "words"}}
	for _, v := range vocabularies {
		var words []string
		for _, w := range v.words {
			words = append(words, "`"+strings.ReplaceAll(fmt.Sprintf("%q", w), "|", `\|`)+"`")
		}
		rows = append(rows, []string{v.noun, strings.Join(words, " ")})
	}
	slices.SortFunc(rows[1:], slices.Compare)
	return table(rows)
}

// table writes rows, the first of which is the head, in Markdown.
func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
		}
	}
	return b.String()
}

// TestReferenceExamples parses every example of the reference, and checks that
// every verb has one.
func TestReferenceExamples(t *testing.T) {
	text, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{"network": true, "require": true, "files": true} // are no steps
	for i, part := range strings.Split(string(text), "```lab\n")[1:] {
		example, _, _ := strings.Cut(part, "```")
		s, err := Parse(fmt.Sprintf("example %d", i+1), []byte(example), testFacts)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Title == "" {
			t.Errorf("example %d has no title", i+1)
		}
		for _, step := range s.Steps {
			used[strings.Fields(step.Text)[0]] = true
		}
	}
	for _, verb := range verbNames() {
		if !used[verb] {
			t.Errorf("no example has the verb %s", verb)
		}
	}
}
