package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func currentNetns(t testing.TB) string {
	t.Helper()
	link, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Error(err)
	}
	return link
}

func TestInNetns(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ns := newNamespace(t, 0)
	home := currentNetns(t)
	var there string
	ns.do(t, func() error {
		there = currentNetns(t)
		return nil
	})
	if there == home {
		t.Errorf("the function ran in %s, the caller's own namespace", there)
	}
	if now := currentNetns(t); now != home {
		t.Errorf("the caller is in %s after it, was in %s", now, home)
	}
}

// No thread that runs other goroutines is left in the namespace.
func TestInNetnsReturns(t *testing.T) {
	ns := newNamespace(t, 0)
	home := currentNetns(t)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if err := InNetns(ns.fd, func() error { return nil }); err != nil {
				t.Error(err)
			}
			if now := currentNetns(t); now != home {
				t.Errorf("a goroutine is in %s, want %s", now, home)
			}
		})
	}
	group.Wait()
}

func TestInNetnsErrors(t *testing.T) {
	ns := newNamespace(t, 0)
	failed := errors.New("failed")
	if err := InNetns(ns.fd, func() error { return failed }); err != failed {
		t.Errorf("got error %v, want the function's", err)
	}
	if err := InNetns(-1, func() error { t.Error("called"); return nil }); !errors.Is(err, unix.EBADF) {
		t.Errorf("got error %v, want %v", err, unix.EBADF)
	}
	if err := InNetns(ns.fd, func() error { runtime.Goexit(); return nil }); err == nil {
		t.Error("no error of a function that ended its goroutine")
	}
}

// Where /proc has no thread-self, as before Linux 3.17, the thread's own folder is
// read: that of another thread may be of another namespace.
func TestThreadFile(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tid := strconv.Itoa(unix.Gettid())
	old := t.TempDir()
	if got, want := threadFileIn(old, "ns/net"), filepath.Join(old, tid, "ns/net"); got != want {
		t.Errorf("without thread-self the file is %s, want %s", got, want)
	}
	if got, want := threadFile("ns/net"), "/proc/thread-self/ns/net"; got != want {
		t.Errorf("with thread-self the file is %s, want %s", got, want)
	}
	var own, byID unix.Stat_t
	for path, st := range map[string]*unix.Stat_t{threadFile("ns/net"): &own, "/proc/" + tid + "/ns/net": &byID} {
		if err := unix.Stat(path, st); err != nil {
			t.Fatal(err)
		}
	}
	if own.Ino != byID.Ino {
		t.Errorf("/proc/%s/ns/net is %d, /proc/thread-self/ns/net is %d", tid, byID.Ino, own.Ino)
	}
}
