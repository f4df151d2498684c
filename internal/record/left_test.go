package record_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/record"
)

// TestLeft: finished recordings are found and removed; those that are written, those of
// others, and what is none are left alone.
func TestLeft(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	make := func(name string, finish bool) string {
		f, err := record.Create("", name, []byte("# A.\n"))
		if err != nil {
			t.Fatal(err)
		}
		if finish {
			if err := f.Close(record.Meta{}, answer.Run{Title: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		return f.Path
	}
	finished, running := make("b2", true), make("b3", false)
	for _, folder := range []string{"listenq-other", "other", "listenq-kernels-1/1-6.1/b2"} {
		if err := os.MkdirAll(filepath.Join(tmp, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	within := filepath.Join(tmp, "listenq-kernels-1", "1-6.1", "b2", record.ScenarioFile)
	if err := os.WriteFile(within, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	incident, err := record.WriteSamples("", "host", record.SamplesMeta{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(finished, filepath.Join(tmp, "listenq-link")); err != nil {
		t.Fatal(err)
	}
	left, err := record.FindLeft()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, l := range left {
		found[l.Path] = true
		if err := l.Remove(); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(map[string]bool{finished: true, filepath.Join(tmp, "listenq-kernels-1"): true}, found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	for path, stays := range map[string]bool{finished: false, running: true, incident: true, filepath.Join(tmp, "listenq-other"): true} {
		if _, err := os.Stat(path); (err == nil) != stays {
			t.Errorf("%s: %v, want it there: %v", path, err, stays)
		}
	}
}
