package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// verdict is what became of a change.
type verdict int

// A change may make no program that compiles.
const (
	notRun verdict = iota
	noProgram
	noticed
	unnoticed
)

// try runs the tests of a package with one change, if they run it.
func try(ctx context.Context, folder string, c change, run bool) (verdict, error) {
	work, err := os.MkdirTemp("", "listenq-mutant-")
	if err != nil {
		return notRun, err
	}
	defer os.RemoveAll(work)
	overlay, err := c.overlay(work)
	if err != nil {
		return notRun, err
	}
	ctx, stop := context.WithTimeout(ctx, 2*patience)
	defer stop()
	program := filepath.Join(work, "mutant.test")
	if err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", program, "./"+folder).Run(); err != nil {
		return noProgram, ctx.Err()
	}
	if !run {
		return notRun, nil
	}
	tests := exec.CommandContext(ctx, program, "-test.failfast", "-test.timeout", patience.String())
	tests.Dir = folder
	err = tests.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return noticed, nil
	}
	return unnoticed, err
}

// overlay writes the changed file, and what makes go take it for the other.
func (c change) overlay(work string) (path string, err error) {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return "", err
	}
	changed, path := filepath.Join(work, "changed.go"), filepath.Join(work, "overlay.json")
	original, err := filepath.Abs(c.file)
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", err
	}
	return path, errors.Join(os.WriteFile(changed, c.apply(text), 0o644), os.WriteFile(path, overlay, 0o644))
}

// block is a piece of code that runs as a whole (go tool cover).
type block struct {
	beginLine, beginColumn, endLine, endColumn int
	ran                                        bool
}

// blocks are those of a package, by the name of the file.
type blocks map[string][]block

// coverage runs the tests of a package and returns what they run.
func coverage(ctx context.Context, folder string) (blocks, error) {
	profile, err := os.CreateTemp("", "listenq-cover-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(profile.Name())
	profile.Close()
	out, err := exec.CommandContext(ctx, "go", "test", "-coverprofile", profile.Name(), "./"+folder).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("the tests of %s fail without a change: %w\n%s", folder, err, out)
	}
	text, err := os.ReadFile(profile.Name())
	if err != nil {
		return nil, err
	}
	return readProfile(string(text))
}

func readProfile(text string) (blocks, error) {
	all := blocks{}
	for line := range strings.Lines(text) {
		path, rest, found := strings.Cut(line, ":")
		if !found || path == "mode" {
			continue
		}
		var b block
		var statements, times int
		if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &b.beginLine, &b.beginColumn, &b.endLine, &b.endColumn, &statements, &times); err != nil {
			return nil, fmt.Errorf("read coverage: %q: %w", line, err)
		}
		b.ran = times > 0
		name := filepath.Base(path)
		all[name] = append(all[name], b)
	}
	return all, nil
}

// has reports whether a change is run. The conditions of a switch are in no block: they are
// run if anything of their function is.
func (all blocks) has(c change) bool {
	ran := c.last == 0
	for _, b := range all[filepath.Base(c.file)] {
		if !after(b.beginLine, b.beginColumn, c.line, c.column) && !after(c.line, c.column, b.endLine, b.endColumn) {
			return b.ran
		}
		ran = ran || b.ran && b.beginLine >= c.first && b.endLine <= c.last
	}
	return ran
}

func after(line, column, otherLine, otherColumn int) bool {
	return line > otherLine || line == otherLine && column > otherColumn
}
