// Package files opens and makes files where others may have a hand in their names, in
// their contents, or in the folders on the way to them.
//
// Open and OpenIn read regular files alone, and never wait for another program.
// MakeDir makes a folder and holds it open: whatever happens to its path meanwhile, its
// files are new, and in it. Create makes or overwrites the one file that somebody named.
//
// On the way to what is written no link is followed that belongs to another user, as
// Linux does in folders that everybody may write to (fs.protected_symlinks, proc_sys_fs(5)).
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrIrregular says that a file is no regular one: a folder, a device, a socket, a pipe.
var ErrIrregular = errors.New("not a regular file")

// Open opens a regular file to read.
func Open(path string) (*os.File, error) { return open(unix.AT_FDCWD, path, 0) }

// OpenIn opens a regular file of a folder to read; a link is none.
func OpenIn(dir, name string) (*os.File, error) {
	in, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return open(int(in.Fd()), name, unix.O_NOFOLLOW)
}

// open opens without waiting for the other end of a pipe, which it then refuses.
func open(dir int, path string, flags int) (*os.File, error) {
	fd, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
	switch {
	case err == unix.ELOOP && flags&unix.O_NOFOLLOW != 0, err == unix.ENXIO: // a link; a socket
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrIrregular}
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.Join(err, ErrIrregular)}
	}
	return f, nil
}

// ReadAll reads to the end. More than limit bytes are an error, which calls them by that
// name.
func ReadAll(r io.Reader, limit int64, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return text, err
}
