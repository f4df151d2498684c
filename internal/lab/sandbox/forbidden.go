package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Forbidden says that namespaces are not allowed here, by which setting, and
// what to do about it.
type Forbidden struct {
	Setting string // "": not found out
	Value   string
	Way     string
	Err     error
}

func (f *Forbidden) Error() string {
	if f.Setting == "" {
		return fmt.Sprintf("namespaces are not allowed here: %v", f.Err)
	}
	return fmt.Sprintf("namespaces are not allowed here: %s is %s: %v", f.Setting, f.Value, f.Err)
}

// Unwrap returns what the kernel answered.
func (f *Forbidden) Unwrap() error { return f.Err }

// stepError is the step of building a sandbox that failed.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// forbids reports whether an error may come from a setting that does not allow
// namespaces.
func forbids(err error) bool {
	errno, ok := errors.AsType[unix.Errno](err)
	return ok && slices.Contains([]unix.Errno{unix.EPERM, unix.EACCES, unix.ENOSPC, unix.EUSERS, unix.EINVAL, unix.ENOSYS}, errno)
}

// readSetting returns the text of a small file of /proc, "" if it cannot be read.
func readSetting(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}

// suspect is one setting that may forbid namespaces.
type suspect struct {
	setting string
	// value returns the setting's value if it explains the failure, else "".
	value func(failure) string
	way   string
}

// failure is what diagnose has to go by.
type failure struct {
	errno unix.Errno
	step  string // "": the clone of the first process
	read  func(path string) string
}

// suspects are asked in this order: what a kernel says alone first, what may
// stand beside it last.
var suspects = []suspect{
	limit("user"), limit("net"), limit("mnt"), limit("pid"), limit("ipc"), limit("uts"), limit("cgroup"),
	{
		"kernel.unprivileged_userns_clone", cloneNotPermitted(is("/proc/sys/kernel/unprivileged_userns_clone", "0")),
		"run as root, or sysctl kernel.unprivileged_userns_clone=1",
	},
	{"CONFIG_USER_NS", noUserns, "run as root, or a kernel with CONFIG_USER_NS=y"},
	{"the root directory", cloneNotPermitted(chrooted), "run outside of the chroot: the kernel allows no user namespace in it"},
	{
		"/proc", maskedProc,
		"run the container with its /proc unmasked: docker run --security-opt systempaths=unmasked, podman run --security-opt unmask=ALL, Kubernetes procMount: Unmasked",
	},
	{
		"kernel.apparmor_restrict_unprivileged_userns", restricted,
		"run as root, or sysctl kernel.apparmor_restrict_unprivileged_userns=0, or give this program an AppArmor profile that allows userns",
	},
	{"the AppArmor profile", profile, "run the container with --security-opt apparmor=unconfined"},
	{"vm.memfd_noexec", noMemoryPrograms, "sysctl vm.memfd_noexec=1"},
	{
		"the seccomp filter", filtered,
		"run the container with a seccomp profile that allows clone, unshare, mount and pivot_root: --security-opt seccomp=unconfined",
	},
}

// diagnose finds the setting behind an error for which forbids is true. read
// returns the text of a file, "" if there is none.
func diagnose(err error, read func(path string) string) *Forbidden {
	f := failure{read: read}
	f.errno, _ = errors.AsType[unix.Errno](err)
	if step, ok := errors.AsType[*stepError](err); ok {
		f.step = step.step
	}
	for _, s := range suspects {
		if value := s.value(f); value != "" {
			return &Forbidden{Setting: s.setting, Value: value, Way: s.way, Err: err}
		}
	}
	if f.step == "" && (f.errno == unix.ENOSPC || f.errno == unix.EUSERS) {
		return &Forbidden{Way: "raise user.max_user_namespaces and the other user.max_*_namespaces here and in the namespaces around", Err: err}
	}
	return &Forbidden{Way: "run as root, or where user, network, mount and PID namespaces are allowed", Err: err}
}

