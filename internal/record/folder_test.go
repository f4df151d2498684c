package record_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"listenq/internal/answer"
	"listenq/internal/record"
)

// TestCreate makes a recording that its owner alone may read.
func TestCreate(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "rec")
	f, err := record.Create(parent, "b2", []byte("script"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(record.Meta{}, answer.Run{Title: "x"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(record.Files(), ".") {
		info, err := os.Stat(filepath.Join(f.Path, name))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if run, err := record.ReadRun(f.Path); err != nil || run.Title != "x" {
		t.Errorf("%+v, %v", run, err)
	}
}

func TestDiscard(t *testing.T) {
	for _, parent := range []string{t.TempDir(), ""} {
		f, err := record.Create(parent, "b2", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Discard(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(f.Path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", f.Path, err)
		}
	}
}
