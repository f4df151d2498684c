package internal_test

import (
	"encoding/json"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed says which packages of the project each of them may import. Data
// flows one way: cmd, cli, the lab, the sources, the pure model.
var allowed = map[string][]string{
	"cmd/listenq":               {"internal/cli", "internal/lab/parts"},
	"internal/cli":              {"docs/reference/schema", "internal/answer", "internal/capture", "internal/cli/show", "internal/diagnose", "internal/explain", "internal/files", "internal/judge", "internal/kernel", "internal/lab", "internal/lab/facts", "internal/lab/guest", "internal/lab/job", "internal/lab/sandbox", "internal/lab/scenarios", "internal/lab/script", "internal/queue", "internal/record", "internal/text", "internal/tui", "internal/vm", "internal/watch"},
	"internal/lab":              {"internal/answer", "internal/judge", "internal/lab/facts", "internal/lab/job", "internal/lab/sandbox", "internal/lab/scenarios", "internal/lab/script", "internal/lab/settings", "internal/record", "internal/vm"},
	"internal/lab/facts":        {"internal/answer", "internal/evidence", "internal/kernel", "internal/kernel/attach", "internal/lab/sandbox", "internal/lab/scenarios", "internal/lab/script", "internal/lab/settings", "internal/queue"},
	"internal/lab/guest":        {"internal/answer", "internal/files", "internal/lab", "internal/lab/facts", "internal/lab/job", "internal/lab/sandbox", "internal/lab/script", "internal/lab/settings", "internal/record", "internal/vm"},
	"internal/lab/inside":       {"internal/answer", "internal/capture", "internal/evidence", "internal/judge", "internal/kernel", "internal/lab/client", "internal/lab/facts", "internal/lab/filter", "internal/lab/job", "internal/lab/network", "internal/lab/observe", "internal/lab/peers", "internal/lab/sandbox", "internal/lab/scenarios", "internal/lab/script", "internal/lab/server", "internal/lab/settings", "internal/lab/wire", "internal/queue", "internal/record"},
	"internal/lab/job":          {"internal/answer", "internal/lab/sandbox", "internal/lab/script", "internal/record"},
	"internal/lab/network":      {"internal/answer", "internal/evidence", "internal/kernel", "internal/lab/sandbox", "internal/lab/script", "internal/lab/settings", "internal/lab/wire"},
	"internal/lab/observe":      {"internal/answer", "internal/capture", "internal/evidence", "internal/handshake", "internal/judge", "internal/kernel", "internal/lab/filter", "internal/lab/job", "internal/lab/network", "internal/lab/peers", "internal/lab/script", "internal/lab/wire", "internal/queue", "internal/record"},
	"internal/lab/parts":        {"internal/lab/guest", "internal/lab/inside", "internal/vm"},
	"internal/lab/settings":     {"internal/kernel", "internal/lab/script"},
	"internal/lab/client":       {"internal/evidence"},
	"internal/lab/filter":       {},
	"internal/lab/peers":        {"internal/answer", "internal/evidence", "internal/kernel", "internal/queue"},
	"internal/lab/sandbox":      {},
	"internal/lab/scenarios":    {},
	"internal/lab/script":       {"internal/evidence", "internal/judge"},
	"internal/lab/server":       {},
	"internal/lab/wire":         {"internal/capture", "internal/evidence", "internal/kernel"},
	"internal/answer":           {"internal/diagnose", "internal/evidence", "internal/judge", "internal/queue", "internal/text"},
	"internal/capture":          {"internal/evidence"},
	"internal/explain":          {"internal/answer", "internal/capture", "internal/evidence", "internal/handshake", "internal/judge", "internal/story"},
	"internal/kernel":           {"internal/evidence", "internal/kernel/taskfile", "internal/queue"},
	"internal/kernel/attach":    {},
	"internal/kernel/taskfile":  {},
	"internal/record":           {"internal/answer", "internal/evidence", "internal/files", "internal/queue"},
	"internal/tui":              {"internal/answer", "internal/diagnose", "internal/queue", "internal/text", "internal/watch"},
	"internal/vm":               {"internal/lab/sandbox"},
	"internal/watch":            {"internal/diagnose", "internal/kernel", "internal/queue"},
	"internal/diagnose":         {"internal/queue", "internal/text"},
	"internal/handshake":        {"internal/evidence", "internal/judge", "internal/story"},
	"internal/handshake/ladder": {"internal/evidence", "internal/handshake", "internal/judge"},
	"internal/evidence":         {},
	"internal/story":            {"internal/evidence", "internal/judge"},
	"internal/judge":            {"internal/evidence"},
	"internal/files":            {},
	"internal/queue":            {},
	"internal/text":             {},
	"internal":                  {},
	"test/agreement":            {"internal/answer", "internal/capture", "internal/evidence", "internal/explain", "internal/handshake", "internal/judge", "internal/record"},
	"test/corpus":               {},
	"test/kerneltable":          {"internal/answer"},
	"test/guests":               {"internal/vm"},
	"test/gencapture":           {"internal/capture", "internal/evidence"},
	"test/hostile":              {},
	"test/measure":              {},
	"test/memory":               {},
	"test/mutants":              {},
	"test/passes":               {},
	"test/summary":              {},
	"docs/reference/schema":     {},
	"internal/cli/show":         {"internal/answer", "internal/diagnose", "internal/judge", "internal/lab/script", "internal/queue", "internal/record", "internal/text"},
	"test/picture":              {"internal/text"},
}

// pure packages import nothing but the standard library, and of that nothing
// that reads a clock, a file or a socket.
var (
	pure   = []string{"internal/answer", "internal/diagnose", "internal/evidence", "internal/handshake", "internal/judge", "internal/queue", "internal/story"}
	impure = []string{"os", "net", "syscall", "os/exec", "io/fs", "net/http", "math/rand"}
)

// onlyIn says which imports belong to certain packages alone.
var onlyIn = map[string][]string{
	"os/exec":                            {"internal/cli", "internal/lab/inside", "internal/lab/sandbox", "internal/vm", "test/corpus", "test/guests", "test/measure", "test/mutants"},
	"net/http":                           {},
	"charm.land/bubbletea/v2":            {"internal/tui"},
	"github.com/google/nftables":         {"internal/lab/filter"},
	"github.com/klauspost/compress/zstd": {"internal/vm"},
	"github.com/mikelolasagasti/xz":      {"internal/vm"},
	"github.com/ulikunitz/xz/lzma":       {"internal/vm"},
	"unsafe":                             {"internal/kernel/taskfile", "internal/lab/wire", "internal/lab/sandbox"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestImports(t *testing.T) {
	stale := maps.Clone(allowed)
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, "listenq/")
		delete(stale, name)
		may, known := allowed[name]
		if !known {
			t.Errorf("package %s is not in the table of the architecture", name)
		}
		for _, own := range may {
			if !slices.Contains(p.Imports, "listenq/"+own) {
				t.Errorf("%s may import %s, and does not: the table is stale", name, own)
			}
		}
		for _, imported := range p.Imports {
			if own, ok := strings.CutPrefix(imported, "listenq/"); ok && !slices.Contains(may, own) {
				t.Errorf("%s imports %s, against the direction of the architecture", name, own)
			}
			if packages, ok := onlyIn[imported]; ok && !slices.Contains(packages, name) {
				t.Errorf("%s imports %s", name, imported)
			}
			if slices.Contains(pure, name) && (slices.Contains(impure, imported) || strings.Contains(imported, ".")) {
				t.Errorf("%s is pure and imports %s", name, imported)
			}
		}
	}
	for name := range stale {
		t.Errorf("the table has %s, which there is not", name)
	}
}

func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "listenq/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}
