package record

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// prefix is what the folders begin with that MakeFolder makes among the temporary files.
const prefix = "listenq-"

// Left is a folder of recordings that an earlier run has left among the temporary files.
type Left struct {
	Path string
	Made time.Time
	Size int64 // bytes of its files
}

// FindLeft finds those of this user, the newest first. It leaves out a folder that is being
// written, which whoever writes holds locked, and one that holds no experiment: what top has
// saved of an incident stays.
func FindLeft() ([]Left, error) {
	dir := os.TempDir()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("find recordings: %w", err)
	}
	var all []Left
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if left, ok := look(filepath.Join(dir, e.Name())); ok {
			all = append(all, left)
		}
	}
	slices.SortFunc(all, func(a, b Left) int { return cmp.Or(b.Made.Compare(a.Made), cmp.Compare(a.Path, b.Path)) })
	return all, nil
}

// look looks into a folder. It is not there, or not this user's, or in use: not ok.
func look(path string) (left Left, ok bool) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return left, false
	}
	dir := os.NewFile(uintptr(fd), path)
	defer dir.Close()
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil || int(s.Uid) != os.Geteuid() || unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil {
		return left, false
	}
	left = Left{Path: path, Made: time.Unix(s.Mtim.Unix())}
	err = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			left.Size += info.Size()
		}
		ok = ok || e.Name() == ScenarioFile
		return err
	})
	return left, ok && err == nil
}

// Remove removes the folder.
func (l Left) Remove() error {
	root, err := os.OpenRoot(filepath.Dir(l.Path))
	if err != nil {
		return fmt.Errorf("remove recording: %w", err)
	}
	defer root.Close()
	if err := root.RemoveAll(filepath.Base(l.Path)); err != nil {
		return fmt.Errorf("remove recording: %w", err)
	}
	return nil
}
