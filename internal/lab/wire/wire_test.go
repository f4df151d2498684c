package wire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"listenq/internal/capture"
	"listenq/internal/handshake"
	"listenq/internal/kernel"
)

func TestRealConnections(t *testing.T) {
	for i, family := range []string{"ipv4", "ipv6"} {
		t.Run(family, func(t *testing.T) {
			r := newRig(t, nil)
			r.run(t)
			c, s := r.connect(t, r.listen(t, r.server.Addrs[i]))
			sent := make([]byte, 300_000)
			for i := range sent {
				sent[i] = byte(rand.Uint32())
			}
			go func() {
				c.Write(sent)
				c.Close()
			}()
			got, err := io.ReadAll(s)
			must(t, err)
			if !bytes.Equal(got, sent) {
				t.Errorf("the server read %d bytes that differ from the %d sent", len(got), len(sent))
			}
			must(t, s.Close())
			until(t, "the end of the connection", func() bool { return r.Snapshot().Quiet() })
			r.checkCapture(t)
		})
	}
}

// checkCapture looks at every frame that the wire saw.
func (r *rig) checkCapture(t *testing.T) {
	t.Helper()
	r.checkOrder(t)
	sent := map[string]time.Duration{}
	for i, e := range r.noted(func(seen) bool { return true }) {
		if e.Packet == nil {
			t.Errorf("event %d: frame that is not TCP: %x", i, e.Frame)
			continue
		}
		if e.packet.T != e.T || e.packet.Side != e.Side {
			t.Errorf("event %d: packet of %s at side %d, event of %s at side %d", i, e.packet.T, e.packet.Side, e.T, e.Side)
		}
		if len(e.Frame) > MTU+14 {
			t.Errorf("event %d: %d bytes are more than the MTU allows", i, len(e.Frame))
		}
		filled := bytes.Clone(e.Frame)
		capture.FillChecksums(filled)
		if !bytes.Equal(filled, e.Frame) {
			t.Errorf("event %d: wrong checksum in %x", i, e.Frame[:60])
		}
		switch e.Kind {
		case Sent:
			sent[string(e.Frame)] = e.T
		case Delivered:
			at, ok := sent[string(e.Frame)]
			if !ok || at > e.T {
				t.Errorf("event %d: delivered at %s, sent at %s (%t)", i, e.T, at, ok)
			}
		}
	}
}

// TestSilence waits longer than the kernel waits before it reports groups,
// solicits routers or looks for duplicates (1 s), and expects nothing.
func TestSilence(t *testing.T) {
	r := newRig(t, nil)
	r.run(t)
	time.Sleep(1500 * time.Millisecond)
	for _, e := range r.noted(func(seen) bool { return true }) {
		t.Errorf("unasked frame at %s from side %d: %x", e.T, e.Side, e.Frame)
	}
}

func TestDelay(t *testing.T) {
	delays := map[Side]time.Duration{handshake.ClientSide: 15 * time.Millisecond, handshake.ServerSide: 40 * time.Millisecond}
	r := newRig(t, nil)
	for to, d := range delays {
		r.Shape(to, Shape{Delay: d})
	}
	r.run(t)
	began := time.Now()
	c, s := r.connect(t, r.listen(t, r.server.Addrs[0]))
	connected := time.Since(began)
	both := delays[handshake.ClientSide] + delays[handshake.ServerSide]
	if connected < both {
		t.Errorf("connected after %s, less than a round trip of %s", connected, both)
	}
	must(t, c.Close())
	must(t, s.Close())
	until(t, "the end of the connection", func() bool {
		return r.Snapshot().Quiet() && len(r.noted(isFIN)) >= 4
	})
	sent := map[string]time.Duration{}
	for _, e := range r.noted(func(seen) bool { return true }) {
		switch e.Kind {
		case Sent:
			sent[string(e.Frame)] = e.T
		case Delivered:
			if took := e.T - sent[string(e.Frame)]; took < delays[e.To] {
				t.Errorf("frame to side %d took %s, less than %s", e.To, took, delays[e.To])
			}
		}
	}
}

func isFIN(e seen) bool { return e.packet.Flags.Has(handshake.FIN) }

