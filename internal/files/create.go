package files

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// errShared says that a file must not be overwritten.
var errShared = errors.New("it has other names, too, and is not overwritten")

// Create opens the file that somebody named to be written: a new one of that mode, or
// one that is there, from its beginning. What is no regular file, as /dev/stdout or
// a pipe, is written to as it is. One of which there is another name is refused: that
// name may be anybody's.
func Create(path string, mode os.FileMode) (*os.File, error) {
	w, err := walk(path, false)
	if err != nil {
		return nil, err
	}
	defer w.close()
	name, err := w.last()
	if err != nil {
		return nil, err
	}
	flags := unix.O_WRONLY | unix.O_CREAT | unix.O_CLOEXEC
	if !w.magic() {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Openat(w.at, name, flags, uint32(mode.Perm()))
	if err != nil {
		return nil, w.failed(err)
	}
	if err := empty(fd); err != nil {
		unix.Close(fd)
		return nil, w.failed(err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// empty takes away what a regular file holds.
func empty(fd int) error {
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return err
	}
	switch {
	case s.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil
	case s.Nlink > 1:
		return errShared
	}
	return unix.Ftruncate(fd, 0)
}

// Dir is a folder that MakeDir has made. It is held open and, until then, locked (flock,
// shared): who can lock it alone knows that nobody writes there any more.
type Dir struct {
	Path string // where it was made

	name   string
	parent *os.File
	self   *os.File
}

// MakeDir makes a folder that its owner alone may enter: of that name below parent, which
// is made where it is missing, or with a number behind the name if there is one already.
func MakeDir(parent, name string) (*Dir, error) {
	w, err := walk(parent, true)
	if err != nil {
		return nil, err
	}
	defer w.close()
	if err := w.folder(); err != nil {
		return nil, err
	}
	return makeDir(w.at, parent, name)
}

// MakeDir makes a folder in this one, as the function does.
func (d *Dir) MakeDir(name string) (*Dir, error) { return makeDir(int(d.self.Fd()), d.Path, name) }

// Create makes a file in the folder, which is not there yet, to be written. Its owner
// alone may read it.
func (d *Dir) Create(name string) (*os.File, error) {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(int(d.self.Fd()), name, flags, 0o600)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: d.Path + "/" + name, Err: err}
	}
	return os.NewFile(uintptr(fd), d.Path+"/"+name), nil
}

// Remove removes a file of the folder.
func (d *Dir) Remove(name string) error { return unix.Unlinkat(int(d.self.Fd()), name, 0) }

// Close lets go of the folder.
func (d *Dir) Close() error { return errors.Join(d.self.Close(), d.parent.Close()) }

// Discard removes the folder, if it is empty, and lets go of it.
func (d *Dir) Discard() error {
	err := unix.Unlinkat(int(d.parent.Fd()), d.name, unix.AT_REMOVEDIR)
	if err == unix.ENOTEMPTY || err == unix.EEXIST {
		err = nil
	}
	return errors.Join(err, d.Close())
}
