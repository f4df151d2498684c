package vm

import (
	"bytes"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInitramfs(t *testing.T) {
	host := filepath.Join(t.TempDir(), "binary")
	write(t, host, []byte("hello"))
	k := &Kernel{Modules: []Module{{"virtio", []byte("first")}, {"veth", []byte("second")}}}
	var got bytes.Buffer
	err := k.WriteInitramfs(&got, []File{
		{Path: "init", Mode: 0o755, Host: host},
		{Path: "/etc/hosts", Mode: 0o600, Data: []byte("::1 localhost")},
		{Path: "proc", Mode: fs.ModeDir | 0o755},
		{Path: "sh", Mode: fs.ModeSymlink, Data: []byte("init")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Len()%4 != 0 || !bytes.HasPrefix(got.Bytes(), []byte("07070100000001000081ed")) {
		t.Errorf("%d bytes, beginning %.22q", got.Len(), got.Bytes())
	}
	if _, err := exec.LookPath("cpio"); err != nil {
		t.Skip("needs cpio for the comparison of contents")
	}
	dir := t.TempDir()
	unpacked := exec.Command("cpio", "-i", "--quiet", "--no-preserve-owner")
	unpacked.Dir, unpacked.Stdin = dir, bytes.NewReader(got.Bytes())
	if out, err := unpacked.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	listed, err := exec.Command("sh", "-c", "cd "+dir+" && find . -printf '%P %M %l ' -a \\( -type f -exec cat {} \\; -o -true \\) -printf '\\n' | sort").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"etc drwxr-xr-x  ", "etc/hosts -rw-------  ::1 localhost", "init -rwxr-xr-x  hello", "modules drwxr-xr-x  ",
		"modules/000-virtio.ko -rw-r--r--  first", "modules/001-veth.ko -rw-r--r--  second", "proc drwxr-xr-x  ", "sh lrwxrwxrwx init ",
	}, "\n")
	_, below, _ := strings.Cut(string(listed), "\n")
	if diff := cmp.Diff(want, strings.TrimSuffix(below, "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestInitramfsRefuses(t *testing.T) {
	for _, f := range []File{
		{Path: "../init", Data: []byte("x")},
		{Path: "/", Mode: fs.ModeDir},
		{Path: "null", Mode: fs.ModeDevice},
		{Path: "init", Host: "/nowhere"},
		{Path: "init", Host: "/"},
	} {
		if err := new(Kernel).WriteInitramfs(new(bytes.Buffer), []File{f}); err == nil {
			t.Errorf("%+v: accepted", f)
		}
	}
}