// TestLossAndDuplication: the same seed strikes the same frames, another one
// strikes others, each about as often as asked for.
func TestLossAndDuplication(t *testing.T) {
	const frames = 1000
	fates := func(t *testing.T, seed uint64) (lost, duplicated, order []uint32) {
		r := newRig(t, nil)
		r.Shape(handshake.ServerSide, Shape{Loss: 0.2, Duplicate: 0.1, Seed: seed})
		r.run(t)
		fd := sender(t, r.client)
		for seq := range uint32(frames) {
			_, err := unix.Write(fd, synFrame(r.client, r.server, 5, seq))
			must(t, err)
		}
		until(t, "all frames sent", func() bool {
			s := r.Snapshot()
			return s.ToServer.Hosts.Sent == frames && s.Quiet()
		})
		for _, e := range r.noted(func(seen) bool { return true }) {
			switch e.Kind {
			case Lost:
				lost = append(lost, e.packet.Seq)
			case Duplicated:
				duplicated = append(duplicated, e.packet.Seq)
			case Delivered:
				order = append(order, e.packet.Seq)
			}
		}
		got := r.Snapshot().ToServer.Hosts
		want := Traffic{
			Sent: frames, Lost: uint64(len(lost)), Duplicated: uint64(len(duplicated)),
			Delivered: frames - uint64(len(lost)) + uint64(len(duplicated)),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("traffic (-want +got):\n%s", diff)
		}
		return lost, duplicated, order
	}
	lost, duplicated, order := fates(t, 1)
	if !slices.IsSorted(order) {
		t.Error("frames overtook one another")
	}
	for _, seq := range duplicated {
		if i := slices.Index(order, seq); i+1 == len(order) || order[i+1] != seq {
			t.Errorf("the duplicate of frame %d does not follow it", seq)
		}
	}
	if n := len(lost); n < frames*15/100 || n > frames*25/100 {
		t.Errorf("lost %d of %d frames, want about 20 %%", n, frames)
	}
	if n := len(duplicated); n < frames*5/100 || n > frames*12/100 {
		t.Errorf("duplicated %d of %d frames, want about 8 %%", n, frames)
	}
	lostAgain, duplicatedAgain, _ := fates(t, 1)
	if !slices.Equal(lost, lostAgain) || !slices.Equal(duplicated, duplicatedAgain) {
		t.Error("the same seed struck other frames")
	}
	if lostOther, _, _ := fates(t, 2); slices.Equal(lost, lostOther) {
		t.Error("another seed struck the same frames")
	}
}

// isFinalACK matches the last segment of a handshake.
func isFinalACK(p *handshake.Packet) bool { return p.Flags == handshake.ACK && p.Len == 0 }

// TestHold: three handshakes wait for their final ACK; the server accepts them
// in the order in which those are released.
func TestHold(t *testing.T) {
	const base, clients = 40000, 3
	r := newRig(t, nil)
	r.run(t)
	l := r.listen(t, r.server.Addrs[0])
	hold := r.Hold(handshake.ServerSide, isFinalACK)
	for i := range clients {
		c, err := r.dial(l.Addr(), base+i)
		must(t, err)
		defer c.Close()
	}
	until(t, "all final ACKs held", func() bool { return r.Snapshot().ToServer.Hosts.Held == clients })
	must(t, l.SetDeadline(time.Now().Add(20*time.Millisecond)))
	if c, err := l.Accept(); err == nil {
		t.Fatalf("accepted %s although its final ACK is held", c.RemoteAddr())
	}
	must(t, l.SetDeadline(time.Now().Add(10*time.Second)))

	order := []uint16{base + 2, base, base + 1}
	for _, port := range order[:2] {
		if n := hold.Release(func(p *handshake.Packet) bool { return p.Src.Port() == port }); n != 1 {
			t.Errorf("released %d frames of port %d, want 1", n, port)
		}
	}
	if n := hold.Close(); n != 1 {
		t.Errorf("closed with %d frames, want 1", n)
	}
	var accepted []uint16
	for range clients {
		c, err := l.AcceptTCP()
		must(t, err)
		defer c.Close()
		accepted = append(accepted, c.RemoteAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Port())
	}
	if diff := cmp.Diff(order, accepted); diff != "" {
		t.Errorf("order of accept() (-want +got):\n%s", diff)
	}
	if n := len(r.noted(func(e seen) bool { return e.Kind == Released })); n != clients {
		t.Errorf("%d frames shown as released, want %d", n, clients)
	}
	c, err := r.dial(l.Addr(), base+clients)
	must(t, err)
	defer c.Close()
	c, err = l.Accept() // the rule has ended with Close
	must(t, err)
	c.Close()
}

