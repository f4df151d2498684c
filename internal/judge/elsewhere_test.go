package judge_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"
)

// What is dropped before it comes to the listener is told by counters of its own.
func TestElsewhere(t *testing.T) {
	client, server := netip.MustParseAddrPort("192.0.2.1:20001"), netip.MustParseAddrPort("192.0.2.2:8080")
	const ms = time.Millisecond
	for _, test := range []struct {
		delta evidence.Delta
		says  string
	}{
		{evidence.Delta{Filtered: 1}, "a packet filter takes it"},
		{evidence.Delta{InCsumErrors: 1}, "its checksum is wrong"},
		{evidence.Delta{IPReversePathFilter: 1}, "rp_filter"},
	} {
		tracker := handshake.New(handshake.Config{Sides: evidence.ClientSide | evidence.ServerSide, Sockets: true, Real: []netip.Addr{client.Addr()}})
		number := 0
		pass := func(at time.Duration, from, to netip.AddrPort, flags evidence.Flags, seq, ack uint32, delta evidence.Delta) {
			sides := []evidence.Side{evidence.ClientSide, evidence.ServerSide}
			if from == server {
				sides[0], sides[1] = sides[1], sides[0]
			}
			for _, side := range sides {
				number++
				tracker.Packet(evidence.Packet{Number: number, T: at, Src: from, Dst: to, Seq: seq, Ack: ack, Flags: flags, Side: side})
			}
			if to == server {
				tracker.Reaction(evidence.Reaction{T: at, Packets: 1, Number: number, Delta: delta})
			}
		}
		expect := func(outcome judge.Outcome, struck judge.Struck) {
			t.Helper()
			a := tracker.Attempt(client, server)
			v := a.Verdict()
			story := a.Story(&v)
			said := strings.Builder{}
			for _, line := range story {
				said.WriteString(line.Text + "\n")
			}
			if v.Outcome != outcome || v.Cause != judge.HostDrop || v.Struck != struck || !strings.Contains(said.String(), test.says) {
				t.Errorf("%+v: %s, %s, struck %s:\n%s", test.delta, v.Outcome, v.Cause, v.Struck, said.String())
			}
		}
		pass(0, client, server, evidence.SYN, 1000, 0, test.delta)
		tracker.End(200 * ms)
		expect(judge.Unanswered, judge.StruckSYN)

		client = netip.AddrPortFrom(client.Addr(), client.Port()+1)
		pass(300*ms, client, server, evidence.SYN, 5000, 0, evidence.Delta{})
		pass(300*ms, server, client, evidence.SYN|evidence.ACK, 9000, 5001, evidence.Delta{})
		pass(300*ms, client, server, evidence.ACK, 5001, 9001, test.delta)
		tracker.Socket(evidence.Socket{T: 301 * ms, Side: evidence.ServerSide, Client: client, Server: server, State: evidence.SynRecv})
		tracker.Socket(evidence.Socket{T: 301 * ms, Side: evidence.ClientSide, Client: client, Server: server, State: evidence.Established})
		expect(judge.HalfOpen, judge.StruckACK)
	}
}
