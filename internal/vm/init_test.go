package vm

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMoveFiles moves a tree into a folder of its own, as a guest's first root.
func TestMoveFiles(t *testing.T) {
	from := t.TempDir()
	to := filepath.Join(from, "root")
	check(t, os.MkdirAll(filepath.Join(from, "a", "b"), 0o755))
	check(t, os.Mkdir(to, 0o700))
	check(t, os.WriteFile(filepath.Join(from, "init"), []byte("program"), 0o755))
	check(t, os.WriteFile(filepath.Join(from, "a", "b", "job"), []byte("{}"), 0o600))
	check(t, os.Symlink("b/job", filepath.Join(from, "a", "link")))
	check(t, moveFiles(from, to))
	got := map[string]string{}
	for _, name := range []string{"init", "a/link", "a/b/job"} {
		text, err := os.ReadFile(filepath.Join(to, name))
		check(t, err)
		info, err := os.Lstat(filepath.Join(to, name))
		check(t, err)
		got[name] = info.Mode().String() + " " + string(text)
	}
	want := map[string]string{"init": "-rwxr-xr-x program", "a/link": "Lrwxrwxrwx {}", "a/b/job": "-rw------- {}"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("moved (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(from, "init")); !os.IsNotExist(err) {
		t.Errorf("the file is there still: %v", err)
	}
}

// TestIsInit keeps what powers the machine off for the first process of a guest.
func TestIsInit(t *testing.T) {
	for _, test := range []struct {
		pid  int
		args []string
		want bool
	}{
		{1, []string{initArg}, true},
		{1, []string{"--", initArg}, true},
		{2, []string{initArg}, false},
		{1, []string{"ls"}, false},
		{1, []string{"--"}, false},
		{1, nil, false},
	} {
		if got := isInit(test.pid, test.args); got != test.want {
			t.Errorf("process %d with %q: %v, want %v", test.pid, test.args, got, test.want)
		}
	}
}
