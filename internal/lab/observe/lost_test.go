package observe

import (
	"net/netip"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"
	"listenq/internal/lab/wire"
)

// What the lab's own wire loses has no cause; what it loses as the script says has.
func TestLost(t *testing.T) {
	p := Pair{netip.MustParseAddrPort("192.0.2.1:20001"), netip.MustParseAddrPort("192.0.2.2:8080")}
	for _, test := range []struct {
		name   string
		kind   wire.Kind
		unseen bool // other frames were lost that the wire never saw
		want   judge.Cause
	}{
		{"lost by the script", wire.Lost, false, judge.NetworkLoss},
		{"lost by the script, others by the wire", wire.Lost, true, judge.NetworkLoss},
		{"refused by the kernel", wire.Refused, false, judge.UnknownCause},
	} {
		tracker := handshake.New(handshake.Config{Sides: evidence.ClientSide | evidence.ServerSide, Sockets: true, Real: []netip.Addr{p.Client.Addr()}})
		syn := evidence.Packet{Number: 1, T: time.Millisecond, Src: p.Client, Dst: p.Server, Seq: 7, Flags: evidence.SYN, Side: evidence.ClientSide}
		tracker.Packet(syn)
		l := newLosses()
		l.own = test.unseen
		l.take(&wire.Event{Kind: test.kind, To: evidence.ServerSide, Packet: &syn})
		if test.kind == wire.Lost {
			tracker.Fate(syn, evidence.FateLost)
		}
		tracker.End(time.Second)
		if got := l.judge(tracker.Attempt(p.Client, p.Server)); got.Cause != test.want {
			t.Errorf("%s: cause %s, want %s", test.name, got.Cause, test.want)
		}
	}
}

// A loss that the model infers is nobody's where the wire lost frames that it never saw.
func TestLostUnseen(t *testing.T) {
	p := Pair{netip.MustParseAddrPort("192.0.2.1:20001"), netip.MustParseAddrPort("192.0.2.2:8080")}
	tracker := handshake.New(handshake.Config{Sides: evidence.ClientSide | evidence.ServerSide, Sockets: true})
	syn := evidence.Packet{Number: 1, Src: p.Client, Dst: p.Server, Seq: 7, Flags: evidence.SYN, Side: evidence.ClientSide}
	tracker.Packet(syn)
	tracker.Fate(syn, evidence.FateLost)
	l := newLosses()
	l.own = true // and the wire has not told of this one
	if got := l.judge(tracker.Attempt(p.Client, p.Server)); got.Cause != judge.UnknownCause || got.Confidence == judge.Certain {
		t.Errorf("cause %s, %s", got.Cause, got.Confidence)
	}
}
