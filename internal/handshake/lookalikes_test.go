package handshake_test

import (
	"net/netip"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"

	"github.com/google/go-cmp/cmp"
)

// lookalikes look like an overflow and are none.
var lookalikes = []classified{
	{"duplicated syn", "0ms c> SYN twice\n 0.3ms s> SYN-ACK\n 0.31ms s> SYN-ACK\n 0.6ms c> ACK\n 1ms server ESTABLISHED owned", "accepted none - - request"},
	{"duplicated final ack", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK twice\n 1ms server ESTABLISHED owned", "accepted none - - request"},
	{"duplicated syn-ack, answered twice", "0ms c> SYN\n 0.3ms s> SYN-ACK twice\n 0.6ms c> ACK\n 0.61ms c> ACK\n 1ms server ESTABLISHED owned", "accepted none - - request"},
	{"data overtakes the final ack", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK takes=5ms\n 0.7ms c> DATA\n 1ms s> ACK\n 2ms server ESTABLISHED owned", "accepted none - - request"},
	{"lost syn-ack", "0ms c> SYN\n 0.3ms s> SYN-ACK lost\n 1ms server SYN_RECV\n 1s s> SYN-ACK\n 1.001s c> ACK\n 1.01s server ESTABLISHED owned", "accepted network-loss - syn-ack request"},
	{"lost data while the final ACK is on its way", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 0.7ms c> DATA lost\n 1ms server ESTABLISHED owned\n 210ms c> DATA again\n 210.3ms s> ACK", "accepted none - - request"},
	{"lost data of an accepted connection", queued + "5ms server ESTABLISHED owned\n 10ms c> DATA lost\n 210ms c> DATA again\n 210.3ms s> ACK", "accepted none - - request"},
	{"keep-alive of an idle connection", queued + "2s c> KEEPALIVE\n 2.0003s s> ACK", "queued server - - request"},
	{"slow network", "0ms c> SYN takes=700ms\n 700ms s> SYN-ACK takes=700ms\n 1s c> SYN takes=700ms\n 1.4s c> ACK takes=700ms\n 1.65s s> SYN-ACK takes=700ms\n 1.7s s> SYN-ACK\n 2.2s server ESTABLISHED owned", "accepted none - - request"},
	{"rst from a middlebox", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK takes=1s\n 0.7ms s> RST foreign", "queued server - - request"},
	{"one dropped before its listener's TCP", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 30ms server SYN_RECV\n 1s s> SYN-ACK\n 1.001s c> ACK\n 1.1s server ESTABLISHED owned", "accepted host-drop - ack request"},
	{"sample older than the final ack", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 0.81ms server SYN_RECV\n 0.9ms server NONE", "queued server - - request"},
	{"rst of the client in flight with its final ack", queued + "2ms c> RST\n", "queued server - - request"},
}

// TestLookalikes plays what looks like an overflow and is none: no view of it
// may be certain of a full accept queue, and with all evidence none may name it.
func TestLookalikes(t *testing.T) {
	for _, c := range lookalikes {
		t.Run(c.name, func(t *testing.T) {
			events := parseLadder(t, c.ladder)
			v := play(events, bothSides, true).Attempt(clientAddr, serverAddr).Verdict()
			if diff := cmp.Diff(c.want, short(v)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s%+v", diff, v)
			}
			for _, sides := range []evidence.Side{evidence.ClientSide, evidence.ServerSide, bothSides} {
				v := play(events, sides, false).Attempt(clientAddr, serverAddr).Verdict()
				if v.Confidence == judge.Certain && v.Cause == judge.AcceptQueueFull {
					t.Errorf("packets of side %d alone: certain of %v", sides, v.Reading)
				}
			}
		})
	}
}

func TestPortReuse(t *testing.T) {
	tr := play(parseLadder(t, overflow+resends+"64s server NONE\n 70s c> SYN newisn\n 70.0003s s> SYN-ACK\n 70.0006s c> ACK\n 70.01s server ESTABLISHED owned"), bothSides, true)
	var got []string
	for a := range tr.Attempts() {
		got = append(got, short(a.Verdict()))
	}
	want := []string{"forgotten accept-queue-full request-expired ack request", "accepted none - - request"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
}

// TestFragments are connections of which the handshake was not seen, or not as
// that of a client and a listener.
func TestFragments(t *testing.T) {
	other := netip.MustParseAddrPort("10.0.0.9:50000")
	for _, c := range []struct {
		name    string
		packets []evidence.Packet
		want    string
	}{
		{"simultaneous open", []evidence.Packet{
			{Src: other, Dst: serverAddr, Flags: evidence.SYN, Seq: 1},
			{Src: serverAddr, Dst: other, Flags: evidence.SYN, Seq: 9},
			{Src: other, Dst: serverAddr, Flags: evidence.SYN | evidence.ACK, Seq: 1, Ack: 10},
			{Src: serverAddr, Dst: other, Flags: evidence.SYN | evidence.ACK, Seq: 9, Ack: 2},
		}, "unknown unknown - - -"},
		{"capture starts in the middle", []evidence.Packet{
			{Src: other, Dst: serverAddr, Flags: evidence.ACK, Seq: 100, Ack: 200, Len: 10},
			{Src: serverAddr, Dst: other, Flags: evidence.ACK, Seq: 200, Ack: 110},
		}, "unknown unknown - - -"},
		{"capture starts with the server's data", []evidence.Packet{
			{Src: serverAddr, Dst: other, Flags: evidence.ACK, Seq: 200, Ack: 110, Len: 5},
		}, "accepted unknown - - -"},
		{"capture starts with the syn-ack", []evidence.Packet{
			{Src: serverAddr, Dst: other, Flags: evidence.SYN | evidence.ACK, Seq: 9, Ack: 2},
			{Src: other, Dst: serverAddr, Flags: evidence.ACK, Seq: 2, Ack: 10, Len: 3},
			{Src: serverAddr, Dst: other, Flags: evidence.ACK, Seq: 10, Ack: 5},
		}, "established none - - -"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := handshake.New(handshake.Config{Sides: evidence.ServerSide})
			for i, p := range c.packets {
				p.Side, p.Number = evidence.ServerSide, i+1
				tr.Packet(p)
			}
			v := tr.Attempt(other, serverAddr).Verdict()
			if diff := cmp.Diff(c.want, short(v)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s%+v", diff, v)
			}
			if v.Confidence == judge.Certain {
				t.Errorf("certain of %v", v.Reading)
			}
		})
	}
}
