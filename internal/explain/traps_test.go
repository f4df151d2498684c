package explain_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"listenq/internal/answer"
	"listenq/internal/capture"
	"listenq/internal/explain"
	"listenq/internal/judge"
)

// frame is an Ethernet frame of a capture.
type frame struct {
	at   time.Duration
	data []byte
}

// frames are those of the tape.
func (tp *tape) frames() (all []frame) {
	tp.t.Helper()
	r, err := capture.NewReader(bytes.NewReader(tp.bytes()), "tape")
	if err != nil {
		tp.t.Fatal(err)
	}
	var p capture.Packet
	for err = r.Next(&p); err == nil; err = r.Next(&p) {
		all = append(all, frame{p.Time.Sub(start), bytes.Clone(p.Data)})
	}
	if !errors.Is(err, io.EOF) {
		tp.t.Fatal(err)
	}
	return all
}

// pcap is a capture file of frames in the given order.
func pcap(link capture.LinkType, all []frame) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b23c4d)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(link))
	for _, f := range all {
		t := start.Add(f.at)
		for _, n := range []int{int(t.Unix()), t.Nanosecond(), len(f.data), len(f.data)} {
			b = binary.LittleEndian.AppendUint32(b, uint32(n))
		}
		b = append(b, f.data...)
	}
	return b
}

// The kinds of packets on the device "any" (packet(7)).
const (
	toHost, toOther, outgoing = 0, 3, 4
	ethernetHeader            = 14
)

// cooked is an Ethernet frame as the device "any" gives it, of one device of the host.
func cooked(link capture.LinkType, f frame, kind byte, device uint32) frame {
	ip := f.data[ethernetHeader:]
	header := append([]byte{0, kind, 0, 1, 0, 6}, make([]byte, 8)...)
	header = append(header, 8, 0)
	if link == capture.SLL2 {
		header = binary.BigEndian.AppendUint32([]byte{8, 0, 0, 0}, device)
		header = append(append(header, 0, 1, kind, 6), make([]byte, 8)...)
	}
	return frame{f.at, append(header, ip...)}
}

// source is the address that a frame comes from.
func source(f frame) netip.Addr { return netip.AddrFrom4([4]byte(f.data[ethernetHeader+12:])) }

// served is a capture of connections without trouble, whose waits do not tell the place.
func served(t *testing.T, w waits) *tape {
	tp := newTape(t)
	for i := range 20 {
		tp.connect(time.Duration(i)*100*time.Millisecond, port(client, 40000+i), server, w)
	}
	return tp
}

// TestAny reads captures of the device "any": where they were made is told by the
// direction of packets, and what goes through several devices of the host is one packet.
func TestAny(t *testing.T) {
	direct := func(host netip.Addr) func(capture.LinkType, frame) []frame {
		return func(link capture.LinkType, f frame) []frame {
			if source(f) == host {
				return []frame{cooked(link, f, outgoing, 2)}
			}
			return []frame{cooked(link, f, toHost, 2)}
		}
	}
	for _, c := range []struct {
		name  string
		seen  func(capture.LinkType, frame) []frame
		place answer.Place
		how   string
		twice int // times that a packet is seen
	}{
		{"at the server", direct(server.Addr()), answer.PlaceServer, "by the direction of packets", 1},
		{"at the client", direct(client.Addr()), answer.PlaceClient, "by the direction of packets", 1},
		{"through a bridge to a container", func(link capture.LinkType, f frame) []frame {
			ways := []frame{cooked(link, f, toHost, 2), cooked(link, f, outgoing, 5), cooked(link, f, outgoing, 6)}
			for i := range ways {
				ways[i].at += time.Duration(i) * 30 * time.Microsecond
			}
			return ways
		}, answer.PlaceBetween, "the directions of packets do not show it", 3},
		{"another host's, promiscuous", func(link capture.LinkType, f frame) []frame {
			return []frame{cooked(link, f, toOther, 2)}
		}, answer.PlaceBetween, "the waits in handshakes do not show it", 1},
	} {
		for _, link := range []capture.LinkType{capture.LinuxSLL, capture.SLL2} {
			t.Run(c.name+" "+link.String(), func(t *testing.T) {
				var all []frame
				for _, f := range served(t, halfway).frames() {
					all = append(all, c.seen(link, f)...)
				}
				r := captures(t, explain.Options{}, explain.Input{Name: "any", Data: bytes.NewReader(pcap(link, all))})
				if f := r.Files[0]; f.Place != c.place || f.How != c.how {
					t.Errorf("captured at %q %s, want %q %s", f.Place, f.How, c.place, c.how)
				}
				if n := len(all) - len(all)/c.twice; r.Skipped["duplicate"] != n {
					t.Errorf("%v left out of %d, want %d duplicates", r.Skipped, len(all), n)
				}
				fine(t, r, 20)
			})
		}
	}
}

