package server

import (
	"errors"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// hand sends a descriptor over a socket of AF_UNIX.
func hand(over, fd int) error { return unix.Sendmsg(over, []byte{0}, unix.UnixRights(fd), nil, 0) }

// receive takes the one descriptor that was sent over a socket of AF_UNIX.
func receive(over int) (int, error) {
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(over, make([]byte, 1), control, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return -1, errors.Join(err, errors.New("no descriptor came"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return -1, err
	}
	if len(fds) != 1 {
		for _, fd := range fds {
			unix.Close(fd)
		}
		return -1, errors.New("not one descriptor came")
	}
	return fds[0], nil
}

// attach puts a classic BPF program at a socket, in place of the one before; an empty
// one takes it off.
func attach(fd int, program []bpf.RawInstruction) error {
	if len(program) == 0 {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	}
	code := make([]unix.SockFilter, len(program))
	for i, x := range program {
		code[i] = unix.SockFilter{Code: x.Op, Jt: x.Jt, Jf: x.Jf, K: x.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}
