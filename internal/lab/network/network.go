package network

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
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"listenq/internal/answer"
	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
	"listenq/internal/lab/settings"
	"listenq/internal/lab/wire"
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
	ClientMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	ServerMAC = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

// HostInterface is the interface of either host in its namespace.
const HostInterface = "eth0"

// Network is what joins client and server: the namespaces of both, how to look
// into them, and the wire between them.
type Network struct {
	Client, Server *Side    // one and the same on loopback
	between        *os.File // the wire's namespace
	slots          int      // in the ring of each port
	ports          []*wire.Port
	Wire           *wire.Wire    // nil on loopback
	Stop           func() error  // ends what start began
	ended          chan struct{} // closed when frames do not pass any more
	failed         error         // why; set before
}

// Side is one network namespace of the experiment.
type Side struct {
	Name      string // in results: server or client; server on loopback
	Addr      netip.Addr
	Netns     *os.File
	Diag      *kernel.Diag          // whoever uses it holds observer.sampling
	Samples   *kernel.CounterReader // the same
	Reactions *kernel.CounterReader // whoever uses it holds observer.mu
	Settled   *kernel.CounterReader // of the segments; for the steps' goroutine alone

	ipv6Counters bool // samples has those of IPv6, too
}

// Sides are the namespaces of the experiment: server, client; one on loopback.
func (n *Network) Sides() []*Side {
	if n.Loopback() {
		return []*Side{n.Server}
	}
	return []*Side{n.Server, n.Client}
}

func (n *Network) String() string {
	kind, family := "wire", "ipv4"
	if n.Loopback() {
		kind = "loopback"
	}
	if n.Server.Addr.Is6() {
		family = "ipv6"
	}
	return kind + " " + family
}

func (n *Network) Loopback() bool { return n.Client == n.Server }

// Hosts reports whether a segment is between the two hosts, and not spoofed.
func (n *Network) Hosts(p *evidence.Packet) bool {
	c, s := n.Client.Addr, n.Server.Addr
	return p.Src.Addr() == c && p.Dst.Addr() == s || p.Src.Addr() == s && p.Dst.Addr() == c
}

