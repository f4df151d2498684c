package judge_test

import (
	"net/netip"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"

	"github.com/google/go-cmp/cmp"
)

// TestLookalikes plays what looks like an overflow and is none: no view of it
// may be certain of a full accept queue, and with all evidence none may name it.
func TestLookalikes(t *testing.T) {
	for _, c := range ladder.Lookalikes {
		t.Run(c.Name, func(t *testing.T) {
			events := parse(t, c.Ladder)
			v := ladder.Play(events, bothSides, true).Attempt(ladder.Client, ladder.Server).Verdict()
			if diff := cmp.Diff(c.Want, ladder.Short(v)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s%+v", diff, v)
			}
			for _, sides := range []evidence.Side{evidence.ClientSide, evidence.ServerSide, bothSides} {
				v := ladder.Play(events, sides, false).Attempt(ladder.Client, ladder.Server).Verdict()
				if v.Confidence == judge.Certain && v.Cause == judge.AcceptQueueFull {
					t.Errorf("packets of side %d alone: certain of %v", sides, v.Reading)
				}
			}
		})
	}
}

func TestPortReuse(t *testing.T) {
	tr := ladder.Play(parse(t, ladder.Overflow+ladder.Resends+"64s server NONE\n 70s c> SYN newisn\n 70.0003s s> SYN-ACK\n 70.0006s c> ACK\n 70.01s server ESTABLISHED owned"), bothSides, true)
	var got []string
	for a := range tr.Attempts() {
		got = append(got, ladder.Short(a.Verdict()))
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
			{Src: other, Dst: ladder.Server, Flags: evidence.SYN, Seq: 1},
			{Src: ladder.Server, Dst: other, Flags: evidence.SYN, Seq: 9},
			{Src: other, Dst: ladder.Server, Flags: evidence.SYN | evidence.ACK, Seq: 1, Ack: 10},
			{Src: ladder.Server, Dst: other, Flags: evidence.SYN | evidence.ACK, Seq: 9, Ack: 2},
		}, "unknown unknown - - -"},
		{"capture starts in the middle", []evidence.Packet{
			{Src: other, Dst: ladder.Server, Flags: evidence.ACK, Seq: 100, Ack: 200, Len: 10},
			{Src: ladder.Server, Dst: other, Flags: evidence.ACK, Seq: 200, Ack: 110},
		}, "unknown unknown - - -"},
		{"capture starts with the server's data", []evidence.Packet{
			{Src: ladder.Server, Dst: other, Flags: evidence.ACK, Seq: 200, Ack: 110, Len: 5},
		}, "accepted unknown - - -"},
		{"capture starts with the syn-ack", []evidence.Packet{
			{Src: ladder.Server, Dst: other, Flags: evidence.SYN | evidence.ACK, Seq: 9, Ack: 2},
			{Src: other, Dst: ladder.Server, Flags: evidence.ACK, Seq: 2, Ack: 10, Len: 3},
			{Src: ladder.Server, Dst: other, Flags: evidence.ACK, Seq: 10, Ack: 5},
		}, "established none - - -"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := handshake.New(handshake.Config{Sides: evidence.ServerSide})
			for i, p := range c.packets {
				p.Side, p.Number = evidence.ServerSide, i+1
				tr.Packet(p)
			}
			v := tr.Attempt(other, ladder.Server).Verdict()
			if diff := cmp.Diff(c.want, ladder.Short(v)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s%+v", diff, v)
			}
			if v.Confidence == judge.Certain {
				t.Errorf("certain of %v", v.Reading)
			}
		})
	}
}
