package attach

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// What is missing where something has to be mounted.
var (
	errNoCgroup  = errors.New("no cgroup2 is mounted that shows the cgroup of this process")
	errNoTracefs = errors.New("tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing")
)

// anyExists reports whether one of the files exists, for all that the caller can see.
func anyExists(paths ...string) bool {
	return slices.ContainsFunc(paths, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil || errors.Is(err, os.ErrPermission)
	})
}

// ownCgroup is the folder of the calling process's cgroup in the unified
// hierarchy (cgroups(7)).
func ownCgroup() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoCgroup, err)
	}
	path := cgroupPath(mounts, groups)
	if path == "" {
		return "", errNoCgroup
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: %w", errNoCgroup, err)
	}
	return path, nil
}

// cgroupPath joins the mount point of cgroup2 and the path of a process in it; ""
// if one of them is missing.
func cgroupPath(mounts, groups []byte) string {
	own := ""
	for line := range bytes.Lines(groups) {
		if rest, ok := bytes.CutPrefix(line, []byte("0::")); ok {
			own = strings.TrimSuffix(string(rest), "\n")
		}
	}
	for line := range bytes.Lines(mounts) {
		before, after, ok := bytes.Cut(line, []byte(" - "))
		fields, kind := bytes.Fields(before), bytes.Fields(after)
		if own == "" || !ok || len(fields) < 5 || len(kind) == 0 || string(kind[0]) != "cgroup2" {
			continue
		}
		root, point := string(fields[3]), string(fields[4])
		below, err := filepath.Rel(root, own)
		if err != nil || strings.HasPrefix(below, "..") {
			continue // of a mount that shows another part of the hierarchy
		}
		return filepath.Join(point, below)
	}
	return ""
}

// process is what the calling process may do.
type process struct {
	capabilities uint64 // effective
	userns       bool   // of a user namespace, where they are worth nothing to the host's eBPF
	lockdown     string // the mode that is on; "": none, or not known
}

// self reads /proc and securityfs; what cannot be read is as if it were not there.
func self() process {
	status, _ := os.ReadFile("/proc/self/status")
	idMap, _ := os.ReadFile("/proc/self/uid_map")
	lockdown, _ := os.ReadFile("/sys/kernel/security/lockdown")
	p := process{capabilities: effective(status)}
	p.userns = len(idMap) > 0 && strings.Join(strings.Fields(string(idMap)), " ") != "0 0 4294967295"
	if _, rest, ok := bytes.Cut(lockdown, []byte("[")); ok {
		if mode, _, _ := bytes.Cut(rest, []byte("]")); string(mode) != "none" {
			p.lockdown = string(mode)
		}
	}
	return p
}

// effective reads the effective capabilities out of /proc/PID/status (proc(5)).
func effective(status []byte) (set uint64) {
	if _, rest, ok := bytes.Cut(status, []byte("CapEff:")); ok {
		word, _, _ := bytes.Cut(bytes.TrimLeft(rest, "\t "), []byte("\n"))
		set, _ = strconv.ParseUint(string(word), 16, 64) // 0 if it is no number
	}
	return set
}

// may reports whether the process has a right. CAP_SYS_ADMIN stands for the two
// that were made out of it (include/linux/capability.h: bpf_capable, perfmon_capable).
func (p process) may(capability int) bool {
	has := func(c int) bool { return p.capabilities>>c&1 == 1 }
	return has(capability) || capability != unix.CAP_NET_ADMIN && has(unix.CAP_SYS_ADMIN)
}

func (p process) mayAll(capabilities []int) bool {
	return !slices.ContainsFunc(capabilities, func(c int) bool { return !p.may(c) })
}

var capabilityNames = [...]string{unix.CAP_NET_ADMIN: "CAP_NET_ADMIN", unix.CAP_PERFMON: "CAP_PERFMON", unix.CAP_BPF: "CAP_BPF"}

func namesOf(capabilities []int) string {
	var names []string
	for _, c := range capabilities {
		names = append(names, capabilityNames[c])
	}
	return strings.Join(names, " and ")
}

func denied(err error) bool { return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) }

// explain says in plain words why a trial failed.
func explain(t trial, err error, p process) string {
	denied := denied(err)
	switch {
	case errors.Is(err, errNoCgroup), errors.Is(err, errNoTracefs):
		return err.Error()
	case denied && !p.mayAll(t.rights):
		return "trying needs " + namesOf(t.rights) + ", which root has"
	case denied && p.userns:
		return "trying is not allowed in a user namespace: run as root outside of it"
	case denied && p.lockdown != "":
		return "the kernel is locked down: " + p.lockdown + " (/sys/kernel/security/lockdown)"
	case denied:
		return "refused (" + errnoName(err) + ") although the rights are there: by a security module, a seccomp filter or how this kernel was built"
	case errors.Is(err, unix.ENOSYS):
		return "there is no bpf(): the kernel is built without CONFIG_BPF_SYSCALL, or a seccomp filter hides it"
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, os.ErrNotExist), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL), errors.Is(err, notSupported):
		return "this kernel does not have it: it needs " + t.needs
	}
	return "the kernel answers: " + err.Error()
}

// notSupported is ENOTSUPP, which the kernel means to keep to itself and returns
// here all the same.
const notSupported = unix.Errno(524)

func errnoName(err error) string {
	errno, _ := errors.AsType[unix.Errno](err)
	return unix.ErrnoName(errno)
}