// TestLoopbackAny: on the device "any" a packet on lo is seen leaving and coming.
func TestLoopbackAny(t *testing.T) {
	here := netip.MustParseAddrPort("127.0.0.1:8080")
	tp := newTape(t)
	for i := range 20 {
		tp.connect(time.Duration(i)*100*time.Millisecond, port(here, 40000+i), here, halfway)
	}
	var all []frame
	for _, f := range tp.frames() {
		all = append(all, cooked(capture.SLL2, f, outgoing, 1))
		f.at += 2 * time.Microsecond
		all = append(all, cooked(capture.SLL2, f, toHost, 1))
	}
	r := captures(t, explain.Options{}, explain.Input{Name: "any", Data: bytes.NewReader(pcap(capture.SLL2, all))})
	if r.Files[0].Place != answer.PlaceBoth || r.Skipped["duplicate"] != len(all)/2 {
		t.Errorf("captured at %q, left out %v of %d", r.Files[0].Place, r.Skipped, len(all))
	}
	fine(t, r, 20)
}

// fine fails unless so many connections were served and nothing was dropped.
func fine(t *testing.T, r *answer.Explanation, attempts int) {
	t.Helper()
	if len(r.Listeners) != 1 {
		t.Fatalf("%d listeners, want 1", len(r.Listeners))
	}
	if l := r.Listeners[0]; l.Finding != judge.Fine || l.Attempts != attempts || l.Outcomes[judge.Accepted] != attempts {
		t.Errorf("%s, %d attempts, %v %v", l.Finding, l.Attempts, l.Outcomes, l.Causes)
	}
}

// blameless fails if a full accept queue is named for more than possible.
func blameless(t *testing.T, r *answer.Explanation) {
	t.Helper()
	for _, l := range r.Listeners {
		if l.Finding == judge.Overflow && l.Confidence != judge.Possible {
			t.Errorf("%s: %s %s: %s", l.Address, l.Finding, l.Confidence, l.Verdict)
		}
	}
	for _, c := range r.Connections {
		if c.Cause == judge.AcceptQueueFull && c.Confidence != judge.Possible {
			t.Errorf("%s: %s %s, or %v", c.Client, c.Reading.Reading, c.Confidence, c.Alternatives)
		}
	}
}

// TestOutOfOrder: packets that are not in the order of their time, as of network cards
// with several queues, make no overflow, and hide none.
func TestOutOfOrder(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		shuffled := func(tp *tape) explain.Input {
			all := tp.frames()
			for i := 0; i+1 < len(all); i++ {
				if all[i+1].at-all[i].at < ms(1) && random.IntN(3) == 0 {
					all[i], all[i+1] = all[i+1], all[i]
				}
			}
			return explain.Input{Name: "x", Data: bytes.NewReader(pcap(capture.Ethernet, all))}
		}
		r := captures(t, explain.Options{}, shuffled(served(t, atServer)))
		blameless(t, r)
		if l := r.Listeners[0]; l.Finding != judge.Fine || l.Attempts != 20 {
			t.Errorf("seed %d: %s, %d attempts, %v %v", seed, l.Finding, l.Attempts, l.Outcomes, l.Causes)
		}
		full := served(t, atServer)
		full.full(3*time.Second, 3)
		if r := captures(t, explain.Options{}, shuffled(full)); !r.Bad() {
			t.Errorf("seed %d: an overflow is not seen: %+v", seed, r.Listeners)
		}
	}
}

// TestCaptureDrops: a capture that lacks packets, by chance, blames no queue.
func TestCaptureDrops(t *testing.T) {
	for _, percent := range []int{1, 5, 20} {
		for seed := range uint64(30) {
			for _, w := range []waits{atServer, atClient, halfway} {
				random := rand.New(rand.NewPCG(seed, uint64(percent)))
				all := slices.DeleteFunc(served(t, w).frames(), func(frame) bool { return random.IntN(100) < percent })
				blameless(t, captures(t, explain.Options{}, explain.Input{Name: "x", Data: bytes.NewReader(pcap(capture.Ethernet, all))}))
				if t.Failed() {
					t.Fatalf("%d %% missing, seed %d, %+v", percent, seed, w)
				}
			}
		}
	}
}

