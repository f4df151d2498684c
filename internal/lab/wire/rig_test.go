package wire

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"listenq/internal/evidence"
	"listenq/internal/kernel"
)

var (
	clientHost = Host{
		Interface: "eth0",
		MAC:       net.HardwareAddr{2, 0, 0, 0, 0, 1},
		Addrs:     prefixes("10.0.0.1/24", "fd00::1/64"),
	}
	serverHost = Host{
		Interface: "eth0",
		MAC:       net.HardwareAddr{2, 0, 0, 0, 0, 2},
		Addrs:     prefixes("10.0.0.2/24", "fd00::2/64"),
	}
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// rig is a wire between two hosts in fresh network namespaces.
type rig struct {
	*Wire
	start          time.Time
	client, server Host
	wireNetns      int

	mu     sync.Mutex
	events []seen

	cancel context.CancelFunc
	ended  chan error
}

// seen is an event that outlives the Tap's call.
type seen struct {
	Event
	packet evidence.Packet // if Packet is not nil
}

// newRig builds namespaces, veth pairs and ports. The wire runs only after run.
func newRig(t testing.TB, tap func(*Event)) *rig {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	r := &rig{start: time.Now(), client: clientHost, server: serverHost}
	r.wireNetns, r.client.Netns, r.server.Netns = newNetns(t), newNetns(t), newNetns(t)
	must(t, Connect(r.wireNetns, "client", r.client, r.server))
	must(t, Connect(r.wireNetns, "server", r.server, r.client))
	if tap == nil {
		tap = r.note
	}
	r.Wire = New(Config{
		Client: r.port(t, "client"),
		Server: r.port(t, "server"),
		Clock:  func() time.Duration { return time.Since(r.start) },
		Tap:    tap,
	})
	return r
}

func (r *rig) port(t testing.TB, name string) *Port {
	t.Helper()
	var p *Port
	must(t, kernel.InNetns(r.wireNetns, func() (err error) {
		p, err = OpenPort(name, 0)
		return err
	}))
	t.Cleanup(func() { must(t, p.Close()) })
	return p
}

// run runs the wire until the test ends.
func (r *rig) run(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.ended = cancel, make(chan error, 1)
	go func() { r.ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if r.ended != nil {
			must(t, <-r.ended)
		}
	})
}

// note keeps an event.
func (r *rig) note(e *Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := seen{Event: *e}
	s.Frame = append([]byte(nil), e.Frame...)
	if e.Packet != nil {
		s.packet = *e.Packet
	}
	r.events = append(r.events, s)
}

// noted returns the events so far that match.
func (r *rig) noted(match func(seen) bool) (all []seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if match(e) {
			all = append(all, e)
		}
	}
	return all
}

// until waits for something that other threads bring about.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s for: %s", what)
		}
		time.Sleep(200 * time.Microsecond)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newNetns returns a fresh network namespace that lives as long as the test.
func newNetns(t testing.TB) int {
	t.Helper()
	type result struct {
		fd  int
		err error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- result{err: fmt.Errorf("unshare: %w", err)}
			return
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		made <- result{fd, err}
	}()
	m := <-made
	must(t, m.err)
	t.Cleanup(func() { unix.Close(m.fd) })
	return m.fd
}

// listen listens in the server's namespace on a port of the kernel's choice.
func (r *rig) listen(t testing.TB, addr netip.Prefix) *net.TCPListener {
	t.Helper()
	var l net.Listener
	must(t, kernel.InNetns(r.server.Netns, func() (err error) {
		l, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr.Addr(), 0)))
		return err
	}))
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

// dial connects from the client's namespace, from the given port (0: any).
func (r *rig) dial(to net.Addr, from int) (c net.Conn, err error) {
	err = kernel.InNetns(r.client.Netns, func() error {
		d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{Port: from}}
		c, err = d.Dial("tcp", to.String())
		return err
	})
	return c, err
}

// connect makes one connection: the client's end and the server's.
func (r *rig) connect(t testing.TB, l *net.TCPListener) (client, server net.Conn) {
	t.Helper()
	client, err := r.dial(l.Addr(), 0)
	must(t, err)
	t.Cleanup(func() { client.Close() })
	server, err = l.Accept()
	must(t, err)
	t.Cleanup(func() { server.Close() })
	return client, server
}

// sender opens a packet socket on a host's interface, for frames of any kind.
func sender(t testing.TB, h Host) int {
	t.Helper()
	var p *Port
	must(t, kernel.InNetns(h.Netns, func() (err error) {
		p, err = OpenPort(h.Interface, 32)
		return err
	}))
	t.Cleanup(func() { p.Close() })
	return p.fd
}

// transmit writes a frame to a port of sender, and waits where the kernel has no room for
// it: frames that the wire has not taken yet fill the socket's send buffer.
func transmit(t testing.TB, fd int, frame []byte) {
	t.Helper()
	for {
		_, err := unix.Write(fd, frame)
		if err != unix.EAGAIN {
			must(t, err)
			return
		}
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1); err != nil && err != unix.EINTR {
			must(t, err)
		}
	}
}

// synFrame is a SYN from a host to its peer that no listener awaits.
func synFrame(from, to Host, port uint16, seq uint32) []byte {
	src, dst := from.Addrs[0].Addr().As4(), to.Addrs[0].Addr().As4()
	f := make([]byte, 0, 64)
	f = append(append(f, to.MAC...), from.MAC...)
	f = append(f, 8, 0)
	f = append(f, 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0)
	f = append(append(f, src[:]...), dst[:]...)
	f = append(f, byte(port>>8), byte(port), 0, 9)
	f = append(f, byte(seq>>24), byte(seq>>16), byte(seq>>8), byte(seq))
	return append(f, 0, 0, 0, 0, 5<<4, byte(evidence.SYN), 0xff, 0xff, 0, 0, 0, 0)
}

// tcp returns how many segments a host's kernel sent and received.
func (r *rig) tcp(t testing.TB, h Host) (out, in uint64) {
	t.Helper()
	must(t, kernel.InNetns(h.Netns, func() error {
		b, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		lines := slices.DeleteFunc(strings.Split(string(b), "\n"), func(l string) bool {
			return !strings.HasPrefix(l, "Tcp: ")
		})
		names, values := strings.Fields(lines[0]), strings.Fields(lines[1])
		value := func(name string) uint64 {
			n, err := strconv.ParseUint(values[slices.Index(names, name)], 10, 64)
			must(t, err)
			return n
		}
		out, in = value("OutSegs")+value("RetransSegs"), value("InSegs")
		return nil
	}))
	return out, in
}

// alter runs a change of an interface.
func alter(t testing.TB, netnsFd int, name string, change func(*netlink.Handle, netlink.Link) error) {
	t.Helper()
	h, err := netlink.NewHandleAt(netns.NsHandle(netnsFd), unix.NETLINK_ROUTE)
	must(t, err)
	defer h.Close()
	l, err := h.LinkByName(name)
	must(t, err)
	must(t, change(h, l))
}

func setDown(t testing.TB, netnsFd int, name string) {
	t.Helper()
	alter(t, netnsFd, name, (*netlink.Handle).LinkSetDown)
}

func remove(t testing.TB, netnsFd int, name string) {
	t.Helper()
	alter(t, netnsFd, name, (*netlink.Handle).LinkDel)
}

// cpuTime is what this process has used.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	must(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(unix.TimevalToNsec(u.Utime) + unix.TimevalToNsec(u.Stime))
}
