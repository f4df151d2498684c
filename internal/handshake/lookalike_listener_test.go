package handshake_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"
)

// scene is a capture on a server, made by hand: many clients of one listener.
type scene struct {
	packets []evidence.Packet
}

func client(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)}), 40000)
}

// add puts a packet at a time, from or to the client.
func (s *scene) add(at time.Duration, p evidence.Packet) {
	p.T, p.Side = at, evidence.ServerSide
	s.packets = append(s.packets, p)
}

// web is a client that is served, beginning at that time; of its ten packets those
// of the numbers are left out.
func (s *scene) web(n int, at time.Duration, without ...int) {
	for i, p := range exchange(client(n), at) {
		if !slices.Contains(without, i) {
			s.add(p.T, p)
		}
	}
}

// track gives the packets in the order of their time to a new Tracker.
func (s *scene) track() *handshake.Tracker {
	slices.SortStableFunc(s.packets, func(a, b evidence.Packet) int { return int(a.T - b.T) })
	tr := handshake.New(handshake.Config{Sides: evidence.ServerSide})
	for i, p := range s.packets {
		p.Number = i + 1
		tr.Packet(p)
	}
	return tr
}

// TestNoFalseOverflow plays what looks like an overflow and is none, among clients that
// are served: no listener is told to have overflowed, and no connection to have met a
// full accept queue for certain.
func TestNoFalseOverflow(t *testing.T) {
	const ms = time.Millisecond
	ends := func(n int) (c, s evidence.Packet) {
		c = evidence.Packet{Src: client(n), Dst: serverAddr, Seq: 1001, Ack: 5001, Flags: evidence.ACK}
		return c, evidence.Packet{Src: serverAddr, Dst: client(n), Seq: 5001, Ack: 1001, Flags: evidence.ACK}
	}
	syn := func(n int) evidence.Packet {
		return evidence.Packet{Src: client(n), Dst: serverAddr, Flags: evidence.SYN, Seq: 1000}
	}
	synack := func(n int) evidence.Packet {
		return evidence.Packet{Src: serverAddr, Dst: client(n), Flags: evidence.SYN | evidence.ACK, Seq: 5000, Ack: 1001}
	}
	for _, c := range []struct {
		name string
		play func(*scene)
		want judge.Finding
	}{
		{"served", func(*scene) {}, judge.Fine},
		{"each packet captured twice", func(s *scene) {
			for _, p := range slices.Clone(s.packets) {
				s.add(p.T+20*time.Microsecond, p)
			}
		}, judge.Fine},
		{"packets out of order", func(s *scene) {
			for i := 10; i+1 < len(s.packets); i += 4 {
				s.packets[i].T, s.packets[i+1].T = s.packets[i+1].T, s.packets[i].T
			}
		}, judge.Fine},
		{"the server's packets are missing", func(s *scene) {
			s.packets = slices.DeleteFunc(s.packets, func(p evidence.Packet) bool { return p.Src == serverAddr })
		}, judge.Unseen},
		{"the clients' packets are missing", func(s *scene) {
			s.packets = slices.DeleteFunc(s.packets, func(p evidence.Packet) bool { return p.Dst == serverAddr })
		}, judge.Unseen},
		{"begun in the middle", func(s *scene) {
			s.packets = slices.DeleteFunc(s.packets, func(p evidence.Packet) bool { return p.Flags.Has(evidence.SYN) })
		}, judge.Unseen},
		{"begun in a handshake", func(s *scene) { s.web(100, 0, 0) }, judge.Fine},
		{"a SYN-ACK lost", func(s *scene) {
			s.add(50*ms, syn(100))
			s.add(50*ms, synack(100))
			s.add(1050*ms, syn(100))
			s.add(1050*ms, synack(100))
			s.web(100, 1051*ms, 0, 1)
		}, judge.Lossy},
		{"a final ACK lost", func(s *scene) {
			s.add(50*ms, syn(100))
			s.add(50*ms, synack(100))
			s.add(1050*ms, synack(100))
			s.web(100, 1051*ms, 0, 1)
		}, judge.Lossy},
		{"a final ACK lost, data comes", func(s *scene) { s.web(100, 50*ms, 2) }, judge.Fine},
		{"one ACK that makes nothing", func(s *scene) {
			c, _ := ends(100)
			s.add(50*ms, syn(100))
			s.add(50*ms, synack(100))
			s.add(51*ms, c)
			s.add(1050*ms, synack(100))
			s.web(100, 1051*ms, 0, 1)
		}, judge.Undecided},
		{"a client that resets", func(s *scene) {
			c, _ := ends(100)
			s.add(50*ms, syn(100))
			s.add(50*ms, synack(100))
			s.add(51*ms, c)
			c.Flags = evidence.RST | evidence.ACK
			s.add(52*ms, c)
		}, judge.Fine},
		{"RST from between", func(s *scene) {
			s.web(100, 50*ms, 5, 6, 7, 8, 9)
			c, r := ends(100)
			r.Flags, c.Flags = evidence.RST, evidence.RST
			s.add(60*ms, r)
			s.add(60*ms, c)
		}, judge.Fine},
		{"keep-alives", func(s *scene) {
			s.web(100, 50*ms, 5, 6, 7, 8, 9)
			for i := range 5 {
				c, r := ends(100)
				c.Seq, r.Ack = 1100, 1101
				s.add(time.Second+time.Duration(i)*200*ms, c)
				s.add(time.Second+time.Duration(i)*200*ms+ms, r)
			}
		}, judge.Fine},
		{"a port used again", func(s *scene) {
			for _, p := range exchange(client(1), 1500*ms) {
				if p.Src == serverAddr {
					p.Ack += 5_000_000
				} else {
					p.Seq += 5_000_000
				}
				s.add(p.T, p)
			}
		}, judge.Fine},
		{"data acknowledged in one giant frame", func(s *scene) {
			s.add(50*ms, syn(100))
			s.add(50*ms, synack(100))
			c, r := ends(100)
			s.add(51*ms, c)
			c.Len, c.Flags = 60_000, evidence.ACK|evidence.PSH
			s.add(51*ms, c)
			r.Ack += 60_000
			s.add(52*ms, r)
		}, judge.Fine},
		{"the capture has dropped SYN-ACKs and ACKs", func(s *scene) {
			s.web(100, 50*ms, 1)
			s.web(101, 51*ms, 2)
			s.web(102, 52*ms, 1, 2)
			s.web(103, 53*ms, 4)
		}, judge.Fine},
		{"refused", func(s *scene) {
			s.packets = nil
			for n := range 3 {
				_, r := ends(n)
				r.Flags, r.Seq = evidence.RST|evidence.ACK, 0
				s.add(time.Duration(n)*ms, syn(n))
				s.add(time.Duration(n)*ms, r)
			}
		}, judge.Nothing},
		{"a flood", func(s *scene) {
			for n := range 200 {
				s.add(time.Duration(n)*ms, syn(1000+n))
				s.add(time.Duration(n)*ms, synack(1000+n))
			}
		}, judge.Flooded},
		{"reflected", func(s *scene) {
			for n := range 100 {
				from := netip.AddrPortFrom(client(7).Addr(), uint16(2000+n))
				p, q := syn(7), synack(7)
				p.Src, q.Dst, p.Hops = from, from, 250 // of who has forged it
				s.add(time.Duration(n)*ms, p)
				s.add(time.Duration(n)*ms, q)
				p.Flags, p.Seq, p.Hops = evidence.RST, 1001, 60 // of the victim
				s.add(time.Duration(n)*ms+ms/2, p)
			}
			s.packets = slices.DeleteFunc(s.packets, func(p evidence.Packet) bool {
				return p.Src.Addr() != client(7).Addr() && p.Dst.Addr() != client(7).Addr()
			})
		}, judge.Reflecting},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s scene
			for n := range 20 {
				s.web(n, time.Duration(n)*100*ms)
			}
			c.play(&s)
			tr := s.track()
			tr.End(10 * time.Second)
			for _, l := range tr.Listeners() {
				if l.Address == serverAddr && l.Finding != c.want {
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