// TestTraps plays what looks like an overflow among connections that are served.
func TestTraps(t *testing.T) {
	odd := port(client, 50000)
	for _, c := range []struct {
		name string
		play func(*tape)
		want judge.Outcome // "": any
	}{
		{"Fast Open, data taken", func(tp *tape) {
			tp.put(ms(2500), odd, server, "ST", 1000, 0, "hello")
			tp.put(ms(2500.1), server, odd, "SA", 5000, 1006, "")
			tp.put(ms(2500.3), server, odd, "PA", 5001, 1006, "world")
			tp.put(ms(2520), odd, server, "A", 1006, 5006, "")
		}, judge.Accepted},
		{"Fast Open, data not taken", func(tp *tape) {
			tp.put(ms(2500), odd, server, "ST", 1000, 0, "hello")
			tp.put(ms(2500.1), server, odd, "SA", 5000, 1001, "")
			tp.put(ms(2520), odd, server, "PA", 1001, 5001, "hello")
			tp.put(ms(2520.1), server, odd, "A", 5001, 1006, "")
			tp.put(ms(2520.2), server, odd, "PA", 5001, 1006, "world")
		}, judge.Accepted},
		{"Fast Open, a middlebox drops SYNs with data", func(tp *tape) {
			tp.put(ms(2500), odd, server, "ST", 1000, 0, "hello")
			tp.put(ms(3500), odd, server, "S", 1000, 0, "")
			tp.put(ms(3500.1), server, odd, "SA", 5000, 1001, "")
			tp.put(ms(3520), odd, server, "PA", 1001, 5001, "hello")
			tp.put(ms(3520.2), server, odd, "PA", 5001, 1006, "world")
		}, judge.Accepted},
		{"simultaneous open", func(tp *tape) {
			tp.put(ms(2500), odd, server, "S", 1000, 0, "")
			tp.put(ms(2501), server, odd, "S", 5000, 0, "")
			tp.put(ms(2520), odd, server, "SA", 1000, 5001, "")
			tp.put(ms(2521), server, odd, "SA", 5000, 1001, "")
			tp.put(ms(2540), odd, server, "PA", 1001, 5001, "hello")
			tp.put(ms(2541), server, odd, "PA", 5001, 1006, "world")
		}, ""},
		{"simultaneous open, sent again", func(tp *tape) {
			tp.put(ms(2500), odd, server, "S", 1000, 0, "")
			tp.put(ms(2501), server, odd, "S", 5000, 0, "")
			tp.put(ms(3500), odd, server, "S", 1000, 0, "")
			tp.put(ms(3501), server, odd, "S", 5000, 0, "")
		}, ""},
		{"a middlebox resets both ends", func(tp *tape) {
			tp.put(ms(2500), odd, server, "S", 1000, 0, "")
			tp.put(ms(2500.1), server, odd, "SA", 5000, 1001, "")
			tp.put(ms(2520), odd, server, "A", 1001, 5001, "")
			tp.put(ms(2521), odd, server, "PA", 1001, 5001, "hello")
			tp.put(ms(2521.1), server, odd, "A", 5001, 1006, "")
			tp.put(ms(2530), server, odd, "R", 5001, 0, "")
			tp.put(ms(2530.1), odd, server, "R", 1006, 0, "")
		}, ""},
		{"a middlebox resets after the final ACK", func(tp *tape) {
			tp.put(ms(2500), odd, server, "S", 1000, 0, "")
			tp.put(ms(2500.1), server, odd, "SA", 5000, 1001, "")
			tp.put(ms(2520), odd, server, "A", 1001, 5001, "")
			tp.put(ms(2521), server, odd, "RA", 5001, 1001, "")
		}, ""},
		{"a middlebox refuses", func(tp *tape) {
			tp.put(ms(2500), odd, server, "S", 1000, 0, "")
			tp.put(ms(2500.2), server, odd, "RA", 0, 1001, "")
		}, judge.Refused},
		{"the client aborts", func(tp *tape) {
			tp.put(ms(2500), odd, server, "S", 1000, 0, "")
			tp.put(ms(2500.1), server, odd, "SA", 5000, 1001, "")
			tp.put(ms(2520), odd, server, "A", 1001, 5001, "")
			tp.put(ms(2600), odd, server, "RA", 1001, 5001, "")
		}, ""},
		{"a tail loss probe", func(tp *tape) { // tcp_schedule_loss_probe: after two round trips, and not after 200 ms
			tp.put(ms(2500), odd, server, "S", 1000, 0, "")
			tp.put(ms(2500.1), server, odd, "SA", 5000, 1001, "")
			tp.put(ms(2520), odd, server, "A", 1001, 5001, "")
			tp.put(ms(2520.1), odd, server, "PA", 1001, 5001, "hello")
			tp.put(ms(2562), odd, server, "PA", 1001, 5001, "hello")
			tp.put(ms(2562.1), server, odd, "A", 5001, 1006, "")
			tp.put(ms(2562.2), server, odd, "PA", 5001, 1006, "world")
		}, judge.Accepted},
		{"a program that is slow to answer", func(tp *tape) {
			tp.put(ms(2500), odd, server, "S", 1000, 0, "")
			tp.put(ms(2500.1), server, odd, "SA", 5000, 1001, "")
			tp.put(ms(2520), odd, server, "A", 1001, 5001, "")
			tp.put(ms(2521), odd, server, "PA", 1001, 5001, "hello")
			tp.put(ms(2521.1), server, odd, "A", 5001, 1006, "")
			tp.put(ms(12000), server, odd, "PA", 5001, 1006, "world")
		}, judge.Accepted},
	} {
		for place, w := range map[string]waits{"server": atServer, "client": atClient, "way": halfway} {
			t.Run(c.name+", at the "+place, func(t *testing.T) {
				tp := served(t, w)
				c.play(tp)
				r := captures(t, explain.Options{}, tp.input("x"))
				blameless(t, r)
				i := slices.IndexFunc(r.Connections, func(x answer.Connection) bool { return x.Client == odd.String() })
				if i < 0 {
					t.Fatal("the connection is not told")
				}
				if got := r.Connections[i].Outcome; c.want != "" && got != c.want {
					t.Errorf("%s, want %s", got, c.want)
				}
			})
		}
	}
}

