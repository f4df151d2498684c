package sandbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The steps by which a setting betrays itself, see diagnose.
const (
	stepProgram = "copy own program into memory"
	stepPrivate = "cut off mounts"
	stepProc    = "mount /proc"
)

// Folders of the root that no host has.
const (
	workFolder   = "/run/listenq"       // holds the working directories of commands
	copiesFolder = "/run/listenq-files" // holds copies of files that cannot be where they are on the host
	emptyFolder  = "/.listenq-empty"
)

// builder builds the root directory of a sandbox.
type builder struct {
	view    view
	archive *os.File // files to be shown in view.Dir; nil: none
	root    string   // where the new root is until it is the root
	shown   shown
}

// shown is what the root shows of the host.
type shown struct {
	dir     string   // where the copies of its files are; "": none
	names   []string // in dir
	folders []string // whose files are the host's own, and not seen through a layer
}

// buildRoot replaces the root directory of the process by one that holds what
// a program needs and nothing else of the host.
func buildRoot(v view, archive *os.File) (shown, error) {
	b := builder{view: v, archive: archive}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{stepPrivate, b.cutOff},
		{"mount new root", b.mountRoot},
		{"show system folders", b.systemFolders},
		{"make private folders", b.privateFolders},
		{"cut off name servers", b.resolver},
		{"make /dev", b.dev},
		{stepProc, b.proc},
		{"show files", b.showCopies},
		{"hide sockets", b.hideSockets},
		{"enter new root", b.pivot},
	} {
		if err := step.do(); err != nil {
			return shown{}, &stepError{step.name, err}
		}
	}
	return b.shown, nil
}

// cutOff keeps what is mounted from here on out of the host.
func (b *builder) cutOff() error {
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}

// mountRoot puts the new root on a folder that every host has.
func (b *builder) mountRoot() error {
	for _, b.root = range []string{"/tmp", "/run", "/mnt"} {
		if info, err := os.Lstat(b.root); err == nil && info.IsDir() {
			return errors.Join(tmpfs(b.root, "1m", "755"), os.Mkdir(b.root+emptyFolder, 0o755))
		}
	}
	return errors.New("no folder /tmp, /run or /mnt")
}

// systemFolders shows programs, libraries and their settings. What is a
// symbolic link on the host is one inside (/bin → usr/bin).
func (b *builder) systemFolders() error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if path := "/" + entry.Name(); InSystemFolder(path) {
			if err := b.systemFolder(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) systemFolder(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		return os.Symlink(target, b.root+path)
	case !info.IsDir():
		return nil
	}
	if err := os.Mkdir(b.root+path, 0o755); err != nil {
		return err
	}
	if err := bind(path, b.root+path); err != nil {
		return err
	}
	if err := makeHarmless(b.root + path); err != nil {
		return err
	}
	return b.layers(path)
}

// layers covers the mounts of a system folder, each by a layer of its own: through it
// a program reads the files, but a lock, a FIFO or a UNIX socket that it meets there is
// the layer's (ovl_new_inode, fs/overlayfs/inode.c) and not the host's. Where the
// kernel does not let us make a layer, or one would hide what is mounted below, the
// folder is as it is on the host.
func (b *builder) layers(path string) error {
	text, err := os.ReadFile(ofThread("mountinfo"))
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	var points []string
	for _, m := range parseMounts(string(text)) {
		if m.point == b.root+path || strings.HasPrefix(m.point, b.root+path+"/") {
			points = append(points, m.point)
		}
	}
	for _, point := range points {
		above := func(other string) bool { return strings.HasPrefix(other, point+"/") }
		if slices.ContainsFunc(points, above) || b.layer(point) != nil {
			b.shown.folders = append(b.shown.folders, strings.TrimPrefix(point, b.root))
		}
	}
	return nil
}

