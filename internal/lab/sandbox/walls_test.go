package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// makeUserns starts a process in a new user namespace.
func makeUserns(string) error {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
	return cmd.Run()
}

// writeToFifo writes to a FIFO that has a reader on the host.
func writeToFifo(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString("x")
	return err
}

// Keyrings (keyctl(2)).
const (
	keyProcess = unix.KEY_SPEC_PROCESS_KEYRING
	keyUser    = unix.KEY_SPEC_USER_KEYRING
	secret     = "secret"
)

func keepKey(name string, keyring int) (int, error) {
	return unix.AddKey("user", name, []byte(secret), keyring)
}

// keyRole keeps a key that everybody of this user may read, and prints its number.
func keyRole([]string) error {
	key, err := keepKey("sandbox-test-user", keyUser)
	if err != nil {
		return err
	}
	const everything = 0x3f3f3f3f
	if err := unix.KeyctlSetperm(key, everything); err != nil {
		return err
	}
	fmt.Println(key)
	return nil
}

func readKey(number string) error {
	key, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	text := make([]byte, len(secret))
	if _, err := unix.KeyctlBuffer(unix.KEYCTL_READ, key, text, 0); err != nil {
		return err
	}
	if string(text) != secret {
		return fmt.Errorf("it reads %q", text)
	}
	return nil
}

func seeKeys(string) error {
	text, err := os.ReadFile("/proc/keys")
	if err == nil && !bytes.Contains(text, []byte("sandbox-test-user")) {
		err = errors.New("it is not there")
	}
	return err
}

// calls are system calls with arguments that the kernel takes of everybody.
var calls = map[string]func() error{
	"pidfd_getfd": func() error {
		self, err := unix.PidfdOpen(os.Getpid(), 0)
		if err != nil {
			return err
		}
		_, err = unix.PidfdGetfd(self, 1, 0)
		return err
	},
	"process_vm_readv": func() error {
		one := []byte{1}
		to := []unix.Iovec{{Base: &one[0], Len: 1}}
		_, err := unix.ProcessVMReadv(os.Getpid(), to, nil, 0)
		return err
	},
	"ptrace": func() error {
		runtime.LockOSThread()
		_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0, 0, 0, 0)
		return answer(errno)
	},
	"unshare mounts": func() error {
		runtime.LockOSThread()
		return unix.Unshare(unix.CLONE_NEWNS)
	},
	"name_to_handle_at": func() error {
		_, _, err := unix.NameToHandleAt(unix.AT_FDCWD, "/tmp", 0) // a file system that has handles
		return err
	},
}

func answer(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

func openFamily(number string) error {
	family, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// lockRole locks a file until it is killed.
func lockRole(args []string) error {
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	fmt.Println("ready")
	time.Sleep(time.Hour)
	return nil
}

// lock locks a file for a moment.
func lock(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// TestFilterNames finds names that are no system calls: one would forbid nothing.
func TestFilterNames(t *testing.T) {
	for _, name := range commandFilter.denied {
		_, one := arch.X86_64.SyscallNames[name]
		_, other := arch.AARCH64.SyscallNames[name]
		if !one && !other {
			t.Errorf("there is no system call %s", name)
		}
	}
}

// TestFilters tries every call that a filter denies, and some that it must let pass, on
// a thread of this process.
func TestFilters(t *testing.T) {
	type call struct {
		name   string
		number uintptr
		args   [3]uintptr
		want   unix.Errno // of a command
		runner unix.Errno // of the runner
	}
	const bad = ^uintptr(0)
	tests := []call{
		{"a socket", unix.SYS_SOCKET, [3]uintptr{unix.AF_INET, unix.SOCK_STREAM, 0}, 0, 0},
		{"AF_VSOCK", unix.SYS_SOCKET, [3]uintptr{unix.AF_VSOCK, unix.SOCK_STREAM, 0}, unix.EAFNOSUPPORT, unix.EAFNOSUPPORT},
		{"AF_VSOCK, with a high bit", unix.SYS_SOCKET, [3]uintptr{1<<32 | unix.AF_VSOCK, unix.SOCK_STREAM, 0}, unix.EAFNOSUPPORT, unix.EAFNOSUPPORT},
		{"uevents", unix.SYS_SOCKET, [3]uintptr{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_KOBJECT_UEVENT}, unix.EAFNOSUPPORT, 0},
		{"sock_diag", unix.SYS_SOCKET, [3]uintptr{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_SOCK_DIAG}, 0, 0},
		{"a user namespace", unix.SYS_UNSHARE, [3]uintptr{unix.CLONE_NEWUSER}, unix.EPERM, unix.EPERM},
		{"no namespace", unix.SYS_UNSHARE, [3]uintptr{unix.CLONE_FS}, 0, 0},
		{"clone3", unix.SYS_CLONE3, [3]uintptr{0, bad}, unix.ENOSYS, unix.ENOSYS},
		{"a system call of tomorrow", 5000, [3]uintptr{}, unix.ENOSYS, unix.ENOSYS},
		{"umount2", unix.SYS_UMOUNT2, [3]uintptr{0, 0}, unix.EPERM, unix.EFAULT},
	}
	if runtime.GOARCH == "amd64" {
		tests = append(tests, call{"the x32 ABI", 1<<30 | unix.SYS_GETPID, [3]uintptr{}, unix.ENOSYS, unix.ENOSYS})
	}
	here, err := arch.GetInfo("")
	check(t, err)
	for _, name := range neverNeeded {
		if number, ok := here.SyscallNames[name]; ok {
			tests = append(tests, call{name, uintptr(number), [3]uintptr{bad, bad, bad}, unix.EPERM, unix.EPERM})
		}
	}
	for _, wall := range []struct {
		name string
		filter
		want func(call) unix.Errno
	}{
		{"command", commandFilter, func(c call) unix.Errno { return c.want }},
		{"runner", runnerFilter, func(c call) unix.Errno { return c.runner }},
	} {
		t.Run(wall.name, func(t *testing.T) {
			failed := make(chan error)
			go func() {
				defer close(failed)
				runtime.LockOSThread() // never unlocked: the thread ends with its filter
				if err := errors.Join(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), wall.install(0)); err != nil {
					failed <- err
					return
				}
				for _, c := range tests {
					fd, _, errno := unix.RawSyscall(c.number, c.args[0], c.args[1], c.args[2])
					if errno == 0 && c.number == unix.SYS_SOCKET {
						unix.Close(int(fd))
					}
					if errno != wall.want(c) {
						failed <- fmt.Errorf("%s: %v, want %v", c.name, errno, wall.want(c))
					}
				}
			}()
			for err := range failed {
				t.Error(err)
			}
		})
	}
}
