package judge_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"
)

// listenerOf plays a scene on top of clients that are served, and returns what is told
// of the listener.
func listenerOf(t *testing.T, play func(*ladder.Crowd)) handshake.ListenerVerdict {
	t.Helper()
	var s ladder.Crowd
	for n := range 20 {
		s.Web(n, time.Duration(n)*100*time.Millisecond)
	}
	play(&s)
	tr := s.Track()
	tr.End(20 * time.Second)
	for _, l := range tr.Listeners() {
		if l.Address == ladder.Server {
			return l
		}
	}
	t.Fatal("nothing is told of the listener")
	panic("unreachable")
}

// TestOverflowTold: SYNs and final ACKs that are struck while others wait, and what comes of
// those who were there is taken, are an overflow; the evidence is there, and the time.
func TestOverflowTold(t *testing.T) {
	l := listenerOf(t, func(s *ladder.Crowd) {
		s.Web(90, 1950*time.Millisecond, 5, 6, 7, 8, 9)    // waits
		s.Web(89, 2000050*time.Microsecond, 5, 6, 7, 8, 9) // the last that there is room for: the others' SYNs were answered before its final ACK
		s.Add(2500*time.Millisecond, evidence.Packet{Src: ladder.Peer(91), Dst: ladder.Server, Flags: evidence.SYN, Seq: 1000})
		s.Add(3500*time.Millisecond, evidence.Packet{Src: ladder.Peer(91), Dst: ladder.Server, Flags: evidence.SYN, Seq: 1000})
		more := ladder.Exchange(ladder.Peer(90), 0)[3]
		more.Seq += uint32(more.Len)
		s.Add(3*time.Second, more)
		taken := ladder.Exchange(ladder.Peer(90), 0)[4]
		taken.Ack += uint32(more.Len)
		s.Add(3*time.Second+time.Millisecond, taken)
		for n := 100; n < 103; n++ {
			all := ladder.Exchange(ladder.Peer(n), 2*time.Second+time.Duration(n)*time.Microsecond)
			s.Add(all[0].T, all[0])
			s.Add(all[1].T, all[1])
			s.Add(all[2].T, all[2])
			for _, again := range []time.Duration{time.Second, 3 * time.Second} {
				s.Add(all[1].T+again, all[1])
				s.Add(all[2].T+again, all[2])
			}
		}
	})
	if l.Finding != judge.Overflow || l.Confidence != judge.Likely || l.Attempts != 26 {
		t.Errorf("%s, %s, of %d attempts: %s; %+v", l.Finding, l.Confidence, l.Attempts, l.Text, l.Queue)
	}
	if len(l.Full) != 1 || l.Full[0].From < 2*time.Second || l.Full[0].To > 6*time.Second {
		t.Errorf("full at %v, want once from about 2 s on", l.Full)
	}
	if len(l.Evidence) == 0 {
		t.Fatal("there is no evidence")
	}
	for _, e := range l.Evidence {
		if e.Packet == 0 || e.Text == "" {
			t.Errorf("evidence %+v cites no packet", e)
		}
	}
}

// TestRateLimitIsNoOverflow: a filter in front of a server that serves all drops SYNs now
// and then.
func TestRateLimitIsNoOverflow(t *testing.T) {
	l := listenerOf(t, func(s *ladder.Crowd) {
		for n := 100; n < 110; n++ {
			at := time.Duration(n-100) * 150 * time.Millisecond
			s.Add(at, ladder.Exchange(ladder.Peer(n), at)[0])
			s.Web(n, at+time.Second)
		}
	})
	if l.Finding == judge.Overflow {
		t.Errorf("%s: %s", l.Finding, l.Text)
	}
}

// TestScan: one client sends SYNs to many ports and finishes nothing.
func TestScan(t *testing.T) {
	tr := handshake.New(handshake.Config{Sides: evidence.ServerSide})
	for port := range 100 {
		p := ladder.SYN(1)
		p.T, p.Dst = time.Duration(port)*time.Millisecond, netip.AddrPortFrom(ladder.Server.Addr(), uint16(1000+port))
		tr.Packet(p)
		p.Src, p.Dst, p.Flags, p.Ack = p.Dst, p.Src, evidence.RST|evidence.ACK, p.Seq+1
		if port%10 == 0 {
			p.Flags = evidence.SYN | evidence.ACK
		}
		tr.Packet(p)
	}
	all := tr.Listeners()
	if len(all) != 100 {
		t.Fatalf("%d addresses are told of, want 100", len(all))
	}
	for _, l := range all {
		if l.Finding != judge.Scanned || !strings.Contains(l.Text, "looks what is open") {
			t.Errorf("%s: %s: %s", l.Address, l.Finding, l.Text)
		}
	}
}

// TestHealthChecks: a balancer that checks many servers by half a handshake comes back to each
// of them, and is no scan.
func TestHealthChecks(t *testing.T) {
	tr := handshake.New(handshake.Config{Sides: evidence.ClientSide})
	for n := range 150 {
		at := time.Duration(n) * 10 * ms
		from := netip.AddrPortFrom(ladder.Peer(1).Addr(), uint16(20000+n))
		to := netip.AddrPortFrom(ladder.Server.Addr(), uint16(1000+n%30))
		for i, p := range []evidence.Packet{
			{Src: from, Dst: to, Flags: evidence.SYN, Seq: 1000, Hops: 64},
			{Src: to, Dst: from, Flags: evidence.SYN | evidence.ACK, Seq: 5000, Ack: 1001, Hops: 64},
			{Src: from, Dst: to, Flags: evidence.RST, Seq: 1001, Hops: 64},
		} {
			p.T, p.Side, p.Number = at+time.Duration(i)*ms, evidence.ClientSide, 3*n+i+1
			tr.Packet(p)
		}
	}
	for _, l := range tr.Listeners() {
		if l.Finding != judge.Halved {
			t.Errorf("%s: %s: %s", l.Address, l.Finding, l.Text)
		}
	}
}
