package kernel

import (
	"errors"
	"os"
	"runtime"
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
