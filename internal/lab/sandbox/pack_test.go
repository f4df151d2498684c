package sandbox

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// packable is a folder with what can be packed and what cannot.
func packable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	check(t, os.WriteFile(outside, nil, 0o644))
	for _, folder := range []string{"conf/deep", ".ssh", "lib/.cache"} {
		check(t, os.MkdirAll(filepath.Join(dir, folder), 0o755))
	}
	for _, file := range []string{"app.py", "conf/a", "conf/deep/b", ".ssh/id_rsa", "lib/x", "lib/.cache/y", "lib/.env", ".profile"} {
		check(t, os.WriteFile(filepath.Join(dir, file), []byte(file), 0o600))
	}
	for link, target := range map[string]string{"inner": "conf/a", "key": ".ssh/id_rsa", "folder": ".ssh", "out": outside, "lib/key": "../.ssh/id_rsa"} {
		check(t, os.Symlink(target, filepath.Join(dir, link)))
	}
	check(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	check(t, unix.Mkfifo(filepath.Join(dir, "lib/fifo"), 0o644))
	return dir
}

func TestPack(t *testing.T) {
	dir := packable(t)
	for _, test := range []struct {
		name             string
		named, mentioned []string
		want             string // names, or an error
	}{
		{name: "nothing"},
		{name: "a file", named: []string{"./app.py"}, want: "app.py"},
		{name: "a file by its path", named: []string{dir + "/app.py"}, want: "app.py"},
		{name: "twice", named: []string{"app.py"}, mentioned: []string{"app.py", "./app.py"}, want: "app.py"},
		{name: "a folder", named: []string{"conf"}, want: "conf conf/a conf/deep conf/deep/b"},
		{name: "a folder with what is hidden and what is no file", named: []string{"lib"}, want: "lib lib/x"},
		{name: "a link", named: []string{"inner"}, want: "inner"},
		{name: "not there", named: []string{"none"}, want: "none: statat none: no such file or directory"},
		{name: "hidden", named: []string{".profile"}, want: ".profile: hidden files are not shown to experiments"},
		{name: "in a hidden folder", named: []string{"conf/../.ssh/id_rsa"}, want: "conf/../.ssh/id_rsa: hidden files are not shown to experiments"},
		{name: "a link to what is hidden", named: []string{"key"}, want: "key: hidden files are not shown to experiments"},
		{name: "through a link to a hidden folder", named: []string{"folder/id_rsa"}, want: "folder/id_rsa: hidden files are not shown to experiments"},
		{name: "a link to a hidden folder", named: []string{"folder"}, want: "folder: hidden files are not shown to experiments"},
		{name: "a link out of it", named: []string{"out"}, want: "out: statat out: path escapes from parent"},
		{name: "above", named: []string{"../x"}, want: "../x: not below the folder of the script"},
		{name: "elsewhere", named: []string{"/etc/passwd"}, want: "/etc/passwd: not below the folder of the script"},
		{name: "all", named: []string{"."}, want: ".: the whole folder: name what is needed of it"},
		{name: "a FIFO", named: []string{"fifo"}, want: "fifo: neither a regular file nor a folder"},
		{
			name: "mentioned", mentioned: []string{"python3", "-c", "conf", "conf/a", ".", "..", "", ".ssh/id_rsa", "key", "folder/id_rsa", "fifo", "out", "/etc/passwd", "\x00"},
			want: "conf/a",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			archive, err := Pack(dir, test.named, test.mentioned)
			got := ""
			switch {
			case err != nil:
				got = err.Error()
			case archive != nil:
				got = strings.Join(packedNames(t, archive), " ")
				check(t, archive.Close())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func packedNames(t *testing.T, archive *os.File) []string {
	t.Helper()
	var names []string
	for in := tar.NewReader(io.NewSectionReader(archive, 0, maxPacked)); ; {
		h, err := in.Next()
		if err == io.EOF {
			slices.Sort(names)
			return names
		}
		check(t, err)
		names = append(names, h.Name)
	}
}

// TestPackTooMuch packs a file that has no blocks, and more files than there may be.
func TestPackTooMuch(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "large"), nil, 0o600))
	check(t, os.Truncate(filepath.Join(dir, "large"), maxPacked+1))
	if _, err := Pack(dir, []string{"large"}, nil); err == nil || !strings.Contains(err.Error(), errTooMuch.Error()) {
		t.Errorf("large: %v", err)
	}
	check(t, os.Mkdir(filepath.Join(dir, "many"), 0o755))
	for i := range maxNames + 1 {
		check(t, os.Mkdir(filepath.Join(dir, "many", strings.Repeat("x", 1+i%100)+string(rune('a'+i/100))), 0o755))
	}
	if _, err := Pack(dir, []string{"many"}, nil); err == nil || !strings.Contains(err.Error(), errTooMuch.Error()) {
		t.Errorf("many: %v", err)
	}
}
