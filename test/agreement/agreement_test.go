package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"listenq/internal/judge"
)

// TestQuickScenarios runs a few experiments and holds that their packets alone say
// nothing that the recording denies.
func TestQuickScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("runs experiments, which takes namespaces")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "listenq")
	if out, err := exec.Command("go", "build", "-o", binary, "listenq/cmd/listenq").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	run := exec.Command(binary, "lab", "run", "--json", "--out", dir, "a4-abort-on", "b2", "c4-at-once", "x1-phantom-reset")
	if out, err := run.Output(); err != nil && run.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v: %v\n%s", run, err, out)
	}
	table, err := measure(dir, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if len(table) != 4 {
		t.Errorf("%d recordings are compared, want 4", len(table))
	}
	if table.bad() {
		t.Errorf("statements say something else than the recording")
	}
	if c, _ := table.sum(0); c.first*100 < c.statements*70 {
		t.Errorf("of %d statements of a server's capture %d rank the truth first, want 70 %%", c.statements, c.first)
	}
}

func TestGrade(t *testing.T) {
	truth := judge.Reading{Outcome: judge.Queued, Cause: judge.ByServer}
	established := judge.Reading{Outcome: judge.EstablishedBoth, Cause: judge.NoCause}
	halfOpen := judge.Reading{Outcome: judge.HalfOpen, Cause: judge.AcceptQueueFull}
	for _, c := range []struct {
		name string
		v    judge.Verdict
		want string
	}{
		{"the same, as far as packets show", judge.Verdict{Reading: established, Confidence: judge.Likely}, ""},
		{"among others", judge.Verdict{Reading: halfOpen, Alternatives: []judge.Reading{established}, Confidence: judge.Possible}, "not first"},
		{"another one", judge.Verdict{Reading: halfOpen, Confidence: judge.Possible}, "WRONG"},
		{"another one, likely", judge.Verdict{Reading: halfOpen, Alternatives: []judge.Reading{established}, Confidence: judge.Likely}, "CONTRADICTED"},
		{"nothing is known", judge.Verdict{Reading: judge.Reading{Outcome: judge.Unknown, Cause: judge.UnknownCause}, Confidence: judge.Possible}, ""},
		{"the cause is not known", judge.Verdict{Reading: judge.Reading{Outcome: judge.Queued, Cause: judge.UnknownCause}, Confidence: judge.Possible}, ""},
	} {
		var y tally
		if got := y.grade(c.v, truth); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNoRecording(t *testing.T) {
	if _, err := measure(t.TempDir(), t.Output()); err == nil {
		t.Error("an empty folder is measured")
	}
	if _, err := read(t.TempDir()); err == nil {
		t.Error("an empty folder is a recording")
	}
}
