package kernel

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// InNetns calls fn on a thread that is in the network namespace of that file
// descriptor, and returns its error. What fn opens stays in that namespace; a
// goroutine that it starts does not. It needs CAP_SYS_ADMIN.
func InNetns(fd int, fn func() error) error {
	result := make(chan error, 1)
	go func() {
		err := errors.New("function in network namespace ended its goroutine")
		defer func() { result <- err }()
		err = inNetns(fd, fn)
	}()
	return <-result
}

// inNetns is to be called on a goroutine of its own: it may end with its thread
// locked, and the thread then ends with the goroutine.
func inNetns(fd int, fn func() error) error {
	runtime.LockOSThread()
	home, err := unix.Open(threadFile("ns/net"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer func() {
		if unix.Setns(home, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		unix.Close(home)
	}()
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	return fn()
}

// threadFile is the path of a file in the calling thread's folder of /proc. Before
// Linux 3.17 there is no /proc/thread-self (fs/proc/thread_self.c), but /proc/TID is
// there, though not listed (proc_pid_lookup, fs/proc/base.c).
func threadFile(name string) string { return threadFileIn("/proc", name) }

func threadFileIn(proc, name string) string {
	if _, err := os.Lstat(proc + "/thread-self"); err != nil {
		return fmt.Sprintf("%s/%d/%s", proc, unix.Gettid(), name)
	}
	return proc + "/thread-self/" + name
}