// TestReleaseDelayed: a release order holds also with a delay before the frames.
func TestReleaseDelayed(t *testing.T) {
	r := newRig(t, nil)
	const delay = 30 * time.Millisecond
	r.Shape(handshake.ServerSide, Shape{Delay: delay})
	hold := r.Hold(handshake.ServerSide, func(*handshake.Packet) bool { return true })
	r.run(t)
	fd := sender(t, r.client)
	for seq := range uint32(3) {
		_, err := unix.Write(fd, synFrame(r.client, r.server, 5, seq))
		must(t, err)
	}
	until(t, "all held", func() bool { return r.Snapshot().ToServer.Hosts.Held == 3 })
	want := []uint32{2, 0, 1}
	for _, seq := range want {
		hold.Release(func(p *handshake.Packet) bool { return p.Seq == seq })
	}
	until(t, "all delivered", func() bool { return r.Snapshot().ToServer.Hosts.Delivered == 3 })
	released := map[uint32]time.Duration{}
	var got []uint32
	for _, e := range r.noted(func(e seen) bool { return e.Packet != nil }) {
		switch e.Kind {
		case Released:
			released[e.packet.Seq] = e.T
		case Delivered:
			got = append(got, e.packet.Seq)
			if took := e.T - released[e.packet.Seq]; took < delay {
				t.Errorf("frame %d took %s from its release, less than %s", e.packet.Seq, took, delay)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order of delivery (-want +got):\n%s", diff)
	}
}

// TestSnapshot: the sums agree whenever they are asked for, and in the end the
// hosts' kernels have counted the same. The handshake meets no rule: a SYN-ACK
// that is sent again is counted twice by the kernel.
func TestSnapshot(t *testing.T) {
	r := newRig(t, nil)
	r.run(t)
	before := r.counters(t)
	c, s := r.connect(t, r.listen(t, r.server.Addrs[0]))
	shape := Shape{Delay: 200 * time.Microsecond, Loss: 0.05, Duplicate: 0.05, Seed: 7}
	r.Shape(handshake.ServerSide, shape)
	r.Shape(handshake.ClientSide, shape)
	hold := r.Hold(handshake.ServerSide, func(p *handshake.Packet) bool { return p.Seq%8 == 0 })
	go func() {
		io.Copy(io.Discard, s)
		s.Close()
	}()
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.Write(make([]byte, 1<<20))
		c.Close()
	}()
	for busy := true; busy; {
		select {
		case <-written:
			busy = false
		default:
		}
		r.checkSums(t, r.Snapshot())
		hold.Release(func(p *handshake.Packet) bool { return p.Seq%3 == 0 })
		r.checkSums(t, r.Snapshot())
		hold.Release(func(*handshake.Packet) bool { return true })
	}
	r.Shape(handshake.ServerSide, Shape{})
	r.Shape(handshake.ClientSide, Shape{})
	hold.Close()
	until(t, "sums that agree with the kernels' counters", func() bool {
		s, after := r.Snapshot(), r.counters(t)
		r.checkSums(t, s)
		return s.Quiet() &&
			s.ToServer.Hosts.Sent == after.clientOut-before.clientOut &&
			s.ToServer.Hosts.Delivered == after.serverIn-before.serverIn &&
			s.ToClient.Hosts.Sent == after.serverOut-before.serverOut &&
			s.ToClient.Hosts.Delivered == after.clientIn-before.clientIn
	})
}

func (r *rig) checkSums(t *testing.T, s Snapshot) {
	t.Helper()
	for _, d := range []Direction{s.ToClient, s.ToServer} {
		for _, c := range []Traffic{d.Hosts, d.Others} {
			if c.Sent+c.Duplicated != c.Delivered+c.Lost+c.Refused+c.Held+c.InFlight {
				t.Fatalf("sums do not agree: %+v", c)
			}
		}
	}
}

// segments are how many the kernels of both hosts count.
type segments struct {
	clientOut, clientIn, serverOut, serverIn uint64
}

func (r *rig) counters(t *testing.T) (s segments) {
	t.Helper()
	s.clientOut, s.clientIn = r.tcp(t, r.client)
	s.serverOut, s.serverIn = r.tcp(t, r.server)
	return s
}

func TestClasses(t *testing.T) {
	r := newRig(t, nil)
	r.hosts = []netip.Addr{r.client.Addrs[0].Addr(), r.server.Addrs[0].Addr()}
	r.run(t)
	fd := sender(t, r.client)
	spoofed := synFrame(r.client, r.server, 5, 0)
	spoofed[14+12] = 172
	noTCP := synFrame(r.client, r.server, 5, 0)
	noTCP[14+9] = 17
	for _, f := range [][]byte{synFrame(r.client, r.server, 5, 0), spoofed, noTCP} {
		_, err := unix.Write(fd, f)
		must(t, err)
	}
	until(t, "all delivered", func() bool { return r.Snapshot().ToServer.Others.Delivered == 2 })
	want := Snapshot{ToServer: Direction{
		Hosts:  Traffic{Sent: 1, Delivered: 1},
		Others: Traffic{Sent: 2, Delivered: 2},
	}}
	if diff := cmp.Diff(want, r.Snapshot()); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
}

func TestRunEnds(t *testing.T) {
	const long = time.Hour
	tests := []struct {
		name string
		end  func(t *testing.T, r *rig)
		want error
	}{
		{"when told to", func(t *testing.T, r *rig) { r.cancel() }, nil},
		{"when the interface goes down", func(t *testing.T, r *rig) { setDown(t, r.wireNetns, "server") }, unix.ENETDOWN},
		{"when the host's interface goes away", func(t *testing.T, r *rig) { remove(t, r.client.Netns, "eth0") }, unix.ENETDOWN},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, nil)
			r.Shape(handshake.ServerSide, Shape{Delay: long})
			r.run(t)
			_, err := unix.Write(sender(t, r.client), synFrame(r.client, r.server, 5, 0))
			must(t, err)
			until(t, "a frame on its way", func() bool { return r.Snapshot().ToServer.Hosts.InFlight == 1 })
			test.end(t, r)
			got := <-r.ended
			r.ended = nil
			if !errors.Is(got, test.want) {
				t.Errorf("Run returned %v, want %v", got, test.want)
			}
			if n := r.Snapshot().ToServer.Hosts.InFlight; n != 1 {
				t.Errorf("%d frames on their way after the end, want 1", n)
			}
		})
	}
}

