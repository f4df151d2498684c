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
// 4,096 processes, 65,536 descriptors and half of the machine's memory in each process,
// and leaves no core dump. Seccomp and Landlock forbid it what these do, once more.
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
	if len(args) < 5 {
		return errors.New("arguments are missing")
	}
	var numbers [3]int
	for i := range numbers {
		var err error
		if numbers[i], err = strconv.Atoi(args[i]); err != nil {
			return err
		}
	}
	uid, gid, rules := numbers[0], numbers[1], numbers[2]
	if os.Getppid() != 0 { // our parent is in the PID namespace around
		return errors.New("not started by Inside.Start")
	}
	runtime.LockOSThread() // rights are a thread's; this one becomes the command
	// As long as it has rights commands cannot look into it; without them it is closed
	// by this.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("hide memory: %w", err)
	}
	if err := ownProc(); err != nil {
		return err
	}
	if err := limitResources(); err != nil {
		return err
	}
	if err := dropRights(uid, gid); err != nil {
		return err
	}
	if err := wallIn(rules); err != nil {
		return err
	}
	if err := syscall.Exec(args[3], args[4:], os.Environ()); err != nil {
		return fmt.Errorf("execute %s: %w", args[3], err)
	}
	return nil
}

// wallIn puts up the second walls, on the calling thread. rules is the descriptor of a
// Landlock ruleset, 0 where there is none.
func wallIn(rules int) error {
	if rules != 0 {
		unix.CloseOnExec(rules)
		if err := confine(rules); err != nil {
			return err
		}
	}
	if err := commandFilter.install(0); err != nil && !errors.Is(err, errNoSeccomp) { // which Shared reports
		return err
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
	for _, path := range []string{"/proc/keys", "/proc/key-users"} { // the names of the caller's keys reveal what they are for
		if err := unix.Mount("/dev/null", path, "", unix.MS_BIND, ""); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("cover %s: %w", path, err)
		}
	}
	return nil
}

// limitResources sets limits that keep an accident small. A core size of 1 is
// the one value that keeps a dump from a program of the host as well, which a
// core_pattern that starts with | would call (do_coredump, fs/coredump.c).
func limitResources() error {
	memory, err := mostMemory()
	if err != nil {
		return err
	}
	for _, limit := range []struct {
		name     string
		resource int
		most     uint64
	}{
		{"core size", unix.RLIMIT_CORE, 1},
		{"processes", unix.RLIMIT_NPROC, 4096},
		{"descriptors", unix.RLIMIT_NOFILE, 65536},
		{"memory", unix.RLIMIT_DATA, memory},
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

// leastMemory is what a process may have on the smallest machine, in bytes: Java needs it.
const leastMemory = 512 << 20

// mostMemory is how many bytes a process may write to that are its own, half of what the
// machine has: what more it only reserves, as Java and Node do, does not count.
func mostMemory() (uint64, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, fmt.Errorf("ask for size of memory: %w", err)
	}
	return max(uint64(info.Totalram)*uint64(info.Unit)/2, leastMemory), nil
}

// dropRights takes from the calling thread all that makes it more than an
// ordinary process of that user. Where the id is ours already, the groups must
// stay: a user namespace of one id may not change them (user_namespaces(7)).
func dropRights(uid, gid int) error {
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
