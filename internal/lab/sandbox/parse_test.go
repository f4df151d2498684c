package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestSpareIDs(t *testing.T) {
	for _, test := range []struct {
		name, idMap string
		want        []syscall.SysProcIDMap
	}{
		{"host", "         0          0 4294967295\n", []syscall.SysProcIDMap{{HostID: 2147418112, Size: 65536}}},
		{"container", "0 100000 65536\n", []syscall.SysProcIDMap{{HostID: 32768, Size: 32768}}},
		{"rootless container", "0 1000 1\n1 100000 65536\n", []syscall.SysProcIDMap{{HostID: 32769, Size: 32768}}},
		{"one id", "0 1000 1\n", nil},
		{"beyond 2^31", "2147483648 0 65536\n", nil},
		{"empty", "", nil},
		{"nonsense", "a b c\n1 2\n-1 0 9\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, spareIDs(test.idMap)); diff != "" {
				t.Errorf("spareIDs (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzSpareIDs(f *testing.F) {
	f.Add("0 0 4294967295\n")
	f.Add("0 1000 1\n1 100000 65536\n")
	f.Fuzz(func(t *testing.T, idMap string) {
		for _, m := range spareIDs(idMap) {
			if m.Size <= userID || m.Size > 1<<16 || m.HostID <= 0 || m.HostID+m.Size > 1<<31 {
				t.Errorf("spareIDs(%q) = %+v", idMap, m)
			}
		}
	})
}

func TestParseMounts(t *testing.T) {
	const text = `21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
35 21 0:30 / /mnt/a\040b\134 ro,nosuid - tmpfs tmpfs rw
broken
`
	want := []mount{{"/", []string{"rw", "relatime"}}, {`/mnt/a b\`, []string{"ro", "nosuid"}}}
	if diff := cmp.Diff(want, parseMounts(text), cmp.AllowUnexported(mount{})); diff != "" {
		t.Errorf("parseMounts (-want +got):\n%s", diff)
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add("35 21 0:30 / /mnt/a\\040b ro,nosuid - tmpfs tmpfs rw\n")
	f.Add("1 2 3 4 \\77 x\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range parseMounts(text) {
			if len(m.options) == 0 || m.point == "" {
				t.Errorf("mount without point or options: %+v", m)
			}
		}
	})
}

func TestUnixSockets(t *testing.T) {
	const text = `Num       RefCount Protocol Flags    Type St Inode Path
00000000c63240ef: 00000003 00000000 00000000 0001 03  1058
000000003a171cdb: 00000002 00000000 00010000 0001 01  1057 /opt/a b/x.sock
000000003a171cdc: 00000002 00000000 00010000 0001 01  1059 @abstract
000000003a171cdd: 00000002 00000000 00010000 0001 01  1060 relative
`
	if diff := cmp.Diff([]string{"/opt/a b/x.sock"}, unixSockets(text)); diff != "" {
		t.Errorf("unixSockets (-want +got):\n%s", diff)
	}
}

func FuzzUnixSockets(f *testing.F) {
	f.Add("0: 2 0 10000 1 1 1057 /opt/a b/x.sock\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, path := range unixSockets(text) {
			if !filepath.IsAbs(path) {
				t.Errorf("path %q is not absolute", path)
			}
		}
	})
}

// TestSystemSockets hides a socket in a folder that is shown to all.
func TestSystemSockets(t *testing.T) {
	needRoot(t)
	dir, err := os.MkdirTemp("/opt", "sandbox-test-")
	check(t, err)
	defer os.RemoveAll(dir)
	check(t, os.Chmod(dir, 0o755))
	path := filepath.Join(dir, "daemon.sock")
	listen(t, "unix", path)
	check(t, os.Chmod(path, 0o777))
	for _, u := range users {
		if why := u.can(t, outside, "", "connect to", "unix "+path); why != "" {
			t.Fatalf("counter-proof: cannot: %s", why)
		}
		t.Log(u.cannot(t, "", "connect to", "unix "+path))
	}
}

// TestRemountBelow makes mounts harmless as kernels before 5.12 need it.
func TestRemountBelow(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its mounts
		done <- remountInOwnNamespace(root)
	}()
	check(t, <-done)
}

func remountInOwnNamespace(root string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	below := filepath.Join(root, "a b")
	if err := errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("tmpfs", root, "tmpfs", 0, ""),
		os.Mkdir(below, 0o755),
		unix.Mount("tmpfs", below, "tmpfs", unix.MS_NOEXEC, ""),
		os.WriteFile(filepath.Join(below, "before"), nil, 0o644), // the counter-proof
		remountBelow(root),
	); err != nil {
		return err
	}
	for _, folder := range []string{root, below} {
		if err := os.WriteFile(filepath.Join(folder, "after"), nil, 0o644); !errors.Is(err, unix.EROFS) {
			return fmt.Errorf("write to %s: %w, want read-only", folder, err)
		}
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(below, &fs); err != nil {
		return err
	}
	if want := int64(unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC); fs.Flags&want != want {
		return fmt.Errorf("flags are %x, want %x in them", fs.Flags, want)
	}
	return nil
}
