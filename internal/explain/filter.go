package explain

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Filter chooses listeners. The zero one takes all.
type Filter struct {
	address netip.Addr // invalid: any
	port    uint16     // 0: any
}

// ParseFilter reads an address, a port, or both: "10.0.0.1", ":8080" or "8080",
// "10.0.0.1:8080", "[::1]:8080".
func ParseFilter(text string) (Filter, error) {
	if text == "" {
		return Filter{}, nil
	}
	if both, err := netip.ParseAddrPort(text); err == nil {
		return Filter{both.Addr(), both.Port()}, nil
	}
	if address, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return Filter{address: address}, nil
	}
	port, err := strconv.ParseUint(strings.TrimPrefix(text, ":"), 10, 16)
	if err != nil || port == 0 {
		return Filter{}, fmt.Errorf("%q is no address, :port or address:port", text)
	}
	return Filter{port: uint16(port)}, nil
}

// Match reports whether a listener is chosen.
func (f Filter) Match(a netip.AddrPort) bool {
	return (f.port == 0 || f.port == a.Port()) && (!f.address.IsValid() || f.address.Unmap() == a.Addr().Unmap())
}