// layer covers a folder with an overlay of itself and an empty folder, since one
// alone is none.
func (b *builder) layer(point string) error {
	lower := strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`).Replace(point)
	return unix.Mount("overlay", point, "overlay", harmless, "lowerdir="+lower+":"+b.root+emptyFolder)
}

// privateFolders makes the folders that commands may write to. Below /var are
// the empty folders that the host's programs expect to find.
func (b *builder) privateFolders() error {
	for _, folder := range []struct{ path, size string }{
		{"/tmp", "256m"}, {"/run", "16m"}, {"/var", "64m"}, {"/dev/shm", "64m"},
	} {
		if err := tmpfs(b.root+folder.path, folder.size, "1777"); err != nil {
			return err
		}
	}
	for _, path := range []string{"/var/tmp", "/var/cache", "/var/lib", "/var/log", "/var/spool"} {
		if err := b.emptyFolders(path); err != nil {
			return err
		}
	}
	if err := os.Symlink("/run", b.root+"/var/run"); err != nil {
		return err
	}
	return os.Mkdir(b.root+workFolder, 0o755)
}

// emptyFolders makes a folder that everybody may write to and, but for /var/tmp, in it
// one for each folder that the host has there (/var/log/nginx). Mkdir's mode
// would be cut by the umask.
func (b *builder) emptyFolders(path string) error {
	paths := []string{path}
	if path != "/var/tmp" {
		entries, _ := os.ReadDir(path) // a host without it has nothing to expect there
		for _, entry := range entries {
			if entry.IsDir() {
				paths = append(paths, filepath.Join(path, entry.Name()))
			}
		}
	}
	for _, path := range paths {
		if err := os.Mkdir(b.root+path, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(b.root+path, 0o777|fs.ModeSticky); err != nil {
			return err
		}
	}
	return nil
}

// resolver makes name look-ups end at once: the host's name servers are out of
// reach, and every program that asks for its own name would wait for them.
// Where /etc/resolv.conf is no file of its own, its target is not shown.
func (b *builder) resolver() error {
	const path = "/etc/resolv.conf"
	if info, err := os.Lstat(b.root + path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	none := b.root + "/run/resolv.conf"
	if err := os.WriteFile(none, []byte("# there is no name server\n"), 0o644); err != nil {
		return err
	}
	if err := bind(none, b.root+path); err != nil {
		return err
	}
	if err := makeHarmless(b.root + path); err != nil {
		return err
	}
	return os.Remove(none) // the mount has it
}

// dev shows the devices that do nothing and those that Start was given, no other. Their
// mounts are read-only, which keeps their modes and times and lets them be written to.
func (b *builder) dev() error {
	for _, name := range b.view.Devices {
		path := "/dev/" + name
		if err := os.WriteFile(b.root+path, nil, 0o644); err != nil {
			return err
		}
		if err := bind(path, b.root+path); err != nil {
			return err
		}
		const flags = unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NOEXEC
		if err := unix.Mount("", b.root+path, "", flags, ""); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		if err := os.Symlink("/proc/self/"+target, b.root+"/dev/"+name); err != nil {
			return err
		}
	}
	return nil
}

// proc mounts the /proc of the sandbox's PID namespace: read-only but for the
// network sysctls, which are those of the network namespace that the writing
// thread is in.
func (b *builder) proc() error {
	point := b.root + "/proc"
	if err := os.Mkdir(point, 0o555); err != nil {
		return err
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("proc", point, "proc", flags, ""); err != nil {
		return err
	}
	if err := bind(point+"/sys/net", point+"/sys/net"); err != nil {
		return err
	}
	return unix.Mount("", point, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|flags, "")
}

// showCopies unpacks the copies of the host's files: in the folder that they are in on
// the host, unless that is one of the sandbox's own.
func (b *builder) showCopies() (err error) {
	if b.archive == nil {
		return nil
	}
	defer b.archive.Close()
	b.shown.dir = b.view.Dir
	if b.shown.dir == "" || slices.Contains(ownFolders, b.shown.dir) || InSystemFolder(b.shown.dir) {
		b.shown.dir = copiesFolder
	}
	point := b.root + b.shown.dir
	if err := tmpfs(point, fmt.Sprint(2*maxPacked), "755"); err != nil {
		return err
	}
	whole := io.NewSectionReader(b.archive, 0, math.MaxInt64) // from its beginning, whoever has read of it
	if b.shown.names, err = unpack(whole, point); err != nil {
		return err
	}
	return unix.Mount("", point, "", unix.MS_REMOUNT|harmless, "")
}

// hideSockets covers sockets of the host, which could be connected to through a
// read-only mount and from another network namespace (unix_find_bsd,
// net/unix/af_unix.c), where there is no layer. One that is gone or out of our reach is out of reach of
// a command too, which has fewer rights.
func (b *builder) hideSockets() error {
	for _, path := range b.view.Sockets {
		switch err := unix.Mount("/dev/null", b.root+path, "", unix.MS_BIND, ""); err {
		case nil, unix.ENOENT, unix.ENOTDIR, unix.EACCES:
		default:
			return fmt.Errorf("hide %s: %w", path, err)
		}
	}
	return nil
}

// pivot makes the new root the root, read-only, and lets go of the old one. Both
// have the same path for a moment, so that no folder is needed for the old one
// (pivot_root(2)). Which of them "." is then depends on the kernel: by a descriptor it is
// the old one.
func (b *builder) pivot() error {
	if err := unix.Mount("", b.root, "", unix.MS_BIND|unix.MS_REMOUNT|harmless, ""); err != nil {
		return fmt.Errorf("make root read-only: %w", err)
	}
	old, err := os.Open("/")
	if err != nil {
		return err
	}
	defer old.Close()
	if err := os.Chdir(b.root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot root: %w", err)
	}
	if err := old.Chdir(); err != nil {
		return err
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount old root: %w", err)
	}
	return os.Chdir("/")
}
