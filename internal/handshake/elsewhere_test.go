package handshake_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"listenq/internal/handshake"
)

// What is dropped before it comes to the listener is told by counters of its own.
func TestElsewhere(t *testing.T) {
	client, server := netip.MustParseAddrPort("192.0.2.1:20001"), netip.MustParseAddrPort("192.0.2.2:8080")
	const ms = time.Millisecond
	for _, test := range []struct {
		delta handshake.Delta
		says  string
	}{
		{handshake.Delta{Filtered: 1}, "a packet filter takes it"},
		{handshake.Delta{InCsumErrors: 1}, "its checksum is wrong"},
		{handshake.Delta{IPReversePathFilter: 1}, "rp_filter"},
	} {
		tracker := handshake.New(handshake.Config{Sides: handshake.ClientSide | handshake.ServerSide, Sockets: true, Real: []netip.Addr{client.Addr()}})
		number := 0
		pass := func(at time.Duration, from, to netip.AddrPort, flags handshake.Flags, seq, ack uint32, delta handshake.Delta) {
			sides := []handshake.Side{handshake.ClientSide, handshake.ServerSide}
			if from == server {
				sides[0], sides[1] = sides[1], sides[0]
			}
			for _, side := range sides {
				number++
				tracker.Packet(handshake.Packet{Number: number, T: at, Src: from, Dst: to, Seq: seq, Ack: ack, Flags: flags, Side: side})
			}
			if to == server {
				tracker.Reaction(handshake.Reaction{T: at, Packets: 1, Number: number, Delta: delta})
			}
		}
		expect := func(outcome handshake.Outcome, struck handshake.Struck) {
			t.Helper()
			a := tracker.Attempt(client, server)
			v, story := a.Verdict(), a.Story()
			said := strings.Builder{}
			for _, line := range story {
				said.WriteString(line.Text + "\n")
			}
			if v.Outcome != outcome || v.Cause != handshake.HostDrop || v.Struck != struck || !strings.Contains(said.String(), test.says) {
				t.Errorf("%+v: %s, %s, struck %s:\n%s", test.delta, v.Outcome, v.Cause, v.Struck, said.String())
			}
		}
		pass(0, client, server, handshake.SYN, 1000, 0, test.delta)
		tracker.End(200 * ms)
		expect(handshake.Unanswered, handshake.StruckSYN)

		client = netip.AddrPortFrom(client.Addr(), client.Port()+1)
		pass(300*ms, client, server, handshake.SYN, 5000, 0, handshake.Delta{})
		pass(300*ms, server, client, handshake.SYN|handshake.ACK, 9000, 5001, handshake.Delta{})
		pass(300*ms, client, server, handshake.ACK, 5001, 9001, test.delta)
		tracker.Socket(handshake.Socket{T: 301 * ms, Side: handshake.ServerSide, Client: client, Server: server, State: handshake.SynRecv})
		tracker.Socket(handshake.Socket{T: 301 * ms, Side: handshake.ClientSide, Client: client, Server: server, State: handshake.Established})
		expect(handshake.HalfOpen, handshake.StruckACK)
	}
}
