package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The walls of system calls. Each stands behind a wall of namespaces and rights, for
// what these do not keep out: the caller's keys, and holes in the kernel. What is not
// named in them is allowed.

// neverNeeded are system calls that nothing inside needs, the runner included.
var neverNeeded = []string{
	"add_key", "keyctl", "request_key",
	"bpf", "perf_event_open", "userfaultfd",
	"io_uring_enter", "io_uring_register", "io_uring_setup",
	"kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace",
	"delete_module", "finit_module", "init_module", "kexec_file_load", "kexec_load",
	"acct", "ioperm", "iopl", "quotactl", "quotactl_fd", "reboot", "swapoff", "swapon", "syslog", "vhangup",
	"adjtimex", "clock_adjtime", "clock_settime", "settimeofday",
	"fanotify_init", "lookup_dcookie", "name_to_handle_at", "open_by_handle_at",
}

// runnersOnly are system calls that a command does not need besides.
var runnersOnly = []string{
	"chroot", "setns", "sethostname", "setdomainname",
	"fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree", "open_tree_attr",
	"pivot_root", "umount2",
}

const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWTIME

// filter is one wall of system calls.
type filter struct {
	denied     []string
	namespaces uint64   // bits of clone and unshare that are denied
	families   []uint64 // of sockets that are allowed
	netlink    []uint64 // protocols of AF_NETLINK that are allowed; nil: all
}

// The runner makes namespaces and mounts and has a socket of AF_PACKET for the wire; it
// makes no user namespace, in which a command would have rights.
var (
	runnerFilter = filter{
		denied:     neverNeeded,
		namespaces: unix.CLONE_NEWUSER,
		families:   []uint64{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK, unix.AF_PACKET},
	}
	commandFilter = filter{
		denied:     slices.Concat(neverNeeded, runnersOnly),
		namespaces: newNamespaces,
		families:   []uint64{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK},
		netlink:    []uint64{unix.NETLINK_ROUTE, unix.NETLINK_SOCK_DIAG, unix.NETLINK_GENERIC},
	}
)

// deny is the answer of a filter: an error of the system call.
func deny(errno unix.Errno) seccomp.Action { return seccomp.ActionErrno | seccomp.Action(errno) }

// program assembles the filter. System calls of another architecture, and those that
// are newer than the table of names, do not exist for what it holds.
func (f filter) program() ([]bpf.RawInstruction, error) {
	here, err := arch.GetInfo("")
	if err != nil {
		return nil, err
	}
	known := func(name string) bool { _, ok := here.SyscallNames[name]; return !ok }
	policy := seccomp.Policy{DefaultAction: seccomp.ActionAllow, Syscalls: []seccomp.SyscallGroup{
		{Action: deny(unix.EPERM), Names: slices.DeleteFunc(slices.Clone(f.denied), known), NamesWithCondtions: f.flags()},
		{Action: deny(unix.EAFNOSUPPORT), NamesWithCondtions: f.sockets()},
		{Action: deny(unix.ENOSYS), Names: []string{"clone3"}}, // its flags are in memory; libraries try clone then
	}}
	denials, err := policy.Assemble()
	if err != nil {
		return nil, err
	}
	const archOffset, numberOffset, size = 4, 0, 4 // in struct seccomp_data (include/uapi/linux/seccomp.h)
	none := bpf.RetConstant{Val: uint32(deny(unix.ENOSYS))}
	return bpf.Assemble(append([]bpf.Instruction{
		bpf.LoadAbsolute{Off: archOffset, Size: size},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(here.ID), SkipTrue: 1},
		none,
		bpf.LoadAbsolute{Off: numberOffset, Size: size},
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: uint32(slices.Max(slices.Collect(maps.Keys(here.SyscallNumbers)))), SkipTrue: 1},
		none,
	}, denials...))
}

func (f filter) flags() []seccomp.NameWithConditions {
	has := seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsSet, Value: f.namespaces}}
	return []seccomp.NameWithConditions{{Name: "clone", Conditions: has}, {Name: "unshare", Conditions: has}}
}

// sockets matches sockets of no allowed family, and of AF_NETLINK with no allowed protocol.
func (f filter) sockets() []seccomp.NameWithConditions {
	var matches []seccomp.NameWithConditions
	for _, name := range []string{"socket", "socketpair"} {
		matches = append(matches, seccomp.NameWithConditions{Name: name, Conditions: noneOf(0, f.families)})
		if f.netlink != nil {
			netlink := seccomp.Condition{Argument: 0, Operation: seccomp.Equal, Value: unix.AF_NETLINK}
			matches = append(matches, seccomp.NameWithConditions{Name: name, Conditions: append(noneOf(2, f.netlink), netlink)})
		}
	}
	return matches
}

func noneOf(argument uint32, values []uint64) seccomp.ArgumentConditions {
	var all seccomp.ArgumentConditions
	for _, v := range values {
		all = append(all, seccomp.Condition{Argument: argument, Operation: seccomp.NotEqual, Value: v})
	}
	return all
}

// install puts the filter up for the calling thread, or with SECCOMP_FILTER_FLAG_TSYNC
// for all threads, and for what they will start. It stays for good. The error is
// errNoSeccomp where the kernel cannot: there are filters since Linux 3.5, for all threads
// since 3.17.
func (f filter) install(flags uintptr) error {
	program, err := f.program()
	if err != nil {
		return fmt.Errorf("assemble seccomp filter: %w", err)
	}
	list := unix.SockFprog{Len: uint16(len(program)), Filter: (*unix.SockFilter)(unsafe.Pointer(&program[0]))} // the same four fields
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&list)))
	if errno == unix.ENOSYS && flags == 0 {
		thread, _, errno = unix.Syscall(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&list)))
	}
	switch {
	case errno == unix.ENOSYS || errno == unix.EINVAL: // EINVAL: built without CONFIG_SECCOMP_FILTER (kernel/seccomp.c)
		return errNoSeccomp
	case errno != 0:
		return fmt.Errorf("install seccomp filter: %w", errno)
	case thread != 0:
		return fmt.Errorf("install seccomp filter: thread %d has one of its own", thread)
	}
	return nil
}

var errNoSeccomp = errors.New("this kernel has no seccomp filters")
