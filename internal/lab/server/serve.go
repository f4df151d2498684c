package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Serve is the server process: it carries out the orders from in, one at a
// time, and answers on out; it hands its socket over on sockets. It returns when in ends.
func Serve(in io.Reader, out io.Writer, sockets *os.File) error {
	s := &process{out: json.NewEncoder(out), sockets: sockets, stop: make(chan struct{})}
	orders := json.NewDecoder(in)
	for {
		var r request
		if err := orders.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read order: %w", err)
		}
		answer, err := s.do(r)
		if err != nil {
			answer.Error = err.Error()
		}
		answer.Done = true
		s.send(answer)
	}
}

type process struct {
	work    sync.Mutex // held from accept() until the application has begun
	mu      sync.Mutex // guards out and open
	out     *json.Encoder
	conf    Config
	sock    *os.File
	sockets *os.File
	stop    chan struct{} // closed when the accept policy changes
	open    []*os.File    // accepted connections: kept, or the collector would close them
}

func (s *process) send(r reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Encode(r) // a broken pipe means that the experiment is gone; the end of in says so too
}

func (s *process) do(r request) (reply, error) {
	switch {
	case r.Listen != nil:
		return s.listen(*r.Listen)
	case r.Sync:
		s.work.Lock()
		defer s.work.Unlock()
		return reply{}, nil
	case s.sock == nil:
		return reply{}, errors.New("the listening socket is closed")
	case r.Backlog != nil:
		return reply{}, s.control("listen", func(fd int) error { return unix.Listen(fd, *r.Backlog) })
	case r.Hand:
		return reply{}, s.control("hand over socket", func(fd int) error { return hand(int(s.sockets.Fd()), fd) })
	case r.Accept != nil:
		return s.accept(*r.Accept)
	default:
		return reply{}, s.close()
	}
}

// control makes one system call on the listening socket.
func (s *process) control(call string, f func(fd int) error) error {
	raw, err := s.sock.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("%s: %w", call, failed)
	}
	return nil
}

func (s *process) close() error {
	close(s.stop)
	err := s.sock.Close()
	s.sock = nil
	return err
}

func (s *process) listen(c Config) (reply, error) {
	fd, err := openSocket(c)
	if err != nil {
		return reply{}, err
	}
	s.conf = c
	s.sock = os.NewFile(uintptr(fd), "listener")
	where, err := listening(fd)
	if err != nil {
		return reply{}, err
	}
	answer, err := s.accept(c.Accept)
	answer.Listening = &where
	return answer, err
}

func openSocket(c Config) (fd int, err error) {
	family, any := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: c.Port})
	if c.IPv6 {
		family, any = unix.AF_INET6, &unix.SockaddrInet6{Port: c.Port}
	}
	protocol := unix.IPPROTO_TCP
	if c.MPTCP {
		protocol = unix.IPPROTO_MPTCP
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if c.MPTCP && err == unix.EINVAL {
		err = unix.EPROTONOSUPPORT // as kernels that have no MPTCP call a number above IPPROTO_MAX of their own (inet_create)
	}
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err = errors.Join(setOptions(fd, c)...); err != nil {
	} else if err = unix.Bind(fd, any); err != nil {
		err = fmt.Errorf("bind to port %d: %w", c.Port, err)
	} else if err = unix.Listen(fd, c.Backlog); err != nil {
		err = fmt.Errorf("listen: %w", err)
	}
	if err != nil {
		unix.Close(fd)
	}
	return fd, err
}

func setOptions(fd int, c Config) (errs []error) {
	set := func(wanted bool, name string, level, option, value int) {
		if !wanted {
			return
		}
		if err := unix.SetsockoptInt(fd, level, option, value); err != nil {
			errs = append(errs, fmt.Errorf("setsockopt %s: %w", name, err))
		}
	}
	set(c.IPv6, "IPV6_V6ONLY", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	set(true, "SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	set(c.ReusePort, "SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	set(c.Defer > 0, "TCP_DEFER_ACCEPT", unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, int(c.Defer/time.Second))
	set(c.FastOpen > 0, "TCP_FASTOPEN", unix.IPPROTO_TCP, unix.TCP_FASTOPEN, c.FastOpen)
	return errs
}

func listening(fd int) (Listening, error) {
	local, err := unix.Getsockname(fd)
	if err != nil {
		return Listening{}, fmt.Errorf("getsockname: %w", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Listening{}, fmt.Errorf("fstat: %w", err)
	}
	return Listening{Port: int(address(local).Port()), Inode: st.Ino}, nil
}

func address(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	return netip.AddrPort{}
}
