package kernel

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// syscalls are those in which threads of servers sleep, and that all architectures
// have.
var syscalls = map[int]string{
	unix.SYS_ACCEPT: "accept", unix.SYS_ACCEPT4: "accept4", unix.SYS_CONNECT: "connect",
	unix.SYS_READ: "read", unix.SYS_READV: "readv", unix.SYS_PREAD64: "pread64",
	unix.SYS_RECVFROM: "recvfrom", unix.SYS_RECVMSG: "recvmsg",
	unix.SYS_WRITE: "write", unix.SYS_WRITEV: "writev", unix.SYS_PWRITE64: "pwrite64",
	unix.SYS_SENDTO: "sendto", unix.SYS_SENDMSG: "sendmsg", unix.SYS_OPENAT: "openat",
	unix.SYS_FSYNC: "fsync", unix.SYS_FDATASYNC: "fdatasync", unix.SYS_FLOCK: "flock", unix.SYS_FCNTL: "fcntl",
	unix.SYS_EPOLL_PWAIT: "epoll_pwait", unix.SYS_PPOLL: "ppoll", unix.SYS_PSELECT6: "pselect6",
	unix.SYS_IO_GETEVENTS: "io_getevents", unix.SYS_IO_URING_ENTER: "io_uring_enter",
	unix.SYS_FUTEX: "futex", unix.SYS_SEMTIMEDOP: "semtimedop", unix.SYS_RESTART_SYSCALL: "restart_syscall",
	unix.SYS_NANOSLEEP: "nanosleep", unix.SYS_CLOCK_NANOSLEEP: "clock_nanosleep",
	unix.SYS_WAIT4: "wait4", unix.SYS_WAITID: "waitid",
	unix.SYS_RT_SIGTIMEDWAIT: "rt_sigtimedwait", unix.SYS_RT_SIGSUSPEND: "rt_sigsuspend",
}

// parseSyscall reads what proc_pid_syscall (fs/proc/base.c) writes: "running", the
// number and the arguments, or -1 for a thread that sleeps outside system calls.
func parseSyscall(text string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	number, err := strconv.Atoi(word)
	if err != nil || number < 0 {
		return ""
	}
	for _, names := range []map[int]string{syscalls, oldSyscalls} {
		if name := names[number]; name != "" {
			return name
		}
	}
	return "system call " + strconv.Itoa(number)
}