// New makes the namespaces of an experiment and joins them. The wire has
// room for as many frames as it makes connections: they may all come at once.
func New(box *sandbox.Inside, m *settings.Machine, s *script.Script) (*Network, error) {
	n := &Network{slots: wire.DefaultSlots + connections(s)}
	n.Client, n.Server = &Side{Name: "client", ipv6Counters: s.IPv6Counters()}, &Side{Name: "server", ipv6Counters: s.IPv6Counters()}
	err := n.build(box, m, s.Network)
	if err != nil {
		err = errors.Join(err, n.Close())
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

func (n *Network) build(box *sandbox.Inside, m *settings.Machine, spec script.Network) error {
	if err := smallHashTable(); err != nil {
		return err
	}
	if err := n.Server.open(box, m); err != nil {
		return err
	}
	if spec.Loopback {
		n.Client = n.Server
		port, err := wire.OpenLoopback(int(n.Server.Netns.Fd()))
		if err != nil {
			return err
		}
		n.ports = append(n.ports, port)
		n.Server.Addr = netip.MustParseAddr("127.0.0.1")
		if spec.IPv6 {
			n.Server.Addr = netip.IPv6Loopback()
		}
		return nil
	}
	if err := n.Client.open(box, m); err != nil {
		return err
	}
	n.Client.Addr, n.Server.Addr = clientIPv4.Addr(), serverIPv4.Addr()
	if spec.IPv6 {
		n.Client.Addr, n.Server.Addr = clientIPv6.Addr(), serverIPv6.Addr()
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
func (s *Side) open(box *sandbox.Inside, m *settings.Machine) (err error) {
	if s.Netns, err = box.NewNetns(); err != nil {
		return err
	}
	return kernel.InNetns(int(s.Netns.Fd()), func() (err error) {
		if err := settings.Apply(m); err != nil {
			return err
		}
		if s.Diag, err = kernel.OpenDiag(); err != nil {
			return err
		}
		if s.Samples, err = s.openCounters(); err != nil {
			return err
		}
		if s.Reactions, err = kernel.OpenCounters(); err != nil {
			return err
		}
		s.Settled, err = kernel.OpenSnmp()
		return err
	})
}

// openCounters opens the counters that samples hold.
func (s *Side) openCounters() (*kernel.CounterReader, error) {
	if s.ipv6Counters {
		return kernel.OpenAllCounters()
	}
	return kernel.OpenCounters()
}

// connect joins both hosts to the wire's namespace.
func (n *Network) connect(box *sandbox.Inside) error {
	var err error
	if n.between, err = box.NewNetns(); err != nil {
		return err
	}
	client := wire.Host{Netns: int(n.Client.Netns.Fd()), Interface: HostInterface,
		MAC: ClientMAC, Addrs: []netip.Prefix{clientIPv4, clientIPv6}}
	server := wire.Host{Netns: int(n.Server.Netns.Fd()), Interface: HostInterface,
		MAC: ServerMAC, Addrs: []netip.Prefix{serverIPv4, serverIPv6}}
	n.ports = make([]*wire.Port, 2)
	var both errgroup.Group
	both.Go(func() error { return n.join(&n.ports[0], "client", client, server) })
	both.Go(func() error { return n.join(&n.ports[1], "server", server, client) })
	return both.Wait()
}

// join lays one end of the wire. It waits for the kernel more than it works.
func (n *Network) join(port **wire.Port, name string, host, peer wire.Host) error {
	if err := wire.Connect(int(n.between.Fd()), name, host, peer); err != nil {
		return err
	}
	return kernel.InNetns(int(n.between.Fd()), func() (err error) {
		*port, err = wire.OpenPort(name, n.slots)
		return err
	})
}

// Start lets frames pass; tap sees them all.
func (n *Network) Start(clock Clock, tap func(*wire.Event)) {
	run := func(ctx context.Context) error { return wire.Listen(ctx, n.ports[0], clock.Now, tap) }
	if !n.Loopback() {
		n.Wire = wire.New(wire.Config{
			Client: n.ports[0], Server: n.ports[1], Clock: clock.Now, Tap: tap,
			Hosts: []netip.Addr{n.Client.Addr, n.Server.Addr},
		})
		run = n.Wire.Run
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
	n.Stop = func() error {
		stop()
		<-n.ended
		return n.failed
	}
}

// Alive returns an error if frames do not pass any more.
func (n *Network) Alive() error {
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

// Missing lists the frames that the wire never saw or could not forward.
func (n *Network) Missing() []answer.Missing {
	var all []answer.Missing
	unseen, refused := n.LostFrames()
	if unseen > 0 {
		all = append(all, answer.Missing{What: fmt.Sprintf("%d frames", unseen), Why: "the wire was too busy to take them off its ring", Hint: "a slower flood, or a machine with less to do"})
	}
	if refused > 0 {
		all = append(all, answer.Missing{What: fmt.Sprintf("%d frames", refused), Why: "the kernel had no room for them when the wire wrote them"})
	}
	return all
}

// Interfaces are the names of those in the recording.
func (n *Network) Interfaces() []string {
	if n.Loopback() {
		return []string{"lo"}
	}
	return []string{"client", "server"}
}

// Close takes a stopped network down. What is still open in its namespaces goes with them.
func (n *Network) Close() error {
	var ports errgroup.Group
	for _, p := range n.ports {
		if p != nil {
			ports.Go(p.Close) // each waits for an RCU grace period
		}
	}
	errs := []error{ports.Wait()}
	for _, s := range n.Sides() {
		errs = append(errs, s.close())
	}
	if n.between != nil {
		errs = append(errs, n.between.Close())
	}
	return errors.Join(errs...)
}

func (s *Side) close() error {
	var errs []error
	if s.Diag != nil {
		errs = append(errs, s.Diag.Close())
	}
	for _, reader := range []*kernel.CounterReader{s.Samples, s.Reactions, s.Settled} {
		if reader != nil {
			errs = append(errs, reader.Close())
		}
	}
	if s.Netns != nil {
		errs = append(errs, s.Netns.Close())
	}
	return errors.Join(errs...)
}

// LostFrames is how many frames the wire lost of its own doing: it never saw them, or the
// kernel did not take them. The wire may be waiting for the observer: its lock must be free.
func (n *Network) LostFrames() (unseen, refused uint64) {
	if n.Loopback() {
		return 0, 0
	}
	w := n.Wire.Snapshot()
	for _, d := range []wire.Direction{w.ToClient, w.ToServer} {
		unseen += d.Dropped
		refused += d.Hosts.Refused + d.Others.Refused
	}
	return unseen, refused
}

// Sysctls are the settings of each side. One that this kernel does not have is
// left out.
func (n *Network) Sysctls() (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	for _, side := range n.Sides() {
		values := map[string]string{}
		err := kernel.InNetns(int(side.Netns.Fd()), func() error {
			for _, s := range settings.All {
				if value, err := os.ReadFile(settings.Path(s.Name)); err == nil {
					values[s.Name] = strings.Join(strings.Fields(string(value)), " ")
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		all[side.Name] = values
	}
	return all, nil
}
