package kernel

import "golang.org/x/sys/unix"

// oldSyscalls are those that newer architectures do not have.
var oldSyscalls = map[int]string{
	unix.SYS_EPOLL_WAIT: "epoll_wait", unix.SYS_POLL: "poll", unix.SYS_SELECT: "select", unix.SYS_PAUSE: "pause",
}
