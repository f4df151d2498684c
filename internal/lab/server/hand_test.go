package server

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// inode tells what a descriptor is of.
func inode(t *testing.T, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// A descriptor that is handed over is of the same file; anything but one is an error, and
// leaves no descriptor behind.
func TestHand(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd := int(file.Fd())
	if _, err := receive(pair[1]); err == nil {
		t.Error("something came where nothing was sent")
	}
	if err := hand(pair[0], fd); err != nil {
		t.Fatal(err)
	}
	got, err := receive(pair[1])
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(got)
	if inode(t, got) != inode(t, fd) {
		t.Error("it is of another file")
	}
	before := open(t)
	for name, rights := range map[string][]byte{"none": nil, "two": unix.UnixRights(fd, fd), "three": unix.UnixRights(fd, fd, fd)} {
		if err := unix.Sendmsg(pair[0], []byte{0}, rights, nil, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := receive(pair[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if after := open(t); after != before {
		t.Errorf("%d descriptors are open, %d were", after, before)
	}
}

// open is how many descriptors this process has.
func open(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
