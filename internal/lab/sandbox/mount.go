package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mount is one line of mountinfo.
type mount struct {
	point   string
	options []string // of the mount, not of the file system
}

// parseMounts reads a mountinfo (proc_pid_mountinfo(5)); lines that are none
// are left out.
func parseMounts(text string) []mount {
	var mounts []mount
	for line := range strings.Lines(text) {
		if field := strings.Fields(line); len(field) >= 6 {
			mounts = append(mounts, mount{unescape(field[4]), strings.Split(field[5], ",")})
		}
	}
	return mounts
}

// unescape undoes mangle_path (fs/seq_file.c): \ooo for space, tab, newline and
// backslash.
func unescape(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if n, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

// mountFlags are the options of a mount that a remount must repeat, since a
// user namespace may not take them away (mount_namespaces(7)).
var mountFlags = map[string]uintptr{
	"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
	"noatime": unix.MS_NOATIME, "nodiratime": unix.MS_NODIRATIME, "relatime": unix.MS_RELATIME,
}

// harmless are the flags of whatever is shown of the host.
const harmless = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV

// bind shows a folder or file, with what is mounted below, at another place.
func bind(source, target string) error {
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", source, err)
	}
	return nil
}

// makeHarmless makes a mount and all below read-only, without devices and
// setuid: at once where the kernel can (mount_setattr, 5.12), else one by one.
func makeHarmless(point string) error {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	err := unix.MountSetattr(unix.AT_FDCWD, point, unix.AT_RECURSIVE, &attr)
	if errors.Is(err, unix.ENOSYS) {
		return remountBelow(point)
	}
	if err != nil {
		return fmt.Errorf("make %s read-only: %w", point, err)
	}
	return nil
}

// ofThread is the path of a file of the calling thread. Before Linux 3.17 there is no
// /proc/thread-self. In the host's /proc our thread has another number than we know: there
// it is the process's, whose mounts are the same.
func ofThread(name string) string {
	for _, folder := range []string{"/proc/thread-self/", fmt.Sprintf("/proc/self/task/%d/", unix.Gettid())} {
		if _, err := os.Lstat(folder); err == nil {
			return folder + name
		}
	}
	return "/proc/self/" + name
}

// remountBelow does what makeHarmless does on kernels before 5.12.
func remountBelow(point string) error {
	text, err := os.ReadFile(ofThread("mountinfo"))
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	for _, m := range parseMounts(string(text)) {
		if m.point != point && !strings.HasPrefix(m.point, point+"/") {
			continue
		}
		flags := uintptr(unix.MS_BIND | unix.MS_REMOUNT | harmless)
		for _, option := range m.options {
			flags |= mountFlags[option]
		}
		if err := unix.Mount("", m.point, "", flags, ""); err != nil {
			return fmt.Errorf("make %s read-only: %w", m.point, err)
		}
	}
	return nil
}

// tmpfs mounts an empty file system of bounded size with that mode on a new
// folder.
func tmpfs(point, size, mode string) error {
	if err := os.MkdirAll(point, 0o755); err != nil {
		return fmt.Errorf("make mount point: %w", err)
	}
	options := "size=" + size + ",nr_inodes=20k,mode=" + mode
	if err := unix.Mount("tmpfs", point, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("mount %s: %w", point, err)
	}
	return nil
}
