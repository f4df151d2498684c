package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestInterruptBurst presses Ctrl-C while the rows are measured: what was found
// by then is printed, and nothing is left but the recordings.
func TestInterruptBurst(t *testing.T) {
	out, tmp := t.TempDir(), t.TempDir()
	cmd := exec.Command(os.Args[0], "lab", "burst", "--backlog", "2", "--send", "", "--out", out)
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+tmp)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A row beyond the edge takes seconds, as its clients wait in vain.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		events, _ := os.ReadFile(filepath.Join(out, "burst-4", "events.jsonl")) // not there yet
		if bytes.Contains(events, []byte("wait until")) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no row is measured: %s", stderr.String())
		}
	}
	interrupt(t, cmd, &stderr)
	if !strings.Contains(stdout.String(), "The largest burst without a drop: 3 connections") {
		t.Errorf("stdout lacks what was found:\n%s", stdout.String())
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// shown is an answer of `lab burst` in a page.
var shown = regexp.MustCompile("(?s)```console\n\\$ listenq (lab burst[^\n]*)\n(.*?)```")

// TestGoldenBurst runs what the page shows: it differs in times, the kernel's
// name and the folder at most.
func TestGoldenBurst(t *testing.T) {
	const path = "../../docs/howto/burst.md"
	page := read(t, path)
	blocks := shown.FindAllStringSubmatch(page, -1)
	if len(blocks) == 0 {
		t.Fatalf("%s shows no run", path)
	}
	for _, block := range blocks {
		cmd := exec.Command(os.Args[0], strings.Fields(block[1])...)
		cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+t.TempDir())
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		diff := cmp.Diff(lastingBurst(block[2]), lastingBurst(string(out)))
		switch {
		case diff == "":
		case *update:
			page = strings.Replace(page, block[2], string(out), 1)
		default:
			t.Errorf("%s (-page +run):\n%s", block[1], diff)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// lastingBurst is what is the same in each search. Several times may round to one,
// and on a busy machine data is dropped a second time before the server accepts.
func lastingBurst(text string) string {
	for _, other := range []string{`on Linux \S+`, `recordings: \S+`, `(\d+ ms|[\d.]+ s) to `} {
		text = regexp.MustCompile(other).ReplaceAllString(text, "")
	}
	text = regexp.MustCompile(`(?m)^( +\d+) +\d+ +(\d+ +[\d.]+ m?s)`).ReplaceAllString(text, "$1 $2")
	text = regexp.MustCompile(`data is dropped( twice, .*?)?:`).ReplaceAllString(text, "data is dropped:")
	return lasting(regexp.MustCompile(`\b\d+ ms`).ReplaceAllString(text, "T s"))
}
