package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"

	"listenq/internal/answer"
	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
	"listenq/internal/lab/wire"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// The addresses of an experiment: of the networks kept for documentation (RFC
// 5737, RFC 3849), so that nobody takes a capture for a real one.
var (
	clientIPv4 = netip.MustParsePrefix("192.0.2.1/24")
	serverIPv4 = netip.MustParsePrefix("192.0.2.2/24")
	clientIPv6 = netip.MustParsePrefix("2001:db8::1/64")
	serverIPv6 = netip.MustParsePrefix("2001:db8::2/64")
)

// The Ethernet addresses of the hosts: locally administered.
var (
	clientMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	serverMAC = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

// hostInterface is the interface of either host in its namespace.
const hostInterface = "eth0"

// network is what joins client and server: the namespaces of both, how to look
// into them, and the wire between them.
type network struct {
	client, server *side    // one and the same on loopback
	between        *os.File // the wire's namespace
	slots          int      // in the ring of each port
	ports          []*wire.Port
	wire           *wire.Wire    // nil on loopback
	stop           func() error  // ends what start began
	ended          chan struct{} // closed when frames do not pass any more
	failed         error         // why; set before
}

// side is one network namespace of the experiment.
type side struct {
	name      string // in results: server or client; server on loopback
	addr      netip.Addr
	netns     *os.File
	diag      *kernel.Diag          // whoever uses it holds observer.sampling
	samples   *kernel.CounterReader // the same
	reactions *kernel.CounterReader // whoever uses it holds observer.mu
	settled   *kernel.CounterReader // of the segments; for the steps' goroutine alone

	ipv6Counters bool // samples has those of IPv6, too
}

// sides are the namespaces of the experiment: server, client; one on loopback.
func (n *network) sides() []*side {
	if n.loopback() {
		return []*side{n.server}
	}
	return []*side{n.server, n.client}
}

func (n *network) String() string {
	kind, family := "wire", "ipv4"
	if n.loopback() {
		kind = "loopback"
	}
	if n.server.addr.Is6() {
		family = "ipv6"
	}
	return kind + " " + family
}

func (n *network) loopback() bool { return n.client == n.server }

// hosts reports whether a segment is between the two hosts, and not spoofed.
func (n *network) hosts(p *evidence.Packet) bool {
	c, s := n.client.addr, n.server.addr
	return p.Src.Addr() == c && p.Dst.Addr() == s || p.Src.Addr() == s && p.Dst.Addr() == c
}

// newNetwork makes the namespaces of an experiment and joins them. The wire has
// room for as many frames as it makes connections: they may all come at once.
func newNetwork(box *sandbox.Inside, m *machine, s *script.Script) (*network, error) {
	n := &network{slots: wire.DefaultSlots + connections(s)}
	n.client, n.server = &side{name: "client", ipv6Counters: s.IPv6Counters()}, &side{name: "server", ipv6Counters: s.IPv6Counters()}
	err := n.build(box, m, s.Network)
	if err != nil {
		err = errors.Join(err, n.close())
		return nil, fmt.Errorf("build network: %w", err)
	}
	return n, nil
}

// connections is how many the script makes.
func connections(s *script.Script) (n int) {
	for _, step := range s.Steps {
		if do, ok := step.Do.(script.Connect); ok {
			n += len(do.Names)
		}
	}
	return n
}

func (n *network) build(box *sandbox.Inside, m *machine, spec script.Network) error {
	if err := smallHashTable(); err != nil {
		return err
	}
	if err := n.server.open(box, m); err != nil {
		return err
	}
	if spec.Loopback {
		n.client = n.server
		port, err := wire.OpenLoopback(int(n.server.netns.Fd()))
		if err != nil {
			return err
		}
		n.ports = append(n.ports, port)
		n.server.addr = netip.MustParseAddr("127.0.0.1")
		if spec.IPv6 {
			n.server.addr = netip.IPv6Loopback()
		}
		return nil
	}
	if err := n.client.open(box, m); err != nil {
		return err
	}
	n.client.addr, n.server.addr = clientIPv4.Addr(), serverIPv4.Addr()
	if spec.IPv6 {
		n.client.addr, n.server.addr = clientIPv6.Addr(), serverIPv6.Addr()
	}
	return n.connect(box)
}

// smallHashTable makes the namespaces that come keep their sockets in a small
// table of their own, which is quick to walk. Kernels before 6.1 cannot; there
// a sample takes longer.
func smallHashTable() error {
	err := os.WriteFile("/proc/sys/net/ipv4/tcp_child_ehash_entries", []byte("1024"), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// open makes a namespace and what looks into it.
func (s *side) open(box *sandbox.Inside, m *machine) (err error) {
	if s.netns, err = box.NewNetns(); err != nil {
		return err
	}
	return kernel.InNetns(int(s.netns.Fd()), func() (err error) {
		if err := setDefaults(m); err != nil {
			return err
		}
		if s.diag, err = kernel.OpenDiag(); err != nil {
			return err
		}
		if s.samples, err = s.openCounters(); err != nil {
			return err
		}
		if s.reactions, err = kernel.OpenCounters(); err != nil {
			return err
		}
		s.settled, err = kernel.OpenSnmp()
		return err
	})
}

// openCounters opens the counters that samples hold.
func (s *side) openCounters() (*kernel.CounterReader, error) {
	if s.ipv6Counters {
		return kernel.OpenAllCounters()
	}
	return kernel.OpenCounters()
}

// connect joins both hosts to the wire's namespace.
func (n *network) connect(box *sandbox.Inside) error {
	var err error
	if n.between, err = box.NewNetns(); err != nil {
		return err
	}
	client := wire.Host{Netns: int(n.client.netns.Fd()), Interface: hostInterface,
		MAC: clientMAC, Addrs: []netip.Prefix{clientIPv4, clientIPv6}}
	server := wire.Host{Netns: int(n.server.netns.Fd()), Interface: hostInterface,
		MAC: serverMAC, Addrs: []netip.Prefix{serverIPv4, serverIPv6}}
	n.ports = make([]*wire.Port, 2)
	var both errgroup.Group
	both.Go(func() error { return n.join(&n.ports[0], "client", client, server) })
	both.Go(func() error { return n.join(&n.ports[1], "server", server, client) })
	return both.Wait()
}

// join lays one end of the wire. It waits for the kernel more than it works.
func (n *network) join(port **wire.Port, name string, host, peer wire.Host) error {
	if err := wire.Connect(int(n.between.Fd()), name, host, peer); err != nil {
		return err
	}
	return kernel.InNetns(int(n.between.Fd()), func() (err error) {
		*port, err = wire.OpenPort(name, n.slots)
		return err
	})
}

// start lets frames pass; tap sees them all.
func (n *network) start(clock clock, tap func(*wire.Event)) {
	run := func(ctx context.Context) error { return wire.Listen(ctx, n.ports[0], clock.now, tap) }
	if !n.loopback() {
		n.wire = wire.New(wire.Config{
			Client: n.ports[0], Server: n.ports[1], Clock: clock.now, Tap: tap,
			Hosts: []netip.Addr{n.client.addr, n.server.addr},
		})
		run = n.wire.Run
	}
	ctx, stop := context.WithCancel(context.Background())
	n.ended = make(chan struct{})
	go func() {
		defer close(n.ended)
		runtime.LockOSThread() // for good: the thread ends with its affinity
		n.failed = pin()
		if n.failed == nil {
			n.failed = run(ctx)
		}
	}()
	n.stop = func() error {
		stop()
		<-n.ended
		return n.failed
	}
}

// alive returns an error if frames do not pass any more.
func (n *network) alive() error {
	select {
	case <-n.ended:
		return fmt.Errorf("the wire has ended: %w", n.failed)
	default:
		return nil
	}
}

// pin keeps the calling thread on one CPU. The kernel processes a frame on the
// CPU that wrote it to a veth, and a softirq is not preempted: so once a segment
// is counted, a reading on that CPU sees all that it did.
func pin() error {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return fmt.Errorf("read CPU affinity: %w", err)
	}
	nth := rand.IntN(allowed.Count())
	for cpu := 0; ; cpu++ {
		if !allowed.IsSet(cpu) {
			continue
		}
		if nth--; nth < 0 {
			var one unix.CPUSet
			one.Set(cpu)
			return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &one))
		}
	}
}