// TestRefused: a frame that the other end cannot take is counted and shown.
func TestRefused(t *testing.T) {
	r := newRig(t, nil)
	fd := sender(t, r.client)
	setDown(t, r.server.Netns, "eth0")
	_, err := unix.Write(fd, synFrame(r.client, r.server, 5, 0))
	must(t, err)
	r.run(t)
	until(t, "the frame refused", func() bool { return r.Snapshot().ToServer.Hosts.Refused == 1 })
	r.checkSums(t, r.Snapshot())
	if n := r.Snapshot().ToServer.Retries; n != maxTries {
		t.Errorf("written again %d times, want %d", n, maxTries)
	}
	if got := r.noted(func(e seen) bool { return e.Kind == Refused }); len(got) != 1 {
		t.Errorf("%d frames shown as refused, want 1", len(got))
	}
}

// TestDropped: what finds the ring full is counted, and what lies in it arrives.
func TestDropped(t *testing.T) {
	const more = 10
	r := newRig(t, nil)
	fd := sender(t, r.client)
	for seq := range uint32(DefaultSlots + more) {
		_, err := unix.Write(fd, synFrame(r.client, r.server, 5, seq))
		must(t, err)
	}
	if !r.Snapshot().ToServer.Arrived {
		t.Error("the snapshot does not tell of the frames in the ring")
	}
	r.run(t)
	until(t, "all delivered", func() bool { return r.Snapshot().Quiet() })
	want := Direction{
		Hosts:   Traffic{Sent: DefaultSlots, Delivered: DefaultSlots},
		Dropped: more,
	}
	if diff := cmp.Diff(want, r.Snapshot().ToServer); diff != "" {
		t.Errorf("traffic (-want +got):\n%s", diff)
	}
}

