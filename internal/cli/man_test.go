package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// TestManual: the manual pages in docs/man are those of the help texts; -update writes them.
var update = flag.Bool("update", false, "write the manual pages anew")

func TestManual(t *testing.T) {
	const folder = "../../docs/man"
	pages := map[string]bool{}
	for _, cmd := range all(newRoot(Env{Version: "1"})) {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		pages[name] = true
		cmd.Long, cmd.DisableAutoGenTag = markdown(folded(cmd.Long)), true
		var page bytes.Buffer
		date := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
		if err := doc.GenMan(cmd, &doc.GenManHeader{Manual: "listenq", Source: "listenq", Date: &date}, &page); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, name)
		if *update {
			if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		committed, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v (make man writes it)", err)
		}
		if diff := cmp.Diff(string(committed), page.String()); diff != "" {
			t.Errorf("%s (-want +got; make man writes it):\n%s", path, diff)
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !pages[f.Name()] {
			t.Errorf("%s is a page of no command", f.Name())
		}
	}
}

// all are a command and those below it that a user may call.
func all(cmd *cobra.Command) []*cobra.Command {
	commands := []*cobra.Command{cmd}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			commands = append(commands, all(c)...)
		}
	}
	return commands
}

// markdown makes blocks of a help text that are indented there, or laid out in columns, blocks
// of code.
func markdown(help string) string {
	var b strings.Builder
	paragraphs := strings.Split(help, "\n\n")
	for _, p := range paragraphs {
		code := laidOut(p)
		for line := range strings.Lines(p + "\n") {
			if code {
				b.WriteString("    ")
			}
			b.WriteString(line)
		}
		b.WriteString("\n")
	}
	return b.String()
}
