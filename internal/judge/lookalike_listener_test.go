package judge_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"
)

// TestNoFalseOverflow plays what looks like an overflow and is none, among clients that
// are served: no listener is told to have overflowed, and no connection to have met a
// full accept queue for certain.
func TestNoFalseOverflow(t *testing.T) {
	const ms = time.Millisecond
	ends := func(n int) (c, s evidence.Packet) {
		c = evidence.Packet{Src: ladder.Peer(n), Dst: ladder.Server, Seq: 1001, Ack: 5001, Flags: evidence.ACK}
		return c, evidence.Packet{Src: ladder.Server, Dst: ladder.Peer(n), Seq: 5001, Ack: 1001, Flags: evidence.ACK}
	}
	syn := func(n int) evidence.Packet {
		return evidence.Packet{Src: ladder.Peer(n), Dst: ladder.Server, Flags: evidence.SYN, Seq: 1000}
	}
	synack := func(n int) evidence.Packet {
		return evidence.Packet{Src: ladder.Server, Dst: ladder.Peer(n), Flags: evidence.SYN | evidence.ACK, Seq: 5000, Ack: 1001}
	}
	for _, c := range []struct {
		name string
		play func(*ladder.Crowd)
		want judge.Finding
	}{
		{"served", func(*ladder.Crowd) {}, judge.Fine},
		{"each packet captured twice", func(s *ladder.Crowd) {
			for _, p := range slices.Clone(s.Packets) {
				s.Add(p.T+20*time.Microsecond, p)
			}
		}, judge.Fine},
		{"packets out of order", func(s *ladder.Crowd) {
			for i := 10; i+1 < len(s.Packets); i += 4 {
				s.Packets[i].T, s.Packets[i+1].T = s.Packets[i+1].T, s.Packets[i].T
			}
		}, judge.Fine},
		{"the server's packets are missing", func(s *ladder.Crowd) {
			s.Packets = slices.DeleteFunc(s.Packets, func(p evidence.Packet) bool { return p.Src == ladder.Server })
		}, judge.Unseen},
		{"the clients' packets are missing", func(s *ladder.Crowd) {
			s.Packets = slices.DeleteFunc(s.Packets, func(p evidence.Packet) bool { return p.Dst == ladder.Server })
		}, judge.Unseen},
		{"begun in the middle", func(s *ladder.Crowd) {
			s.Packets = slices.DeleteFunc(s.Packets, func(p evidence.Packet) bool { return p.Flags.Has(evidence.SYN) })
		}, judge.Unseen},
		{"begun in a handshake", func(s *ladder.Crowd) { s.Web(100, 0, 0) }, judge.Fine},
		{"a SYN-ACK lost", func(s *ladder.Crowd) {
			s.Add(50*ms, syn(100))
			s.Add(50*ms, synack(100))
			s.Add(1050*ms, syn(100))
			s.Add(1050*ms, synack(100))
			s.Web(100, 1051*ms, 0, 1)
		}, judge.Lossy},
		{"a final ACK lost", func(s *ladder.Crowd) {
			s.Add(50*ms, syn(100))
			s.Add(50*ms, synack(100))
			s.Add(1050*ms, synack(100))
			s.Web(100, 1051*ms, 0, 1)
		}, judge.Lossy},
		{"a final ACK lost, data comes", func(s *ladder.Crowd) { s.Web(100, 50*ms, 2) }, judge.Fine},
		{"one ACK that makes nothing", func(s *ladder.Crowd) {
			c, _ := ends(100)
			s.Add(50*ms, syn(100))
			s.Add(50*ms, synack(100))
			s.Add(51*ms, c)
			s.Add(1050*ms, synack(100))
			s.Web(100, 1051*ms, 0, 1)
		}, judge.Undecided},
		{"a client that resets", func(s *ladder.Crowd) {
			c, _ := ends(100)
			s.Add(50*ms, syn(100))
			s.Add(50*ms, synack(100))
			s.Add(51*ms, c)
			c.Flags = evidence.RST | evidence.ACK
			s.Add(52*ms, c)
		}, judge.Fine},
		{"RST from between", func(s *ladder.Crowd) {
			s.Web(100, 50*ms, 5, 6, 7, 8, 9)
			c, r := ends(100)
			r.Flags, c.Flags = evidence.RST, evidence.RST
			s.Add(60*ms, r)
			s.Add(60*ms, c)
		}, judge.Fine},
		{"keep-alives", func(s *ladder.Crowd) {
			s.Web(100, 50*ms, 5, 6, 7, 8, 9)
			for i := range 5 {
				c, r := ends(100)
				c.Seq, r.Ack = 1100, 1101
				s.Add(time.Second+time.Duration(i)*200*ms, c)
				s.Add(time.Second+time.Duration(i)*200*ms+ms, r)
			}
		}, judge.Fine},
		{"a port used again", func(s *ladder.Crowd) {
			for _, p := range ladder.Exchange(ladder.Peer(1), 1500*ms) {
				if p.Src == ladder.Server {
					p.Ack += 5_000_000
				} else {
					p.Seq += 5_000_000
				}
				s.Add(p.T, p)
			}
		}, judge.Fine},
		{"data acknowledged in one giant frame", func(s *ladder.Crowd) {
			s.Add(50*ms, syn(100))
			s.Add(50*ms, synack(100))
			c, r := ends(100)
			s.Add(51*ms, c)
			c.Len, c.Flags = 60_000, evidence.ACK|evidence.PSH
			s.Add(51*ms, c)
			r.Ack += 60_000
			s.Add(52*ms, r)
		}, judge.Fine},
		{"the capture has dropped SYN-ACKs and ACKs", func(s *ladder.Crowd) {
			s.Web(100, 50*ms, 1)
			s.Web(101, 51*ms, 2)
			s.Web(102, 52*ms, 1, 2)
			s.Web(103, 53*ms, 4)
		}, judge.Fine},
		{"refused", func(s *ladder.Crowd) {
			s.Packets = nil
			for n := range 3 {
				_, r := ends(n)
				r.Flags, r.Seq = evidence.RST|evidence.ACK, 0
				s.Add(time.Duration(n)*ms, syn(n))
				s.Add(time.Duration(n)*ms, r)
			}
		}, judge.Nothing},
		{"a flood", func(s *ladder.Crowd) {
			for n := range 200 {
				s.Add(time.Duration(n)*ms, syn(1000+n))
				s.Add(time.Duration(n)*ms, synack(1000+n))
			}
		}, judge.Flooded},
		{"reflected", func(s *ladder.Crowd) {
			for n := range 100 {
				from := netip.AddrPortFrom(ladder.Peer(7).Addr(), uint16(2000+n))
				p, q := syn(7), synack(7)
				p.Src, q.Dst, p.Hops = from, from, 250 // of who has forged it
				s.Add(time.Duration(n)*ms, p)
				s.Add(time.Duration(n)*ms, q)
				p.Flags, p.Seq, p.Hops = evidence.RST, 1001, 60 // of the victim
				s.Add(time.Duration(n)*ms+ms/2, p)
			}
			s.Packets = slices.DeleteFunc(s.Packets, func(p evidence.Packet) bool {
				return p.Src.Addr() != ladder.Peer(7).Addr() && p.Dst.Addr() != ladder.Peer(7).Addr()
			})
		}, judge.Reflecting},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s ladder.Crowd
			for n := range 20 {
				s.Web(n, time.Duration(n)*100*ms)
			}
			c.play(&s)
			tr := s.Track()
			tr.End(10 * time.Second)
			for _, l := range tr.Listeners() {
				if l.Address == ladder.Server && l.Finding != c.want {
					t.Errorf("%s: %s %v, want %s", l.Finding, l.Text, l.Causes, c.want)
				}
			}
			for a := range tr.Attempts() {
				v := a.Verdict()
				if v.Cause == judge.AcceptQueueFull && (v.Confidence == judge.Certain || len(v.Alternatives) == 0) {
					t.Errorf("%s: %s of %v", a.Client(), v.Confidence, v.Reading)
				}
			}
		})
	}
}
