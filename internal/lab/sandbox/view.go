package sandbox

import (
	"path/filepath"
	"regexp"
	"strings"
)

// view is what of the host's files is shown inside, as the host sees it.
type view struct {
	Dir     string   // Spec.Dir
	Devices []string // names in /dev
	Sockets []string // UNIX sockets below the system folders, to be hidden
}

// systemFolder matches what is shown inside of the root directory: programs, libraries
// and their settings.
var systemFolder = regexp.MustCompile(`^/(bin|etc|gnu|nix|opt|sbin|snap|usr|lib[a-z0-9]*)(/|$)`)

// InSystemFolder reports whether a path without symbolic links is, or lies in, a folder
// that is shown anyway.
func InSystemFolder(path string) bool { return systemFolder.MatchString(path) }

// harmlessDevices do nothing.
var harmlessDevices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// ownFolders are what the sandbox has of its own, so that nothing of the host can be in
// their place.
var ownFolders = []string{"/", "/dev", "/dev/shm", "/proc", "/run", "/sys", "/tmp", "/var", "/var/tmp"}

// survey looks at the host as the caller of Start, who may see more of a folder
// than the inside will.
func survey(dir string, devices []string) view {
	v := view{Dir: dir, Devices: append(harmlessDevices[:len(harmlessDevices):len(harmlessDevices)], devices...)}
	for _, path := range unixSockets(readSetting("/proc/self/net/unix")) {
		if real, err := filepath.EvalSymlinks(path); err == nil && InSystemFolder(real) {
			v.Sockets = append(v.Sockets, real)
		}
	}
	return v
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
