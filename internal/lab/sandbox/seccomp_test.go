package sandbox

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data (include/uapi/linux/seccomp.h).
const (
	seccompNumber = 0
	seccompArg0   = 16
)

// denyUserNamespaces makes clone, clone3 and unshare with CLONE_NEWUSER answer
// EPERM (ENOSYS for clone3, whose flags a filter cannot see) on this thread and
// all that it starts.
func denyUserNamespaces() error {
	runtime.LockOSThread()
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		anyBit = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K
	)
	filter := []unix.SockFilter{
		{Code: load, K: seccompNumber},
		{Code: equal, K: unix.SYS_CLONE3, Jf: 1},
		{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{Code: equal, K: unix.SYS_CLONE, Jt: 2},
		{Code: equal, K: unix.SYS_UNSHARE, Jt: 1},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
		{Code: load, K: seccompArg0},
		{Code: anyBit, K: unix.CLONE_NEWUSER, Jf: 1},
		{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
	}
	return setFilter(filter)
}

// denyNewCalls takes from the calling thread what Linux 3.10 does not have: system calls,
// and the ambient capabilities.
func denyNewCalls() error {
	runtime.LockOSThread()
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K
	)
	filter := []unix.SockFilter{{Code: load, K: seccompNumber}}
	for _, number := range []uint32{
		unix.SYS_SECCOMP, unix.SYS_CLONE3, unix.SYS_CLOSE_RANGE, unix.SYS_PIDFD_OPEN, unix.SYS_OPEN_TREE,
		unix.SYS_MOUNT_SETATTR, unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_STATX, unix.SYS_OPENAT2,
	} {
		filter = append(filter,
			unix.SockFilter{Code: equal, K: number, Jf: 1},
			unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)})
	}
	return setFilter(append(filter,
		unix.SockFilter{Code: equal, K: unix.SYS_PRCTL, Jf: 3},
		unix.SockFilter{Code: load, K: seccompArg0},
		unix.SockFilter{Code: equal, K: unix.PR_CAP_AMBIENT, Jf: 1},
		unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EINVAL)},
		unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ALLOW},
	))
}

func setFilter(filter []unix.SockFilter) error {
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("set seccomp filter: %w", err)
	}
	return nil
}
