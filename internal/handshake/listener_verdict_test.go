package handshake_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"
)

// listenerOf plays a scene on top of clients that are served, and returns what is told
// of the listener.
func listenerOf(t *testing.T, play func(*scene)) handshake.ListenerVerdict {
	t.Helper()
	var s scene
	for n := range 20 {
		s.web(n, time.Duration(n)*100*time.Millisecond)
	}
	play(&s)
	tr := s.track()
	tr.End(20 * time.Second)
	for _, l := range tr.Listeners() {
		if l.Address == serverAddr {
			return l
		}
	}
	t.Fatal("nothing is told of the listener")
	panic("unreachable")
}

// TestOverflowTold: SYNs and final ACKs that are struck while others wait, and what comes of
// those who were there is taken, are an overflow; the evidence is there, and the time.
func TestOverflowTold(t *testing.T) {
	l := listenerOf(t, func(s *scene) {
		s.web(90, 1950*time.Millisecond, 5, 6, 7, 8, 9)    // waits
		s.web(89, 2000050*time.Microsecond, 5, 6, 7, 8, 9) // the last that there is room for: the others' SYNs were answered before its final ACK
		s.add(2500*time.Millisecond, evidence.Packet{Src: client(91), Dst: serverAddr, Flags: evidence.SYN, Seq: 1000})
		s.add(3500*time.Millisecond, evidence.Packet{Src: client(91), Dst: serverAddr, Flags: evidence.SYN, Seq: 1000})
		more := exchange(client(90), 0)[3]
		more.Seq += uint32(more.Len)
		s.add(3*time.Second, more)
		taken := exchange(client(90), 0)[4]
		taken.Ack += uint32(more.Len)
		s.add(3*time.Second+time.Millisecond, taken)
		for n := 100; n < 103; n++ {
			all := exchange(client(n), 2*time.Second+time.Duration(n)*time.Microsecond)
			s.add(all[0].T, all[0])
			s.add(all[1].T, all[1])
			s.add(all[2].T, all[2])
			for _, again := range []time.Duration{time.Second, 3 * time.Second} {
				s.add(all[1].T+again, all[1])
				s.add(all[2].T+again, all[2])
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
	l := listenerOf(t, func(s *scene) {
		for n := 100; n < 110; n++ {
			at := time.Duration(n-100) * 150 * time.Millisecond
			s.add(at, exchange(client(n), at)[0])
			s.web(n, at+time.Second)
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
		p := syn(1)
		p.T, p.Dst = time.Duration(port)*time.Millisecond, netip.AddrPortFrom(serverAddr.Addr(), uint16(1000+port))
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
		from := netip.AddrPortFrom(client(1).Addr(), uint16(20000+n))
		to := netip.AddrPortFrom(serverAddr.Addr(), uint16(1000+n%30))
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
