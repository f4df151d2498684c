package files

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// errExchanged says that the path of a new folder leads to another one.
var errExchanged = errors.New("somebody has put another folder in its place")

// made is called between making a folder and opening it, for tests.
var made = func(string) {}

// makeDir makes a folder in the one that is open as at.
func makeDir(at int, parent, name string) (*Dir, error) {
	name = cmp.Or(strings.ReplaceAll(name, "/", "_"), "_") // it is one component, whoever chose it
	as := name
	err := unix.Mkdirat(at, as, 0o700)
	for n := 2; err == unix.EEXIST; n++ {
		as = fmt.Sprintf("%s-%d", name, n)
		err = unix.Mkdirat(at, as, 0o700)
	}
	path := filepath.Join(parent, as)
	if err != nil {
		return nil, &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	made(path)
	d := &Dir{Path: path, name: as}
	if d.self, err = openNew(at, as); err == nil {
		_ = unix.Flock(int(d.self.Fd()), unix.LOCK_SH|unix.LOCK_NB) // some file systems have no locks
		d.parent, err = openDir(at, ".")
	}
	if err != nil {
		if d.self != nil {
			d.self.Close()
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return d, nil
}

func openDir(at int, name string) (*os.File, error) {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// openNew opens a folder that was just made. Who owns the one around it may have put
// another in its place: that one is not ours, or holds something already.
func openNew(at int, name string) (*os.File, error) {
	dir, err := openDir(at, name)
	if err == unix.ELOOP || err == unix.ENOTDIR {
		return nil, errExchanged
	}
	if err != nil {
		return nil, err
	}
	var s unix.Stat_t
	if err = unix.Fstat(int(dir.Fd()), &s); err == nil && int(s.Uid) != os.Geteuid() {
		err = errExchanged
	}
	if names, _ := dir.Readdirnames(1); err == nil && len(names) > 0 {
		err = errExchanged
	}
	if err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}
