package vm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// makeRoot makes a root that can be left for another: the first root of a
// kernel cannot (Documentation/filesystems/ramfs-rootfs-initramfs.rst), a bind
// mount of it can. Linux 3.10 mounts that nowhere else: then it is moved.
func makeRoot() error {
	if err := os.MkdirAll(newRoot, 0o700); err != nil {
		return err
	}
	err := unix.Mount("/", newRoot, "", unix.MS_BIND, "")
	if err == unix.EINVAL {
		if err = unix.Mount("tmpfs", newRoot, "tmpfs", 0, "size=100%"); err == nil {
			err = moveFiles("/", newRoot)
		}
	}
	if err == nil {
		err = unix.Chdir(newRoot)
	}
	if err == nil {
		err = unix.Mount(".", "/", "", unix.MS_MOVE, "")
	}
	if err == nil {
		err = unix.Chroot(".")
	}
	if err != nil {
		return fmt.Errorf("make a root: %w", err)
	}
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/dev/shm"}, {"devpts", "/dev/pts"},
		{"tmpfs", "/tmp"}, {"tmpfs", "/run"},
		{"cgroup2", "/sys/fs/cgroup"}, {"bpf", "/sys/fs/bpf"}, {"tracefs", "/sys/kernel/tracing"},
	} {
		err := os.MkdirAll(m.at, 0o755)
		if err == nil || errors.Is(err, fs.ErrExist) {
			err = unix.Mount(m.kind, m.at, m.kind, 0, "")
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "listenq: guest: mount %s: %v\n", m.at, err)
		}
	}
	return os.Chmod("/tmp", 0o777|fs.ModeSticky)
}

// newRoot is where the root is until it is one.
const newRoot = "/root"

// moveFiles moves the folders, files and links below a folder into another one, which may
// be below it. What else is there stays.
func moveFiles(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == to {
			return fs.SkipDir
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch entry.Type() {
		case fs.ModeDir:
			err = os.MkdirAll(target, info.Mode().Perm())
		case fs.ModeSymlink:
			var text string
			if text, err = os.Readlink(path); err == nil {
				err = os.Symlink(text, target)
			}
		case 0:
			if err = copyFile(path, target, info.Mode().Perm()); err == nil {
				err = os.Remove(path) // it is memory
			}
		}
		return err
	})
}

func copyFile(from, to string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
