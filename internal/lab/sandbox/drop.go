package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// DropArg is this program's first argument when it is started to become a
// command; main hands the arguments behind it to Drop.
const DropArg = "sandbox-drop"

// Drop gives up all rights and becomes the command that its arguments name. It
// returns only with an error, with which main should exit with code 126.
//
// The command has an ordinary user's id, no capability and no way to one
// (empty bounding set, no_new_privs), a /proc of its own PID namespace, at most
// 4,096 processes and 65,536 descriptors, and leaves no core dump.
func Drop(args []string) error {
	if len(args) == 0 {
		return reap()
	}
	if err := drop(args); err != nil {
		return fmt.Errorf("start command: %w", err)
	}
	return nil
}

// reap is the life of the first process of the commands' PID namespace: children
// of commands that have ended become its own. That SIGCHLD is ignored makes the
// kernel reap them; the other signals are ignored because commands may have the
// uid to send them. Commands wait for the byte that says that this is so.
func reap() error {
	signal.Ignore()
	if _, err := os.Stdout.Write([]byte{0}); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin) // ends with the runner
	return err
}

func drop(args []string) error {
	if len(args) < 4 {
		return errors.New("arguments are missing")
	}
	uid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	if os.Getppid() != 0 { // our parent is in the PID namespace around
		return errors.New("not started by Inside.Start")
	}
	runtime.LockOSThread() // rights are a thread's; this one becomes the command
	if err := ownProc(); err != nil {
		return err
	}
	if err := limitResources(); err != nil {
		return err
	}
	if err := dropRights(uid, gid); err != nil {
		return err
	}
	if err := syscall.Exec(args[2], args[3:], os.Environ()); err != nil {
		return fmt.Errorf("execute %s: %w", args[2], err)
	}
	return nil
}

// ownProc replaces /proc, which shows the runner, by that of the commands' PID
// namespace, all of it read-only.
func ownProc() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("leave mount namespace: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// limitResources sets limits that keep an accident small. A core size of 1 is
// the one value that keeps a dump from a program of the host as well, which a
// core_pattern that starts with | would call (do_coredump, fs/coredump.c).
func limitResources() error {
	for _, limit := range []struct {
		name     string
		resource int
		most     uint64
	}{
		{"core size", unix.RLIMIT_CORE, 1},
		{"processes", unix.RLIMIT_NPROC, 4096},
		{"descriptors", unix.RLIMIT_NOFILE, 65536},
	} {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(limit.resource, &now); err != nil {
			return fmt.Errorf("read limit of %s: %w", limit.name, err)
		}
		most := min(now.Max, limit.most)
		if err := syscall.Setrlimit(limit.resource, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("limit %s: %w", limit.name, err)
		}
	}
	return nil
}

// dropRights takes from the calling thread all that makes it more than an
// ordinary process of that user. Where the id is ours already, the groups must
// stay: a user namespace of one id may not change them (user_namespaces(7)).
func dropRights(uid, gid int) error {
	// A session keyring is inherited and would open the keys of whoever started us.
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil && !errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("leave session keyring: %w", err)
	}
	if err := boundCapabilities(nil); err != nil {
		return err
	}
	if uid != os.Getuid() {
		if err := syscall.Setgroups(nil); err != nil {
			return fmt.Errorf("leave groups: %w", err)
		}
		if err := syscall.Setresgid(gid, gid, gid); err != nil {
			return fmt.Errorf("become group %d: %w", gid, err)
		}
		if err := syscall.Setresuid(uid, uid, uid); err != nil {
			return fmt.Errorf("become user %d: %w", uid, err)
		}
	}
	if err := clearCapabilities(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}
