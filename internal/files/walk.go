package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrLink says that a link of another user is on the way.
var ErrLink = errors.New("a link of another user is not followed")

// maxLinks are as many as the kernel follows (path_resolution(7)).
const maxLinks = 40

// walker goes to a file component by component, each opened in the one before, so that
// nobody can exchange what was looked at.
type walker struct {
	path  string
	at    int // descriptor of the folder that it is in
	todo  []string
	links int
	make  bool // folders that are missing
}

// walk begins in the working directory or the root.
func walk(path string, make bool) (*walker, error) {
	if path == "" {
		return nil, &fs.PathError{Op: "open", Path: path, Err: unix.ENOENT}
	}
	w := &walker{path: path, at: -1, make: make, todo: split(path)}
	return w, w.start(path)
}

func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

func (w *walker) start(path string) error {
	from := "."
	if strings.HasPrefix(path, "/") {
		from = "/"
	}
	return w.move(unix.Open(from, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0))
}

// move goes on in another folder.
func (w *walker) move(fd int, err error) error {
	if err != nil {
		return w.failed(err)
	}
	w.close()
	w.at = fd
	return nil
}

func (w *walker) close() {
	if w.at >= 0 {
		unix.Close(w.at)
		w.at = -1
	}
}

func (w *walker) failed(err error) error { return &fs.PathError{Op: "open", Path: w.path, Err: err} }

// folder goes to the end of the path, which is a folder.
func (w *walker) folder() error {
	for len(w.todo) > 0 {
		if err := w.step(); err != nil {
			return err
		}
	}
	return nil
}

// last goes to the folder of the path's last component, behind the links that are
// followed, and returns its name there. It is "." if it is a folder.
func (w *walker) last() (string, error) {
	for len(w.todo) > 1 {
		if err := w.step(); err != nil {
			return "", err
		}
	}
	if len(w.todo) == 0 {
		return ".", nil
	}
	name := w.todo[0]
	switch target, err := w.link(name); {
	case errors.Is(err, fs.ErrNotExist): // which Create makes
		return name, nil
	case err != nil:
		return "", err
	case target == "" || w.magic(): // which leads to what is open, whatever it says
		return name, nil
	default:
		if err := w.follow(target); err != nil {
			return "", err
		}
	}
	return w.last()
}

// step goes into the next component.
func (w *walker) step() error {
	name := w.todo[0]
	target, err := w.link(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && w.make:
		if err := unix.Mkdirat(w.at, name, 0o700); err != nil && err != unix.EEXIST {
			return w.failed(err)
		}
	case err != nil:
		return err
	case target != "":
		return w.follow(target)
	}
	w.todo = w.todo[1:]
	return w.move(unix.Openat(w.at, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0))
}

// link returns where a link leads that is followed; nothing if it is none.
func (w *walker) link(name string) (target string, err error) {
	fd, err := unix.Openat(w.at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", w.failed(err)
	}
	defer unix.Close(fd)
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return "", w.failed(err)
	}
	if s.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", nil
	}
	if s.Uid != 0 && int(s.Uid) != os.Geteuid() {
		return "", w.failed(fmt.Errorf("%s: %w (uid %d)", name, ErrLink, s.Uid))
	}
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", b)
	if err != nil {
		return "", w.failed(err)
	}
	return string(b[:n]), nil
}

// follow puts where a link leads in place of the next component.
func (w *walker) follow(target string) error {
	if w.links++; w.links > maxLinks {
		return w.failed(unix.ELOOP)
	}
	w.todo = append(split(target), w.todo[1:]...)
	if strings.HasPrefix(target, "/") {
		return w.start(target)
	}
	return nil
}

// magic reports whether the links of this folder lead to open files (proc(5), fd).
func (w *walker) magic() bool {
	var s unix.Statfs_t
	return unix.Fstatfs(w.at, &s) == nil && s.Type == unix.PROC_SUPER_MAGIC
}
