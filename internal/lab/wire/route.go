package wire

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Routes are those that a host had.
type Routes struct {
	netns int
	all   []netlink.Route
}

// Unroute takes all routes of a host through its interface away: it has no way to answer.
func Unroute(hostNetns int, name string) (*Routes, error) {
	h, err := netlink.NewHandleAt(netns.NsHandle(hostNetns), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink of the host: %w", err)
	}
	defer h.Close()
	link, err := h.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("find interface %s: %w", name, err)
	}
	gone := &Routes{netns: hostNetns}
	for _, family := range []int{unix.AF_INET6, unix.AF_INET} {
		routes, err := h.RouteList(link, family)
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		for _, r := range routes {
			if r.Dst != nil && r.Dst.IP.IsMulticast() || r.Protocol == unix.RTPROT_KERNEL && family == unix.AF_INET6 && r.Gw != nil {
				continue
			}
			if err := h.RouteDel(&r); err != nil {
				return nil, fmt.Errorf("delete route %v: %w", r, err)
			}
			gone.all = append(gone.all, r)
		}
	}
	return gone, nil
}

// Restore gives the routes back, those to neighbours before those by way of them.
func (r *Routes) Restore() error {
	h, err := netlink.NewHandleAt(netns.NsHandle(r.netns), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink of the host: %w", err)
	}
	defer h.Close()
	for _, direct := range []bool{true, false} {
		for _, route := range r.all {
			if direct != (route.Gw == nil) {
				continue
			}
			if err := h.RouteReplace(&route); err != nil {
				return fmt.Errorf("add route %v: %w", route, err)
			}
		}
	}
	return nil
}
