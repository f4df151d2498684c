// Command kerneltable writes docs/kernels.md: what kernels do, facts × kernels and
// outcomes × kernels, and puts the rows of single experiments into the pages of
// docs/explain. It reads the JSON of one run of experiments on them:
//
//	listenq lab run --json --kernel host --kernel A … > runs.json
//	go run ./test/kerneltable [-docs FOLDER] runs.json
package main

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"listenq/internal/answer"
)

// document is what `lab run --kernel --json` prints.
type document struct {
	Runs    []answer.Run
	Kernels []struct {
		Kernel, Version string
		Facts           []fact
	}
}

type fact struct {
	Name, Group, Meaning string
	UnknownBecause       string `json:"unknown_because"`
	Value                any
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("test/kerneltable: ")
	docs := flag.String("docs", "docs", "folder of the documents")
	flag.Parse()
	text, err := os.ReadFile(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	var a document
	if err := json.Unmarshal(text, &a); err != nil {
		log.Fatal(err)
	}
	if len(a.Kernels) == 0 || len(a.Runs)%len(a.Kernels) != 0 {
		log.Fatalf("%s has %d runs on %d kernels", flag.Arg(0), len(a.Runs), len(a.Kernels))
	}
	if err := os.WriteFile(filepath.Join(*docs, "kernels.md"), []byte(a.page()), 0o644); err != nil {
		log.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(*docs, "explain", "*.md"))
	if err != nil {
		log.Fatal(err)
	}
	for _, page := range pages {
		if err := a.fill(page); err != nil {
			log.Fatal(err)
		}
	}
}

// page is docs/kernels.md.
func (a *document) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# What kernels do

Made by `+"`make kernel-table`"+` on %s, from runs of listenq on these
kernels. Version numbers do not tell what a kernel does, as distributions back-port:
`+"`listenq kernel`"+` finds it out of yours, and `+"`listenq lab run NAME --kernel FILE`"+` of
another.

`+"%s"+`
## Facts

What is alike on all of them comes last. A question mark is a fact that could not
be found out there, `+"`listenq kernel --kernel FILE`"+` says why.

`, time.Now().Format("2 January 2006"), a.kernels())
	a.writeFacts(&b)
	b.WriteString(`
## Outcomes

`)
	a.writeOutcomes(&b)
	b.WriteString(older)
	return b.String()
}

// older is what kernels do that are not at hand.
//
//go:embed older.md
var older string

// kernels is the table of the kernels.
func (a *document) kernels() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| Linux | build | ran | where |\n|---|---|---|---|\n")
	for i, k := range a.Kernels {
		where := "virtual machine"
		if i == 0 {
			where = "host"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", escape(k.Kernel), escape(k.Version), time.Now().Format(time.DateOnly), where)
	}
	return b.String()
}

// writeFacts writes a table of the facts that differ, and one of those that do not.
func (a *document) writeFacts(b *strings.Builder) {
	var differ, alike []string
	for _, f := range a.Kernels[0].Facts {
		var cells []string
		for k := range a.Kernels {
			cells = append(cells, a.value(k, f.Name))
		}
		if len(slices.Compact(slices.Clone(cells))) > 1 {
			differ = append(differ, fmt.Sprintf("| `%s` | %s |", f.Name, strings.Join(cells, " | ")))
		} else {
			alike = append(alike, fmt.Sprintf("| `%s` | %s | %s |", f.Name, cells[0], escape(f.Meaning)))
		}
	}
	fmt.Fprintf(b, "| fact | %s |\n|---|%s\n%s\n\n", strings.Join(a.names(), " | "), strings.Repeat("---|", len(a.Kernels)), strings.Join(differ, "\n"))
	fmt.Fprintf(b, "| fact, alike on all | value | |\n|---|---|---|\n%s\n", strings.Join(alike, "\n"))
}

// value is a fact's on kernel k.
func (a *document) value(k int, name string) string {
	for _, f := range a.Kernels[k].Facts {
		if f.Name == name && f.Value != nil {
			return escape(fmt.Sprint(f.Value))
		}
	}
	return "?"
}

func (a *document) names() []string {
	var names []string
	for _, k := range a.Kernels {
		names = append(names, escape(k.Kernel))
	}
	return names
}

// writeOutcomes writes scenario × kernel, and below it what differs.
func (a *document) writeOutcomes(b *strings.Builder) {
	count := len(a.Runs) / len(a.Kernels)
	fmt.Fprintf(b, "| experiment | %s |\n|---|%s\n", strings.Join(a.names(), " | "), strings.Repeat("---|", len(a.Kernels)))
	var source, notes, branches []string
	for i := range count {
		runs := a.of(i)
		var cells []string
		for k, run := range runs {
			cell := outcome(run)
			if cell != "pass" {
				notes = append(notes, fmt.Sprintf("- `%s` on %s: %s", run.Scenario, a.names()[k], escape(why(run))))
			}
			cells = append(cells, cell)
		}
		if why := a.decidedBy(runs); len(why) > 0 {
			branches = append(branches, fmt.Sprintf("- `%s`: %s", runs[0].Scenario, strings.Join(why, ", ")))
		}
		name := fmt.Sprintf("`%s`", runs[0].Scenario)
		if lines := notRun(runs); len(lines) > 0 {
			name += " *"
			source = append(source, fmt.Sprintf("`%s` (line %s)", runs[0].Scenario, strings.Join(lines, ", ")))
		}
		fmt.Fprintf(b, "| %s | %s |\n", name, strings.Join(cells, " | "))
	}
	if len(notes) > 0 {
		fmt.Fprintf(b, "\nWhat did not run or did not pass:\n\n%s\n", strings.Join(notes, "\n"))
	}
	if len(branches) > 0 {
		fmt.Fprintf(b, "\nWhat passes in other ways on some of them:\n\n%s\n", strings.Join(branches, "\n"))
	}
	if len(source) > 0 {
		fmt.Fprintf(b, "\n\\* has a branch that none of these kernels takes; it was read in the kernel's source,\nnot run: %s.\n", strings.Join(source, ", "))
	}
}

// decidedBy names the facts that the runs of one script asked for and in which their
// kernels differ.
func (a *document) decidedBy(runs []answer.Run) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(runs[0].Facts)) {
		on := map[string][]string{}
		for k, run := range runs {
			if value, ok := run.Facts[name]; ok && run.Skipped == "" {
				on[fmt.Sprint(value)] = append(on[fmt.Sprint(value)], a.names()[k])
			}
		}
		if len(on) < 2 {
			continue
		}
		for _, value := range slices.Sorted(maps.Keys(on)) {
			all = append(all, fmt.Sprintf("`%s` is %s on %s", name, value, strings.Join(on[value], ", ")))
		}
	}
	return all
}

// of are the runs of one script, one for each kernel.
func (a *document) of(i int) []answer.Run {
	var runs []answer.Run
	for k := range a.Kernels {
		runs = append(runs, a.Runs[k*(len(a.Runs)/len(a.Kernels))+i])
	}
	return runs
}

func outcome(run answer.Run) string {
	switch {
	case run.Skipped != "":
		return "not run"
	case run.Error != "":
		return "error"
	case !run.Pass:
		return "**fails**"
	}
	return "pass"
}

func why(run answer.Run) string {
	for _, x := range run.Expectations {
		if !x.Pass && x.NotTaken == "" {
			return fmt.Sprintf("line %d: %s: %s", x.Line, x.Text, x.Got)
		}
	}
	return run.Skipped + run.Error
}

// notRun are the lines that are marked as from source and that no kernel took.
func notRun(runs []answer.Run) []string {
	taken := map[int]bool{}
	for _, run := range runs {
		for _, x := range run.Expectations {
			if x.FromSource {
				taken[x.Line] = taken[x.Line] || x.NotTaken == ""
			}
		}
	}
	var lines []string
	for _, line := range slices.Sorted(maps.Keys(taken)) {
		if !taken[line] {
			lines = append(lines, fmt.Sprint(line))
		}
	}
	return lines
}

var kernelsBlock = regexp.MustCompile(`(?s)(<!-- kernels ([a-z0-9-]+) -->\n).*?(<!-- end kernels -->)`)

// fill puts the table of one experiment between the marks for it in a page.
func (a *document) fill(page string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	var missing error
	filled := kernelsBlock.ReplaceAllStringFunc(string(text), func(block string) string {
		m := kernelsBlock.FindStringSubmatch(block)
		table, err := a.table(m[2])
		if err != nil {
			missing = fmt.Errorf("%s: %w", page, err)
		}
		return m[1] + table + m[3]
	})
	if missing != nil || filled == string(text) {
		return missing
	}
	return os.WriteFile(page, []byte(filled), 0o644)
}

// table is what became of the connections of one experiment on each kernel.
func (a *document) table(scenario string) (string, error) {
	for i := range len(a.Runs) / len(a.Kernels) {
		runs := a.of(i)
		if runs[0].Scenario != scenario {
			continue
		}
		var b strings.Builder
		fmt.Fprintf(&b, "| Linux | on | what became of the connections | counters of the server |\n|---|---|---|---|\n")
		for k, run := range runs {
			fmt.Fprintf(&b, "| %s %s | %s | %s | %s |\n", a.names()[k], escape(a.Kernels[k].Version), time.Now().Format(time.DateOnly), escape(connections(run)), counters(run))
		}
		return b.String(), nil
	}
	return "", fmt.Errorf("no run of %s", scenario)
}

// connections sums up what became of them, in the order of the first of each.
func connections(run answer.Run) string {
	if run.Skipped+run.Error != "" {
		return run.Skipped + run.Error
	}
	var order []string
	count := map[string]int{}
	for _, c := range run.Connections {
		end := string(c.Outcome)
		if c.EndedBy != "" {
			end += " by " + string(c.EndedBy)
		}
		if count[end]++; count[end] == 1 {
			order = append(order, end)
		}
	}
	var parts []string
	for _, end := range order {
		parts = append(parts, fmt.Sprintf("%d %s", count[end], end))
	}
	return strings.Join(parts, ", ")
}

// counters are those that moved and that are about listen queues.
func counters(run answer.Run) string {
	var parts []string
	for _, name := range []string{"TcpExtListenOverflows", "TcpExtListenDrops", "TcpExtSyncookiesSent", "TcpExtSyncookiesRecv", "TcpExtEmbryonicRsts", "TcpOutRsts", "TcpExtTCPReqQFullDrop"} {
		if m, ok := run.Counters.Server[name]; ok && m.After > m.Before {
			parts = append(parts, fmt.Sprintf("%s +%d", strings.TrimPrefix(name, "TcpExt"), m.After-m.Before))
		}
	}
	return strings.Join(parts, ", ")
}

// escape makes text fit into a cell of a table.
func escape(text string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text) }
