// Package client is the lab's own client: one connection whose every system
// call is reported with its result, errno and time, as an application would have
// felt it. It reads in the background, as most clients do after they have
// connected, so that a reset shows when it comes. Each send is a segment of its
// own (TCP_NODELAY).
package client

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/evidence"
)

// Config is a connection to make.
type Config struct {
	Local, Remote netip.AddrPort // Local with its port, so that the connection has its name before its first packet
	MPTCP         bool
	Reuse         bool          // the port was another connection's a moment ago (SO_REUSEADDR)
	Text          string        // sent with the SYN (Fast Open), if the kernel has a cookie or needs none
	Ask           string        // sent as soon as connect() has returned
	GiveUp        time.Duration // connect() is ended after this long by the client itself; 0: left to the kernel
	Clock         func() time.Duration
	Report        func(evidence.Call) // each call when it has returned; from several goroutines
}

// Conn is a client's connection, made or on its way.
type Conn struct {
	conf  Config
	file  *os.File
	raw   syscall.RawConn
	began time.Duration

	connected chan struct{} // closed when connect() has returned
	ended     chan struct{} // closed when the background read has ended
	gaveUp    atomic.Bool
}

// Dial makes the socket in the calling thread's network namespace and begins to
// connect. It returns when the SYN has been handed to the kernel.
func Dial(conf Config) (*Conn, error) {
	fd, err := openSocket(conf)
	if err != nil {
		return nil, err
	}
	c := &Conn{conf: conf, began: conf.Clock(), connected: make(chan struct{}), ended: make(chan struct{})}
	begun := connect(fd, conf)
	c.file = os.NewFile(uintptr(fd), "client")
	if c.raw, err = c.file.SyscallConn(); err != nil {
		return nil, err
	}
	go c.wait(begun)
	return c, nil
}

// connect calls connect(), or what does it with the first data (RFC 7413).
func connect(fd int, conf Config) error {
	if conf.Text == "" {
		return unix.Connect(fd, sockaddr(conf.Remote))
	}
	_, err := unix.SendmsgN(fd, []byte(conf.Text), nil, sockaddr(conf.Remote), unix.MSG_FASTOPEN|unix.MSG_NOSIGNAL)
	if err == nil {
		return unix.EINPROGRESS // the text is on its way, the handshake is not done
	}
	return err
}

func openSocket(conf Config) (int, error) {
	local := conf.Local
	family, protocol := unix.AF_INET, unix.IPPROTO_TCP
	if local.Addr().Is6() {
		family = unix.AF_INET6
	}
	if conf.MPTCP {
		protocol = unix.IPPROTO_MPTCP
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if conf.MPTCP && err == unix.EINVAL {
		err = unix.EPROTONOSUPPORT // as kernels that have no MPTCP call a number above IPPROTO_MAX of their own (inet_create)
	}
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if conf.Reuse && err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil {
		err = unix.Bind(fd, sockaddr(local))
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind client to %v: %w", local, err)
	}
	return fd, nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// report records one call that began at t.
func (c *Conn) report(t time.Duration, call evidence.Call, err error) {
	call.T, call.Duration = t, c.conf.Clock()-t
	call.Client, call.Server = c.conf.Local, c.conf.Remote
	if err != nil {
		call.Result, call.Errno = -1, errno(err)
	}
	c.conf.Report(call)
}

func errno(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		if name := unix.ErrnoName(number); name != "" {
			return name
		}
	}
	return err.Error()
}
