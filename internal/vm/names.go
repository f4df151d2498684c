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
	packageName    = rule{regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`), 128}   // Debian policy, 5.6.1
	packageVersion = rule{regexp.MustCompile(`^[0-9][0-9A-Za-z.+:~-]*$`), 127} // Debian policy, 5.6.12
	packageArch    = rule{regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`), 31}      // Debian policy, 11.1
	nameOfModule   = rule{regexp.MustCompile(`^[0-9A-Za-z_]+$`), 63}           // MODULE_NAME_LEN, include/linux/moduleparam.h
)

// rule is what a name may be. Its length stands apart: a pattern that counts so far is built
// for a millisecond whenever this program starts.
type rule struct {
	*regexp.Regexp
	most int // bytes
}

// MatchString reports that a name is by the rule.
func (r rule) MatchString(name string) bool { return len(name) <= r.most && r.Regexp.MatchString(name) }

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
