package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// view is what of the host's files is shown inside, as the host sees it.
type view struct {
	Dir     string   // the folder to show, without symbolic links; "": none
	Entries []string // names in Dir
	Sockets []string // UNIX sockets below Dir and the system folders, to be hidden
}

// systemFolders are shown inside if they exist, with those that match /lib*.
var systemFolders = []string{"/bin", "/etc", "/gnu", "/nix", "/opt", "/sbin", "/snap", "/usr"}

// privateFolders are folders of the sandbox's own, so a folder of that name
// cannot be shown.
var privateFolders = []string{"/", "/dev", "/proc", "/run", "/sys", "/var"}

// maxEntries bounds the search for sockets in a shown folder: about a second.
const maxEntries = 500_000

// survey looks at the host as the caller of Start, who may see more of a folder
// than the inside will.
func survey(dir string) (view, error) {
	var v view
	if dir != "" {
		var err error
		if v, err = surveyDir(dir); err != nil {
			return v, fmt.Errorf("show %s: %w", dir, err)
		}
	}
	for _, path := range unixSockets(readSetting("/proc/self/net/unix")) {
		if real, err := filepath.EvalSymlinks(path); err == nil && inSystemFolder(real) {
			v.Sockets = append(v.Sockets, real)
		}
	}
	return v, nil
}

func surveyDir(dir string) (view, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return view{}, err
	}
	v := view{}
	if v.Dir, err = filepath.EvalSymlinks(abs); err != nil {
		return v, err
	}
	if slices.Contains(privateFolders, v.Dir) || strings.HasPrefix(v.Dir, "/proc/") || strings.HasPrefix(v.Dir, "/sys/") {
		return v, errors.New("too much of the host: use a folder of its own")
	}
	if err := unix.Access(v.Dir, unix.X_OK); err != nil {
		return v, err
	}
	top, err := os.ReadDir(v.Dir)
	if err != nil {
		return v, err
	}
	for _, entry := range top {
		v.Entries = append(v.Entries, entry.Name())
	}
	v.Sockets, err = socketsBelow(v.Dir)
	return v, err
}

// socketsBelow finds sockets by looking at every name: /proc/net/unix has
// neither those of other network namespaces, which can be reached all the same,
// nor the folder that a relative name was bound in. Folders that the caller
// cannot read are left out.
func socketsBelow(dir string) ([]string, error) {
	var sockets []string
	seen := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if seen++; seen > maxEntries {
			return fmt.Errorf("more than %d files: use a folder of its own", maxEntries)
		}
		if entry.Type()&fs.ModeSocket != 0 {
			sockets = append(sockets, path)
		}
		return nil
	})
	return sockets, err
}

// unixSockets returns the absolute paths in a /proc/net/unix (unix_seq_show,
// net/unix/af_unix.c): the eighth column, to the end of the line.
func unixSockets(text string) []string {
	var paths []string
	for line := range strings.Lines(text) {
		if _, path, ok := strings.Cut(line, " /"); ok {
			paths = append(paths, "/"+strings.TrimSuffix(path, "\n"))
		}
	}
	return paths
}

// inSystemFolder reports whether a path without symbolic links lies in a folder
// that is shown anyway.
func inSystemFolder(path string) bool {
	top, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains(systemFolders, "/"+top) || strings.HasPrefix(top, "lib")
}
