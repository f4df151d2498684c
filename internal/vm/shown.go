package vm

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"listenq/internal/lab/sandbox"
)

// shown is what a guest sees of this host's files.
type shown struct {
	folders []string // each is shared
	files   []File   // links and empty folders, which it has of its own
}

// showFolders looks at this host's root. A guest sees of it what an experiment does.
func showFolders() (s shown) {
	entries, _ := os.ReadDir("/") // nothing is shown of a root that cannot be read
	for _, e := range entries {
		if !sandbox.InSystemFolder("/" + e.Name()) {
			continue
		}
		if target, err := os.Readlink("/" + e.Name()); err == nil {
			for _, at := range []string{"/", HostDir} {
				s.files = append(s.files, File{Path: path.Join(at, e.Name()), Mode: fs.ModeSymlink, Data: []byte(target)})
			}
		} else if e.IsDir() {
			s.folders = append(s.folders, "/"+e.Name())
		}
	}
	s.files = append(s.files, emptyFolders()...)
	return s
}

// emptyFolders are the folders below /var that the host's programs expect to find.
func emptyFolders() (folders []File) {
	for _, above := range []string{"/var/cache", "/var/lib", "/var/log", "/var/spool", "/var/tmp"} {
		folders = append(folders, File{Path: above, Mode: fs.ModeDir})
		if above == "/var/tmp" {
			continue
		}
		entries, _ := os.ReadDir(above) // a host without it has nothing to expect there
		for _, e := range slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() }) {
			folders = append(folders, File{Path: filepath.Join(above, e.Name()), Mode: fs.ModeDir})
		}
	}
	return folders
}

// shareTag is the mount tag of a shared folder.
func shareTag(i int) string { return "host" + strconv.Itoa(i) }
