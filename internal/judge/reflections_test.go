package judge

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReflections: answers of many servers that one client has not asked for are one finding,
// about the client.
func TestReflections(t *testing.T) {
	victim, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	server := func(n int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 80)
	}
	of := func(n int, to netip.Addr, unasked int) ListenerVerdict {
		return ListenerVerdict{Address: server(n), Finding: Fine, Tally: Tally{
			Attempts: 2, Unasked: unasked, Victim: to,
			Outcomes: map[Outcome]int{Pending: 2}, Causes: map[Cause]int{NoCause: 2},
		}}
	}
	many := func(n int, to netip.Addr, unasked int) (all []ListenerVerdict) {
		for i := range n {
			all = append(all, of(i, to, unasked))
		}
		return all
	}
	one := ListenerVerdict{
		Address: netip.AddrPortFrom(victim, 0), Finding: Reflecting, Confidence: Likely, Servers: bounces,
		Tally: Tally{Attempts: 2 * bounces, Outcomes: map[Outcome]int{Pending: 2 * bounces}, Causes: map[Cause]int{NoCause: 2 * bounces}},
	}
	for _, c := range []struct {
		name      string
		all, want []ListenerVerdict
	}{
		{"as many as make a pattern", many(bounces, victim, 2), []ListenerVerdict{one}},
		{"one fewer", many(bounces-1, victim, 2), many(bounces-1, victim, 2)},
		{"one server that was asked, too", append(many(bounces, victim, 2), of(200, victim, 1)), []ListenerVerdict{of(200, victim, 1), one}},
		{"one server of another client", append(many(bounces, victim, 2), of(200, other, 2)), []ListenerVerdict{of(200, other, 2), one}},
		{"answers that go to several clients", many(bounces, netip.Addr{}, 2), many(bounces, netip.Addr{}, 2)},
	} {
		if diff := cmp.Diff(c.want, Reflections(c.all), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
