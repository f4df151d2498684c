package taskfile

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func open(t testing.TB) *Iterator {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to load a program")
	}
	it, err := Open()
	if errors.Is(err, ErrNotHere) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { it.Close() })
	return it
}

// BenchmarkOpen is what comes once, before the first iteration.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		it, err := Open()
		if err != nil {
			b.Fatal(err)
		}
		it.Close()
	}
}

func TestListenersAreThoseThatListen(t *testing.T) {
	it := open(t)
	socket := func(kind int) (fd int, inode uint64) {
		fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			t.Fatal(err)
		}
		return fd, st.Ino
	}
	listening, inode := socket(unix.SOCK_STREAM)
	if err := unix.Listen(listening, 1); err != nil {
		t.Fatal(err)
	}
	_, quiet := socket(unix.SOCK_STREAM)
	_, datagrams := socket(unix.SOCK_DGRAM)
	for range 2 {
		var got []File
		if err := it.Listeners(func(f File) {
			if f.Process == os.Getpid() && (f.Inode == inode || f.Inode == quiet || f.Inode == datagrams) {
				got = append(got, f)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].FD != listening || got[0].Inode != inode || got[0].Thread != os.Getpid() {
			t.Errorf("got %+v, want descriptor %d, inode %d, alone", got, listening, inode)
		}
	}
}