// limit is the limit on the number of one kind of namespace; crossing it is
// ENOSPC (inc_ucount, kernel/ucount.c, since 4.9).
func limit(kind string) suspect {
	name := "max_" + kind + "_namespaces"
	zero := is("/proc/sys/user/"+name, "0")
	return suspect{"user." + name, func(f failure) string {
		if f.errno != unix.ENOSPC {
			return ""
		}
		return zero(f)
	}, "sysctl user." + name + "=10000"}
}

// is finds a file with one word.
func is(path, word string) func(failure) string {
	return func(f failure) string {
		if got := strings.TrimSpace(f.read(path)); got == word {
			return got
		}
		return ""
	}
}

// cloneNotPermitted limits a suspect to a clone that failed with EPERM.
func cloneNotPermitted(value func(failure) string) func(failure) string {
	return func(f failure) string {
		if f.step != "" || f.errno != unix.EPERM {
			return ""
		}
		return value(f)
	}
}

// noUserns finds a kernel without user namespaces: it has no id maps.
func noUserns(f failure) string {
	if f.read("/proc/self/status") == "" || f.read("/proc/self/uid_map") != "" {
		return ""
	}
	return "not set"
}

// chrooted finds a root directory that is no mount (create_user_ns,
// kernel/user_namespace.c: EPERM if current_chrooted).
func chrooted(f failure) string {
	mounts := parseMounts(f.read("/proc/self/mountinfo"))
	if len(mounts) == 0 || slices.ContainsFunc(mounts, func(m mount) bool { return m.point == "/" }) {
		return ""
	}
	return "a chroot"
}

// maskedProc finds mounts that hide parts of /proc: then a new one cannot be
// mounted in a user namespace (mount_too_revealing, fs/namespace.c).
func maskedProc(f failure) string {
	if f.step != stepProc || f.errno != unix.EPERM {
		return ""
	}
	var hidden []string
	for _, m := range parseMounts(f.read("/proc/self/mountinfo")) {
		if strings.HasPrefix(m.point, "/proc/") {
			hidden = append(hidden, m.point)
		}
	}
	if hidden == nil {
		return ""
	}
	return "hidden in part (" + strings.Join(hidden, ", ") + ")"
}

// restricted finds AppArmor's restriction (Ubuntu 23.10 and later). It lets an
// ordinary user's clone pass and makes the capabilities worthless, so the first
// use of one fails.
func restricted(f failure) string {
	first := f.step == stepPrivate && (f.errno == unix.EPERM || f.errno == unix.EACCES)
	denied := f.step == "" && f.errno == unix.EACCES
	if !first && !denied || status(f, "Uid") == "0" {
		return ""
	}
	return is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1")(f)
}

// profile finds an AppArmor profile that confines this process; what it does
// not allow is EACCES.
func profile(f failure) string {
	name := strings.TrimSpace(f.read("/proc/self/attr/current"))
	if f.errno != unix.EACCES || !strings.HasSuffix(name, "(enforce)") {
		return ""
	}
	return name
}

// noMemoryPrograms finds the setting that forbids to execute files in memory
// (memfd_create(2), since 6.3), as this program's copy is one.
func noMemoryPrograms(f failure) string {
	if f.step != stepProgram || f.errno != unix.EACCES {
		return ""
	}
	return is("/proc/sys/vm/memfd_noexec", "2")(f)
}

// filtered finds a seccomp filter on this process (proc_pid_status(5): Seccomp 2). What
// it does not allow is the errno of its choice: EPERM or ENOSYS.
func filtered(f failure) string {
	if f.errno != unix.EPERM && f.errno != unix.ENOSYS || status(f, "Seccomp") != "2" {
		return ""
	}
	return "active"
}

// status returns the first value of a line of /proc/self/status.
func status(f failure, name string) string {
	for line := range strings.Lines(f.read("/proc/self/status")) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			first, _, _ := strings.Cut(strings.TrimSpace(rest), "\t")
			return first
		}
	}
	return ""
}
