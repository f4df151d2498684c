package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	check(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// TestOpen opens regular files alone, and waits for nobody.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "x")
	check(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	check(t, os.Symlink("file", filepath.Join(dir, "link")))
	check(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	for _, tt := range []struct {
		name       string
		open, inIt error // of Open and OpenIn
	}{
		{"file", nil, nil}, {"pipe", ErrIrregular, ErrIrregular}, {"link", nil, ErrIrregular}, {"folder", ErrIrregular, ErrIrregular},
		{"none", fs.ErrNotExist, fs.ErrNotExist},
	} {
		began := time.Now()
		f, err := Open(filepath.Join(dir, tt.name))
		if err == nil {
			f.Close()
		}
		g, errIn := OpenIn(dir, tt.name)
		if errIn == nil {
			g.Close()
		}
		if !errors.Is(err, tt.open) || !errors.Is(errIn, tt.inIt) || time.Since(began) > time.Minute {
			t.Errorf("%s: %v and %v", tt.name, err, errIn)
		}
	}
}

func TestReadAll(t *testing.T) {
	for text, want := range map[string]string{"": "", "abc": "", "abcd": "x is larger than 3 bytes"} {
		got, err := ReadAll(strings.NewReader(text), 3, "x")
		if want == "" && (err != nil || string(got) != text) || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// TestMakeDir makes folders and files for their owner alone.
func TestMakeDir(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "a", "b")
	for _, want := range []string{"x", "x-2", "x-3"} {
		d, err := MakeDir(parent, "x")
		check(t, err)
		defer d.Close()
		if d.Path != filepath.Join(parent, want) {
			t.Errorf("made %s, want %s", d.Path, want)
		}
		f, err := d.Create("file")
		check(t, err)
		check(t, f.Close())
		for path, mode := range map[string]fs.FileMode{parent: 0o700 | fs.ModeDir, d.Path: 0o700 | fs.ModeDir, d.Path + "/file": 0o600} {
			if info, err := os.Stat(path); err != nil || info.Mode() != mode {
				t.Errorf("%s: %v, %v", path, info.Mode(), err)
			}
		}
		if _, err := d.Create("file"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("made twice: %v", err)
		}
		check(t, d.Remove("file"))
	}
	d, err := MakeDir(parent, "../../up")
	check(t, err)
	if d.Path != filepath.Join(parent, ".._.._up") {
		t.Errorf("made %s", d.Path)
	}
	check(t, d.Discard())
	if _, err := os.Stat(d.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("not discarded: %v", err)
	}
}

// TestFilesStay holds that files go into the folder that was made, whatever is in its
// place then.
func TestFilesStay(t *testing.T) {
	dir := t.TempDir()
	d, err := MakeDir(dir, "x")
	check(t, err)
	defer d.Close()
	check(t, os.Rename(d.Path, filepath.Join(dir, "away")))
	check(t, os.Mkdir(filepath.Join(dir, "theirs"), 0o755))
	check(t, os.Symlink("theirs", d.Path))
	f, err := d.Create("file")
	check(t, err)
	check(t, f.Close())
	if _, err := os.Stat(filepath.Join(dir, "away", "file")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "theirs", "file")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("followed: %v", err)
	}
}

// TestExchanged puts another folder, or a link, in the place of one that was just made.
func TestExchanged(t *testing.T) {
	defer func() { made = func(string) {} }()
	for name, exchange := range map[string]func(path string) error{
		"a link":             func(path string) error { return os.Symlink("/etc", path) },
		"a folder with more": func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Mkdir(path+"/y", 0o700)) },
		"a folder of others": func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chown(path, 54322, 54322)) },
		"a file":             func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		if name == "a folder of others" && os.Geteuid() != 0 {
			continue
		}
		made = func(path string) { check(t, errors.Join(os.Remove(path), exchange(path))) }
		if _, err := MakeDir(t.TempDir(), "x"); !errors.Is(err, errExchanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLinks follows links of its own and of root, and of nobody else.
func TestLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make a link of another user")
	}
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	write(t, filepath.Join(dir, "file"), "old")
	for _, name := range []string{"ours", "theirs"} {
		check(t, os.Symlink("folder", filepath.Join(dir, name)))
		check(t, os.Symlink(filepath.Join(dir, "file"), filepath.Join(dir, name+"-file")))
		check(t, os.Symlink("new-"+name, filepath.Join(dir, name+"-new")))
	}
	for _, name := range []string{"theirs", "theirs-file", "theirs-new"} {
		check(t, os.Lchown(filepath.Join(dir, name), 54322, 54322))
	}
	check(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	for _, tt := range []struct {
		name string
		want error
	}{
		{"ours", nil}, {"ours/deeper/and/../deeper", nil}, {"theirs", ErrLink}, {"theirs/deeper", ErrLink}, {"file/x", unix.ENOTDIR}, {"loop", unix.ELOOP}, {"loop/x", unix.ELOOP},
	} {
		d, err := MakeDir(filepath.Join(dir)+"/"+tt.name, "x")
		if err == nil {
			d.Close()
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("a folder below %s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for _, tt := range []struct {
		name string
		want error
	}{
		{"ours-file", nil}, {"ours/new", nil}, {"ours-new", nil}, {"theirs-file", ErrLink}, {"theirs-new", ErrLink}, {"theirs/new", ErrLink}, {"folder", unix.EISDIR}, {"loop", unix.ELOOP},
		{"none/new", fs.ErrNotExist},
	} {
		f, err := Create(filepath.Join(dir, tt.name), 0o600)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("file %s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// TestCreate overwrites the file that was named, and none that has another name, too.
func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"a longer text", "short"} {
		f, err := Create(path, 0o600)
		check(t, err)
		_, err = f.WriteString(text)
		check(t, errors.Join(err, f.Close()))
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	check(t, os.Link(path, filepath.Join(dir, "other")))
	if _, err := Create(path, 0o600); !errors.Is(err, errShared) {
		t.Errorf("a file with two names: %v", err)
	}
	read, give, err := os.Pipe()
	check(t, err)
	defer read.Close()
	for _, name := range []string{"/dev/null", "/dev/fd/" + strconv.Itoa(int(give.Fd()))} {
		f, err := Create(name, 0o600)
		check(t, err)
		_, err = f.WriteString("x")
		check(t, errors.Join(err, f.Close()))
	}
	check(t, give.Close())
	if got, err := ReadAll(read, 9, "pipe"); err != nil || string(got) != "x" {
		t.Errorf("through a pipe: %q, %v", got, err)
	}
}