// missing tells of frames that the wire never saw or could not pass on.
func (n *network) missing() []answer.Missing {
	var all []answer.Missing
	unseen, refused := n.losses()
	if unseen > 0 {
		all = append(all, answer.Missing{What: fmt.Sprintf("%d frames", unseen), Why: "the wire was too busy to take them off its ring", Hint: "a slower flood, or a machine with less to do"})
	}
	if refused > 0 {
		all = append(all, answer.Missing{What: fmt.Sprintf("%d frames", refused), Why: "the kernel had no room for them when the wire wrote them"})
	}
	return all
}

// interfaces are the names of those in the recording.
func (n *network) interfaces() []string {
	if n.loopback() {
		return []string{"lo"}
	}
	return []string{"client", "server"}
}

// close takes a stopped network down. What is still open in its namespaces goes with them.
func (n *network) close() error {
	var ports errgroup.Group
	for _, p := range n.ports {
		if p != nil {
			ports.Go(p.Close) // each waits for an RCU grace period
		}
	}
	errs := []error{ports.Wait()}
	for _, s := range n.sides() {
		errs = append(errs, s.close())
	}
	if n.between != nil {
		errs = append(errs, n.between.Close())
	}
	return errors.Join(errs...)
}

func (s *side) close() error {
	var errs []error
	if s.diag != nil {
		errs = append(errs, s.diag.Close())
	}
	for _, reader := range []*kernel.CounterReader{s.samples, s.reactions, s.settled} {
		if reader != nil {
			errs = append(errs, reader.Close())
		}
	}
	if s.netns != nil {
		errs = append(errs, s.netns.Close())
	}
	return errors.Join(errs...)
}
