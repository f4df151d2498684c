package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"listenq/internal/kernel"
)

// MTU of all interfaces that Connect makes.
const MTU = 1500

// Host is one end of an experiment: an interface in a network namespace.
type Host struct {
	Netns     int    // file descriptor of the namespace
	Interface string // its name there
	MAC       net.HardwareAddr
	Addrs     []netip.Prefix // IPv4, IPv6 or both
}

// Connect joins a host to the wire's namespace by a veth pair, whose end there
// gets the given name. The host reaches its peer directly, and everything else
// through it. Neither end computes checksums late, makes segments larger than
// the MTU, or sends a frame of its own accord (ARP, neighbour discovery, router
// solicitation, multicast reports). It needs CAP_NET_ADMIN and CAP_SYS_ADMIN
// over both namespaces. The pair vanishes with either of them.
func Connect(wireNetns int, name string, host, peer Host) error {
	if err := connect(wireNetns, name, host, peer); err != nil {
		return fmt.Errorf("connect %s: %w", name, err)
	}
	return nil
}

func connect(wireNetns int, name string, host, peer Host) error {
	ours, err := netlink.NewHandleAt(netns.NsHandle(wireNetns), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink of the wire: %w", err)
	}
	defer ours.Close()
	theirs, err := netlink.NewHandleAt(netns.NsHandle(host.Netns), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink of the host: %w", err)
	}
	defer theirs.Close()

	pair := netlink.NewVeth(netlink.LinkAttrs{Name: name, MTU: MTU})
	pair.PeerName = host.Interface
	pair.PeerHardwareAddr = host.MAC
	pair.PeerNamespace = netlink.NsFd(host.Netns)
	pair.PeerMTU = MTU
	if err := ours.LinkAdd(pair); err != nil {
		return fmt.Errorf("add veth pair: %w", err)
	}
	// The end that comes up last has its carrier, and so a working queue, at
	// once (veth_open); the other one hears of it from a work queue, which the
	// wire does not mind, as it bypasses the queue.
	if err := errors.Join(
		raise(ours, wireNetns, name),
		raise(theirs, host.Netns, host.Interface),
	); err != nil {
		return err
	}
	return address(theirs, host, peer)
}

// raise brings an interface up that keeps silent and has nothing offloaded.
func raise(h *netlink.Handle, netns int, name string) error {
	link, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", name, err)
	}
	if err := kernel.InNetns(netns, func() error { return offloadNothing(name) }); err != nil {
		return err
	}
	// Without ARP the interface resolves nothing, checks no address for
	// duplicates and joins no solicited-node group, which it would have to
	// report (addrconf_join_solict, net/ipv6/addrconf.c). Without a link-local
	// address it solicits no router. Before Linux 3.17 it has one, and the model ignores
	// what is not TCP.
	if err := h.LinkSetARPOff(link); err != nil {
		return fmt.Errorf("set %s noarp: %w", name, err)
	}
	if err := h.LinkSetIP6AddrGenMode(link, nl.IN6_ADDR_GEN_MODE_NONE); err != nil && !errors.Is(err, unix.EAFNOSUPPORT) && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("set %s without link-local address: %w", name, err)
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("set %s up: %w", name, err)
	}
	return nil
}

// address gives a host its addresses, its only neighbour and its routes.
func address(h *netlink.Handle, host, peer Host) error {
	link, err := h.LinkByName(host.Interface)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", host.Interface, err)
	}
	for _, own := range host.Addrs {
		addr := &netlink.Addr{IPNet: ipNet(own), Flags: unix.IFA_F_NODAD}
		if err := h.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("add address %s: %w", own, err)
		}
	}
	for _, other := range peer.Addrs {
		ip := net.IP(other.Addr().AsSlice())
		neighbour := &netlink.Neigh{
			LinkIndex:    link.Attrs().Index,
			State:        netlink.NUD_PERMANENT,
			IP:           ip,
			HardwareAddr: peer.MAC,
		}
		if err := h.NeighSet(neighbour); err != nil {
			return fmt.Errorf("add neighbour %s: %w", ip, err)
		}
		route := &netlink.Route{LinkIndex: link.Attrs().Index, Gw: ip, Dst: everything(other)}
		if err := h.RouteReplace(route); err != nil {
			return fmt.Errorf("add default route by %s: %w", ip, err)
		}
	}
	return nil
}

// ipNet returns an address with the length of its network.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// everything returns the destination of a default route of p's family.
func everything(p netip.Prefix) *net.IPNet {
	return &net.IPNet{
		IP:   make(net.IP, p.Addr().BitLen()/8),
		Mask: net.CIDRMask(0, p.Addr().BitLen()),
	}
}