// TestLeftOut: SYNs without an answer behind three idle connections. A full accept queue fits
// best, and is not likely: a limit on connections does the same, for whatever client.
func TestLeftOut(t *testing.T) {
	host := func(n int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(n)}), client.Port())
	}
	for _, c := range []struct {
		name    string
		left    []netip.AddrPort // whose SYNs have no answer
		finding judge.Finding
		sure    judge.Confidence
		cause   judge.Cause
	}{
		{"one of the same client", []netip.AddrPort{port(client, 50000)}, judge.Undecided, judge.Possible, judge.AcceptQueueFull},
		{"three of the same client", []netip.AddrPort{port(client, 50000), port(client, 50001), port(client, 50002)}, judge.Undecided, judge.Possible, judge.AcceptQueueFull},
		{"one of another", []netip.AddrPort{host(1)}, judge.Undecided, judge.Possible, judge.AcceptQueueFull},
		{"three of another", []netip.AddrPort{host(1), port(host(1), 50001), port(host(1), 50002)}, judge.Undecided, judge.Possible, judge.AcceptQueueFull},
		{"three others", []netip.AddrPort{host(1), host(2), host(3)}, judge.Undecided, judge.Possible, judge.AcceptQueueFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			tp := newTape(t)
			for i := range 3 {
				idle, at := port(client, 40000+i), ms(float64(i)*100)
				tp.put(at, idle, server, "S", 1000, 0, "")
				tp.put(at+ms(0.1), server, idle, "SA", 5000, 1001, "")
				tp.put(at+ms(20), idle, server, "A", 1001, 5001, "")
			}
			for _, wait := range []float64{1000, 2000, 4000} {
				for i, from := range c.left {
					tp.put(ms(wait+float64(i)), from, server, "S", 7000, 0, "")
				}
			}
			r := captures(t, explain.Options{}, tp.input("x"))
			if l := r.Listeners[0]; l.Finding != c.finding || l.Confidence != c.sure {
				t.Errorf("%s %s: %s; want %s %s", l.Finding, l.Confidence, l.Verdict, c.finding, c.sure)
			}
			if last := r.Connections[len(r.Connections)-1]; last.Cause != c.cause || last.Confidence != c.sure {
				t.Errorf("%s %s or %v, want %s %s", last.Reading.Reading, last.Confidence, last.Alternatives, c.cause, c.sure)
			}
		})
	}
}
