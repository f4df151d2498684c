package lab

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"testing"

	"listenq/internal/lab/facts"
	"listenq/internal/lab/inside"
	"listenq/internal/lab/job"
	"listenq/internal/lab/script"
)

// TestUninstalled: an experiment whose program is not installed is not run, and says what to
// install; one with a program that nobody knows is a mistake.
func TestUninstalled(t *testing.T) {
	all := slices.Sorted(maps.Keys(inside.Packages))
	i := slices.IndexFunc(all, func(name string) bool { _, err := exec.LookPath(name); return err != nil })
	if i < 0 {
		t.Skip("all programs that experiments know are installed")
	}
	known := all[i]
	why := fmt.Sprintf("it runs %s, which is not installed: apt install %s", known, inside.Packages[known])
	for _, tt := range []struct {
		command, skipped string
		fails            bool
	}{
		{known, why, false},
		{"no-such-program", "", true},
	} {
		s, err := script.Parse("a", []byte("# A.\nserver backlog 1 accept never\nexec "+tt.command+"\n"), facts.All())
		if err != nil {
			t.Fatal(err)
		}
		run, err := Run(t.Context(), s, Options{Out: t.TempDir()})
		if run.Skipped != tt.skipped || (err != nil) != tt.fails {
			t.Errorf("exec %s: skipped %q, error %v; want %q, an error: %v", tt.command, run.Skipped, err, tt.skipped, tt.fails)
		}
	}
	_, err := FindBurst(t.Context(), BurstOptions{Options: Options{Out: t.TempDir()}, Exec: known, Clients: 2})
	if failure, ok := errors.AsType[*job.Failure](err); !ok || failure.Message != why {
		t.Errorf("a burst at %s: %v, want %q", known, err, why)
	}
}
