package handshake_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"

	"github.com/google/go-cmp/cmp"
)

// TestFolded: of a flood only counts are kept, and nothing of its victims is lost.
func TestFolded(t *testing.T) {
	const bound, flood = 100, 5000
	tr := handshake.New(handshake.Config{Sides: evidence.ServerSide, MaxAttempts: bound})
	for _, e := range parse(t, "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK") {
		if e.Packet.Side == evidence.ServerSide {
			tr.Packet(*e.Packet)
		}
	}
	dropped := ladder.SYN(flood)
	dropped.T = 0
	tr.Packet(dropped)
	tr.Socket(evidence.Socket{Side: evidence.ClientSide, Client: dropped.Src, Server: ladder.Server, State: evidence.SynSent})
	for n := range flood {
		p := ladder.SYN(n)
		tr.Packet(p)
		if n%2 == 0 {
			p.Src, p.Dst, p.Flags, p.Ack = p.Dst, p.Src, evidence.SYN|evidence.ACK, p.Seq+1
			tr.Packet(p)
		}
	}
	late := ladder.SYN(0)
	late.Src, late.Dst, late.Flags, late.Ack, late.T = late.Dst, late.Src, evidence.SYN|evidence.ACK, 1, time.Second
	tr.Packet(late) // of one that was folded: no new attempt
	kept := 0
	for range tr.Attempts() {
		kept++
	}
	if kept != bound {
		t.Errorf("%d attempts are kept, want %d", kept, bound)
	}
	if a := tr.Attempt(ladder.Client, ladder.Server); a == nil || a.Verdict().Outcome != judge.EstablishedBoth {
		t.Errorf("the victim is %v", a)
	}
	if tr.Attempt(dropped.Src, ladder.Server) == nil {
		t.Error("an attempt of a client that was seen was folded")
	}
	folded := tr.Folded()
	if len(folded) != 1 || folded[0].Attempts != flood+2-bound {
		t.Fatalf("folded %+v, want %d attempts", folded, flood+2-bound)
	}
	const half = (flood + 2 - bound) / 2
	want := map[judge.Outcome]int{judge.Pending: half, judge.Unanswered: half}
	if diff := cmp.Diff(want, folded[0].Outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

// TestCoalesced: one reaction for several packets is certain only where it adds
// up for all of them.
func TestCoalesced(t *testing.T) {
	for _, c := range []struct {
		name  string
		delta evidence.Delta
		want  string
	}{
		{"all dropped", evidence.Delta{ListenDrops: 3, ListenOverflows: 3}, "unanswered accept-queue-full - syn - certain"},
		{"all dropped, syn queue", evidence.Delta{ListenDrops: 3, TCPReqQFullDrop: 3}, "unanswered syn-queue-full - syn - certain"},
		{"some dropped", evidence.Delta{ListenDrops: 2, ListenOverflows: 2}, "unanswered unknown - syn - possible"},
		{"none dropped", evidence.Delta{}, "unanswered host-drop - syn - certain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := handshake.New(handshake.Config{Sides: evidence.ServerSide | evidence.ClientSide, Sockets: true})
			give := func(n int, at time.Duration) {
				p := ladder.SYN(n)
				p.Side, p.T = evidence.ClientSide, at
				tr.Packet(p)
				p.Side = evidence.ServerSide
				tr.Packet(p)
			}
			for n := range 3 {
				give(n, time.Millisecond)
			}
			tr.Reaction(evidence.Reaction{T: 2 * time.Millisecond, Packets: 3, Delta: c.delta})
			give(1, time.Second)
			v := tr.Attempt(ladder.Spoofed(1), ladder.Server).Verdict()
			if diff := cmp.Diff(c.want, ladder.Short(v)+" "+string(v.Confidence)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLoopback: on lo each packet is seen once, for both sides, and counters
// are read on a tick only.
func TestLoopback(t *testing.T) {
	full := &evidence.Delta{ListenDrops: 1, ListenOverflows: 1}
	for _, c := range []struct {
		name, ladder string
		delta        *evidence.Delta
		want         string
	}{
		{"half-open, by sample", ladder.Overflow + "30ms server SYN_RECV", nil, "half-open accept-queue-full - ack request likely"},
		{"half-open, by counters", ladder.Overflow, full, "half-open accept-queue-full - ack request certain"},
		{"queued, by sample", ladder.Queued, nil, "queued server - - - certain"},
		{"syn dropped, by counters", "0ms c> SYN", full, "unanswered accept-queue-full - syn - certain"},
		{"syn dropped, by sample", "0ms listener 4/3\n0ms c> SYN\n 1s c> SYN", nil, "unanswered accept-queue-full - syn - likely"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := handshake.New(handshake.Config{Sides: bothSides, Sockets: true})
			for _, e := range parse(t, c.ladder) {
				switch p := e.Packet; {
				case p == nil:
					ladder.Apply(tr, e)
				case p.Src == ladder.Client && p.Side == evidence.ClientSide, p.Src == ladder.Server && p.Side == evidence.ServerSide:
					p.Side = bothSides
					tr.Packet(*p)
				}
				if e.Packet != nil && e.Packet.Src == ladder.Client && c.delta != nil {
					tr.Reaction(evidence.Reaction{T: e.T, Packets: 2, Delta: *lastOf(c.delta, e.Packet, c.ladder)})
				}
			}
			v := tr.Attempt(ladder.Client, ladder.Server).Verdict()
			if diff := cmp.Diff(c.want, ladder.Short(v)+" "+string(v.Confidence)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s%+v", diff, v)
			}
		})
	}
}

// lastOf is the movement after a packet: none for the SYN of a text that goes on.
func lastOf(d *evidence.Delta, p *evidence.Packet, text string) *evidence.Delta {
	if p.Flags.Has(evidence.SYN) && strings.Contains(text, "SYN-ACK") {
		return &evidence.Delta{}
	}
	return d
}

// established returns a Tracker with n connections and data segments of them.
func established(n int) (*handshake.Tracker, []evidence.Packet) {
	tr := handshake.New(handshake.Config{Sides: evidence.ServerSide})
	var data []evidence.Packet
	for i := range n {
		p := ladder.SYN(i)
		tr.Packet(p)
		q := p
		q.Src, q.Dst, q.Flags, q.Seq, q.Ack = p.Dst, p.Src, evidence.SYN|evidence.ACK, 7, p.Seq+1
		tr.Packet(q)
		p.Flags, p.Seq, p.Ack, p.Len = evidence.ACK, p.Seq+1, 8, 100
		tr.Packet(p)
		q.Flags, q.Seq, q.Ack, q.Len = evidence.ACK, 8, p.Seq+100, 1000
		tr.Packet(q)
		data = append(data, p, q)
	}
	return tr, data
}

func TestPacketAllocatesNothing(t *testing.T) {
	tr, data := established(100)
	if n := testing.AllocsPerRun(100, func() {
		for _, p := range data {
			tr.Packet(p)
		}
	}); n > 0 {
		t.Errorf("%v allocations for %d packets of known attempts", n, len(data))
	}
}

func BenchmarkPacket(b *testing.B) {
	tr, data := established(1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		tr.Packet(data[i%len(data)])
	}
}

// BenchmarkFlood is a flood of spoofed SYNs, each dropped by a full queue.
func BenchmarkFlood(b *testing.B) {
	tr := handshake.New(handshake.Config{Sides: bothSides, Sockets: true, MaxAttempts: 20_000})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p := ladder.SYN(i)
		p.Number, p.Side = i, evidence.ClientSide
		tr.Packet(p)
		p.Side = evidence.ServerSide
		tr.Packet(p)
		tr.Reaction(evidence.Reaction{T: p.T, Packets: 1, Number: i, Delta: evidence.Delta{ListenDrops: 1, ListenOverflows: 1}})
	}
}

func BenchmarkVerdict(b *testing.B) {
	a := ladder.Play(parse(b, ladder.Overflow+ladder.Resends), evidence.ServerSide, false).Attempt(ladder.Client, ladder.Server)
	b.ReportAllocs()
	for b.Loop() {
		a.Verdict()
	}
}

// TestCoalescedCookies: SYNs of one reading that were all answered with cookies are
// known to be, and of those that were not the counters refute what did not move.
func TestCoalescedCookies(t *testing.T) {
	for _, c := range []struct {
		name  string
		delta evidence.Delta
		want  string
	}{
		{"all", evidence.Delta{SyncookiesSent: 3, TCPReqQFullDoCookies: 3}, "pending none - - cookie certain []"},
		{"none", evidence.Delta{}, "pending none - - request certain []"},
		{"some", evidence.Delta{SyncookiesSent: 1, TCPReqQFullDoCookies: 1}, "pending none - - - certain []"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := coalesced(c.delta, true).Attempt(ladder.Spoofed(1), ladder.Server).Verdict()
			if diff := cmp.Diff(c.want, fmt.Sprint(ladder.Short(v), " ", v.Confidence, " ", v.Alternatives)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
	v := coalesced(evidence.Delta{ListenDrops: 2}, false).Attempt(ladder.Spoofed(1), ladder.Server).Verdict()
	for _, r := range append(v.Alternatives, v.Reading) {
		if r.Cause == judge.AcceptQueueFull || r.Cause == judge.SynQueueFull {
			t.Errorf("%v, though no counter of it has moved", r)
		}
	}
}

// coalesced plays three SYNs with one reading.
func coalesced(delta evidence.Delta, answered bool) *handshake.Tracker {
	tr := handshake.New(handshake.Config{Sides: bothSides, Sockets: true})
	for n := range 3 {
		p := ladder.SYN(n)
		p.Side, p.T = bothSides, time.Millisecond
		tr.Packet(p)
		if answered {
			p.Src, p.Dst, p.Flags, p.Ack = p.Dst, p.Src, evidence.SYN|evidence.ACK, p.Seq+1
			tr.Packet(p)
		}
	}
	tr.Reaction(evidence.Reaction{T: 2 * time.Millisecond, Packets: 3, Delta: delta})
	return tr
}

// TestRealClient: a flood does not push out a client that is known to be real, and
// its cookie is told although the connection is there before the counters are read.
func TestRealClient(t *testing.T) {
	real := netip.MustParseAddrPort("192.0.2.1:20000")
	tr := handshake.New(handshake.Config{Sides: bothSides, Sockets: true, MaxAttempts: 1, Real: []netip.Addr{real.Addr()}})
	give := func(p evidence.Packet) {
		p.Side, p.T = bothSides, time.Millisecond
		tr.Packet(p)
	}
	p := ladder.SYN(0)
	p.Src = real
	give(p)
	for n := range 3 {
		give(ladder.SYN(n + 1))
	}
	give(evidence.Packet{Src: p.Dst, Dst: p.Src, Flags: evidence.SYN | evidence.ACK, Ack: p.Seq + 1})
	tr.Accepted(real, p.Dst, 2*time.Millisecond)
	tr.Reaction(evidence.Reaction{T: 2 * time.Millisecond, Packets: 4, Delta: evidence.Delta{SyncookiesSent: 4}})
	a := tr.Attempt(real, p.Dst)
	if a == nil {
		t.Fatal("the real client was folded")
	}
	if v := a.Verdict(); v.Outcome != judge.Accepted || v.Handshake != judge.Cookie {
		t.Errorf("outcome %v by %v, want accepted by a cookie", v.Outcome, v.Handshake)
	}
}

// TestFoldedCauses: what a reading of several drops leaves open has no cause none.
func TestFoldedCauses(t *testing.T) {
	tr := handshake.New(handshake.Config{Sides: bothSides, Sockets: true, MaxAttempts: 1})
	give := func(n int) {
		p := ladder.SYN(n)
		p.Side, p.T = bothSides, time.Millisecond
		tr.Packet(p)
	}
	for n := range 3 {
		give(n)
	}
	tr.Reaction(evidence.Reaction{T: 2 * time.Millisecond, Packets: 3, Delta: evidence.Delta{ListenDrops: 2, ListenOverflows: 2}})
	give(3)
	give(4)
	causes := tr.Folded()[0].Causes
	if causes[judge.NoCause] > 0 {
		t.Errorf("causes %v, want no none", causes)
	}
}
