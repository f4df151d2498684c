package vm

import (
	"errors"
	"fmt"
	"os"
	"regexp"

	"golang.org/x/sys/unix"
)

// Names that packages, modules and images give themselves are somebody else's: they
// end up in messages, in maps, in the archive for a guest. Only what the rules of
// those who give them allow is let through, and no name of a file on this machine is
// made of them: the cache hashes them.
var (
	packageName    = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]{1,127}$`)   // Debian policy, 5.6.1
	packageVersion = regexp.MustCompile(`^[0-9][0-9A-Za-z.+:~-]{0,126}$`) // Debian policy, 5.6.12
	packageArch    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)      // Debian policy, 11.1
	nameOfModule   = regexp.MustCompile(`^[0-9A-Za-z_]{1,63}$`)           // MODULE_NAME_LEN, include/linux/moduleparam.h
)

// openRegular opens a file that somebody named, or that lies where one is looked for.
// It does not wait, as for a writer of a FIFO, and what is no regular file is an
// error: a device has no end.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	return onlyRegular(f)
}

// onlyRegular returns f, or closes it and says what it is not.
func onlyRegular(f *os.File) (*os.File, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", f.Name(), errNotRegular)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

var errNotRegular = errors.New("not a regular file")
