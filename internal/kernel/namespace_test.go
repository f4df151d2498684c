package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"listenq/internal/evidence"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace of a test's own, with lo up.
type namespace struct{ fd int }

// newNamespace makes a namespace. With a number of buckets it has a hash table of
// its own of that size, where the kernel can (Linux 6.1): the sysctl is of the
// namespace that it is made from.
func newNamespace(t testing.TB, buckets int) namespace {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	type made struct {
		fd  int
		err error
	}
	result := make(chan made)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		fd, err := unshareNamespace(buckets)
		result <- made{fd, err}
	}()
	m := <-result
	if m.err != nil {
		t.Fatal(m.err)
	}
	t.Cleanup(func() { unix.Close(m.fd) })
	return namespace{m.fd}
}

func unshareNamespace(buckets int) (int, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return -1, fmt.Errorf("unshare: %w", err)
	}
	if buckets > 0 {
		const path = "/proc/sys/net/ipv4/tcp_child_ehash_entries"
		if err := os.WriteFile(path, []byte(fmt.Sprint(buckets)), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return -1, err
		}
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return -1, fmt.Errorf("unshare: %w", err)
		}
	}
	if err := loopbackUp(); err != nil {
		return -1, err
	}
	return unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, ifr)
}

// do runs fn in the namespace.
func (ns namespace) do(t testing.TB, fn func() error) {
	t.Helper()
	if err := InNetns(ns.fd, fn); err != nil {
		t.Fatal(err)
	}
}

// output is the standard output of a command that runs in the namespace.
func (ns namespace) output(t testing.TB, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs %s: %v", name, err)
	}
	var out []byte
	ns.do(t, func() (err error) {
		out, err = exec.Command(name, args...).Output()
		return err
	})
	return string(out)
}

func (ns namespace) diag(t testing.TB) *Diag {
	t.Helper()
	var d *Diag
	ns.do(t, func() (err error) {
		d, err = OpenDiag()
		return err
	})
	t.Cleanup(func() { d.Close() })
	return d
}

// socket makes a TCP socket in the namespace; it is closed when the test ends.
func (ns namespace) socket(t testing.TB, at netip.Addr) int {
	t.Helper()
	family := unix.AF_INET6
	if at.Is4() {
		family = unix.AF_INET
	}
	fd := -1
	ns.do(t, func() (err error) {
		fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		return err
	})
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// listen returns a socket that listens at that address and port, and both as
// netip has them. Ports are given, as IPv4 and IPv6 may be handed the same one.
func (ns namespace) listen(t testing.TB, at string, backlog int) (int, netip.AddrPort) {
	t.Helper()
	addr := netip.MustParseAddrPort(at)
	fd := ns.socket(t, addr.Addr())
	check(t, unix.Bind(fd, sockaddr(addr)))
	check(t, unix.Listen(fd, backlog))
	return fd, addr
}

// connect returns a connected socket.
func (ns namespace) connect(t testing.TB, to netip.AddrPort) int {
	t.Helper()
	fd := ns.socket(t, to.Addr())
	check(t, unix.Connect(fd, sockaddr(to)))
	return fd
}

// connectDeaf starts a connection of a socket that hears nothing: its SYNs go
// out, and each SYN-ACK is dropped before TCP sees it.
func (ns namespace) connectDeaf(t testing.TB, to netip.AddrPort) int {
	t.Helper()
	fd := ns.socket(t, to.Addr())
	deafen(t, fd)
	check(t, unix.SetNonblock(fd, true))
	if err := unix.Connect(fd, sockaddr(to)); err != unix.EINPROGRESS {
		t.Fatalf("connect: %v", err)
	}
	return fd
}

// deafen gives a socket a filter that drops every packet.
func deafen(t testing.TB, fd int) {
	t.Helper()
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	check(t, unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop}))
}

func accept(t testing.TB, listener int) int {
	t.Helper()
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	check(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func localAddress(t testing.TB, fd int) netip.AddrPort {
	t.Helper()
	sa, err := unix.Getsockname(fd)
	check(t, err)
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	t.Fatalf("socket has no IP address: %T", sa)
	panic("unreachable")
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

// inode is the inode of a socket by its file descriptor.
func inode(t testing.TB, fd int) uint32 {
	t.Helper()
	var st unix.Stat_t
	check(t, unix.Fstat(fd, &st))
	return uint32(st.Ino)
}

// cookie is the cookie of a socket by its file descriptor.
func cookie(t testing.TB, fd int) uint64 {
	t.Helper()
	c, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	check(t, err)
	return c
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dump collects the sockets of a dump.
func dump(t testing.TB, d *Diag, req Request) (sockets []Socket) {
	t.Helper()
	check(t, d.Dump(req, func(s *Socket) error {
		sockets = append(sockets, s.clone())
		return nil
	}))
	return sockets
}

func (s *Socket) clone() Socket {
	c := *s
	c.Info = append(TCPInfo(nil), s.Info...)
	return c
}

// await dumps until the sockets are as wanted: loopback delivers in softirq
// context, which may be later than the system call that sent the packet.
func await(t testing.TB, d *Diag, req Request, wanted func([]Socket) bool) []Socket {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		sockets := dump(t, d, req)
		if wanted(sockets) {
			return sockets
		}
		if time.Now().After(deadline) {
			t.Fatalf("sockets never as wanted, last: %+v", sockets)
		}
	}
}

func countState(sockets []Socket, state evidence.State) (n int) {
	for _, s := range sockets {
		if s.State == state {
			n++
		}
	}
	return n
}

func find(t testing.TB, sockets []Socket, is func(Socket) bool) Socket {
	t.Helper()
	i := slices.IndexFunc(sockets, is)
	if i < 0 {
		t.Fatalf("no such socket among %+v", sockets)
	}
	return sockets[i]
}