// TestFull: what finds no room is refused, and what is held stays whole.
func TestFull(t *testing.T) {
	r := newRig(t, func(*Event) {})
	const held = poolLimit / (smallFrame + frameCost)
	hold := r.Hold(handshake.ServerSide, func(*handshake.Packet) bool { return true })
	frame := synFrame(r.client, r.server, 5, 0)
	for seq := range uint32(held + 10) {
		binary.BigEndian.PutUint32(frame[38:], seq)
		r.enter(handshake.ClientSide, arrival{data: frame, whole: true})
	}
	got := r.Snapshot().ToServer.Hosts
	want := Traffic{Sent: held + 10, Held: held, Refused: 10}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("traffic (-want +got):\n%s", diff)
	}
	for seq, f := range hold.frames {
		if f.packet.Seq != uint32(seq) {
			t.Fatalf("held frame %d has sequence number %d", seq, f.packet.Seq)
		}
	}
}

// TestClockStep: stamps stay in order and within bounds when the realtime clock
// steps between a frame's arrival and the moment the wire takes it up.
func TestClockStep(t *testing.T) {
	r := newRig(t, nil)
	frame := synFrame(r.client, r.server, 5, 0)
	for _, step := range []time.Duration{0, time.Hour, -time.Hour, time.Hour, 0} {
		stamp := time.Now().Add(step).UnixNano()
		before := r.clock()
		r.enter(handshake.ClientSide, arrival{data: frame, whole: true, stamp: stamp})
		e := r.events[len(r.events)-1]
		if e.T > r.clock() || step == time.Hour && e.T < before {
			t.Errorf("a step of %s puts a frame of %s at %s", step, before, e.T)
		}
	}
	r.run(t)
	until(t, "all delivered", func() bool { return r.Snapshot().Quiet() })
	r.checkOrder(t)
}

func (r *rig) checkOrder(t *testing.T) {
	t.Helper()
	last := map[Side]time.Duration{}
	for _, e := range r.noted(func(seen) bool { return true }) {
		if e.T < last[e.Side] {
			t.Errorf("stamp %s of side %d goes back from %s", e.T, e.Side, last[e.Side])
		}
		last[e.Side] = e.T
	}
}

// TestIdle: a wire without frames sleeps.
func TestIdle(t *testing.T) {
	r := newRig(t, nil)
	r.run(t)
	before := cpuTime(t)
	time.Sleep(300 * time.Millisecond)
	if used := cpuTime(t) - before; used > 30*time.Millisecond {
		t.Errorf("used %s of CPU time in 300 ms of silence", used)
	}
}

func TestAllocations(t *testing.T) {
	r := newRig(t, func(*Event) {})
	fd := sender(t, r.client)
	frame := synFrame(r.client, r.server, 5, 0)
	ctx := context.Background()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := unix.Write(fd, frame); err != nil {
			t.Fatal(err)
		}
		if _, err := r.forward(ctx); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for each frame, want 0", n)
	}
	if got := r.Snapshot().ToServer.Hosts.Delivered; got != 1001 {
		t.Errorf("delivered %d frames, want 1001", got)
	}
}

// TestOpenPort: what cannot be opened says why.
func TestOpenPort(t *testing.T) {
	tests := []struct {
		name, ifname string
		slots        int
		want         error
	}{
		{"no such interface", "nowhere", 0, unix.ENODEV},
		{"name too long", "an-interface-of-twenty", 0, unix.EINVAL},
		{"ring of no memory", "lo", 1 << 30, unix.ENOMEM},
	}
	netns := newNetns(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := kernel.InNetns(netns, func() error {
				_, err := OpenPort(test.ifname, test.slots)
				return err
			})
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}
