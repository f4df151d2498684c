package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"listenq/internal/lab/scenarios"
)

const explain = "../../docs/explain/"

// block is a part of a page that a run makes: its kind, the experiment, and
// what of its answer is wanted.
//
//	<!-- begin run b3-cookies-ignore-abort: The c3 TcpExtListenOverflows -->
//	<!-- end -->
var block = regexp.MustCompile(`(?s)(<!-- begin (\w+) (\S+?)(?:: ([^\n]*?))? -->\n)(.*?)(<!-- end -->)`)

// TestGoldenExplain runs the experiments of the pages of docs/explain again: the
// pages say what happens.
func TestGoldenExplain(t *testing.T) {
	if testing.Short() {
		t.Skip("runs experiments of seconds")
	}
	needs(t, "tshark")
	otherKernel(t)
	pages, err := filepath.Glob(explain + "*.md")
	if err != nil || len(pages) < 2 {
		t.Fatalf("pages %v: %v", pages, err)
	}
	for _, path := range pages {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			goldenPage(t, path)
		})
	}
}

func goldenPage(t *testing.T, path string) {
	page := read(t, path)
	runs := experiments{dir: t.TempDir()}
	bodies, stale := map[string]string{}, map[string]bool{} // by the beginning of a block, and by experiment
	for _, part := range block.FindAllStringSubmatch(page, -1) {
		body := runs.make(t, part[2], part[3], part[4])
		bodies[part[1]] = body
		if lasting(part[5]) == lasting(body) {
			continue // it differs in times at most
		}
		stale[part[3]] = true
		if !*update {
			t.Errorf("%s\n--- the page says\n%s--- the run says\n%s", part[1], part[5], body)
		}
	}
	fresh := block.ReplaceAllStringFunc(page, func(old string) string {
		part := block.FindStringSubmatch(old)
		if !stale[part[3]] {
			return old
		}
		return part[1] + bodies[part[1]] + part[6] // all of one run: their times belong together
	})
	if *update && fresh != page {
		if err := os.WriteFile(path, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// number is a time in seconds or milliseconds, or one of the addresses and
// versions that look like it.
var number = regexp.MustCompile(`\d+(\.\d+)+`)

// lasting is what is the same in each run of an experiment: all but times, and
// the white space that they push around.
func lasting(text string) string {
	text = number.ReplaceAllStringFunc(text, func(n string) string {
		if strings.Count(n, ".") == 1 {
			return "T"
		}
		return n
	})
	return strings.Join(strings.Fields(text), " ")
}

func TestLasting(t *testing.T) {
	const page = "  0.044 s  dropped twice, at first and after 1.0 s: 192.0.2.2:8080 (2 of limit 1)\n"
	for run, same := range map[string]bool{
		"  12.044 s  dropped twice, at first\n and after 1.1 s: 192.0.2.2:8080 (2 of limit 1)": true,
		"  0.044 s  dropped twice, at first and after 1.0 s: 192.0.2.3:8080 (2 of limit 1)":    false,
		"  0.044 s  dropped twice, at first and after 1.0 s: 192.0.2.2:8080 (3 of limit 1)":    false,
		"  0.044 s  dropped, at first and after 1.0 s: 192.0.2.2:8080 (2 of limit 1)":          false,
	} {
		if got := lasting(page) == lasting(run); got != same {
			t.Errorf("same as %q: %v, want %v", run, got, same)
		}
	}
}

var (
	// experiment is the name of one, as in `b1-late`.
	experiment = regexp.MustCompile("`([a-hx]\\d+-[a-z0-9-]+)`")

	link  = regexp.MustCompile(`\]\(([^)#]+\.md)\)`)
	index = regexp.MustCompile(`(?m)^\| (.+?) \| \[.*?\]\((.+?\.md)\) \|`)
	words = regexp.MustCompile("`([^`]+)`")
)

// TestExplainLinks follows the links of the pages, and those between pages and
// experiments.
func TestExplainLinks(t *testing.T) {
	pages, err := filepath.Glob(explain + "*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		for _, l := range link.FindAllStringSubmatch(read(t, path), -1) {
			read(t, filepath.Join(explain, l[1]))
		}
		for _, b := range block.FindAllStringSubmatch(read(t, path), -1) {
			if at := "docs/explain/" + filepath.Base(path); b[2] != "facts" && !strings.Contains(string(scenarios.Text(b[3])), at) {
				t.Errorf("the header of %s does not say that %s explains it", b[3], at)
			}
		}
		for _, name := range experiment.FindAllStringSubmatch(read(t, path), -1) {
			if !slices.Contains(scenarios.Names(), name[1]) {
				t.Errorf("%s names the experiment %s", path, name[1])
			}
		}
	}
}

// TestExplainIndex looks for the words of the index in the pages that it names.
func TestExplainIndex(t *testing.T) {
	rows := index.FindAllStringSubmatch(read(t, explain+"README.md"), -1)
	if len(rows) == 0 {
		t.Fatal("the index has no rows")
	}
	for _, row := range rows {
		text := strings.Join(strings.Fields(read(t, explain+row[2])), " ")
		for _, w := range words.FindAllStringSubmatch(row[1], -1) {
			if !strings.Contains(text, w[1]) {
				t.Errorf("%s lacks the words %q of the index", row[2], w[1])
			}
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// factRow is a row of the table of facts, as the page and as `listenq kernel` have it.
var factRow = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (yes|no) \\|")

// otherKernel skips where a kernel fact is not what it was when the pages were
// made: the same experiments end otherwise there.
func otherKernel(t *testing.T) {
	t.Helper()
	page := map[string]string{}
	for _, row := range factRow.FindAllStringSubmatch(read(t, explain+"README.md"), -1) {
		page[row[1]] = row[2]
	}
	for _, row := range factRow.FindAllStringSubmatch(kernelFacts(t), -1) {
		if was, there := page[row[1]]; there && was != row[2] && !*update {
			t.Skipf("the pages are of a kernel where %s is %s", row[1], was)
		}
	}
}
