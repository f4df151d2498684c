package wire

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/evidence"
)

func TestDelay(t *testing.T) {
	delays := map[Side]time.Duration{evidence.ClientSide: 15 * time.Millisecond, evidence.ServerSide: 40 * time.Millisecond}
	r := newRig(t, nil)
	for to, d := range delays {
		r.Shape(to, Shape{Delay: d})
	}
	r.run(t)
	began := time.Now()
	c, s := r.connect(t, r.listen(t, r.server.Addrs[0]))
	connected := time.Since(began)
	both := delays[evidence.ClientSide] + delays[evidence.ServerSide]
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

func isFIN(e seen) bool { return e.packet.Flags.Has(evidence.FIN) }

// TestLossAndDuplication: the same seed strikes the same frames, another one
// strikes others, each about as often as asked for.

func TestLossAndDuplication(t *testing.T) {
	const frames = 1000
	fates := func(t *testing.T, seed uint64) (lost, duplicated, order []uint32) {
		r := newRig(t, nil)
		r.Shape(evidence.ServerSide, Shape{Loss: 0.2, Duplicate: 0.1, Seed: seed})
		r.run(t)
		fd := sender(t, r.client)
		for seq := range uint32(frames) {
			transmit(t, fd, synFrame(r.client, r.server, 5, seq))
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

func isFinalACK(p *evidence.Packet) bool { return p.Flags == evidence.ACK && p.Len == 0 }

// TestHold: three handshakes wait for their final ACK; the server accepts them
// in the order in which those are released.

func TestHold(t *testing.T) {
	const base, clients = 40000, 3
	r := newRig(t, nil)
	r.run(t)
	l := r.listen(t, r.server.Addrs[0])
	hold := r.Hold(evidence.ServerSide, isFinalACK)
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
		if n := hold.Release(func(p *evidence.Packet) bool { return p.Src.Port() == port }); n != 1 {
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
	r.Shape(evidence.ServerSide, Shape{Delay: delay})
	hold := r.Hold(evidence.ServerSide, func(*evidence.Packet) bool { return true })
	r.run(t)
	fd := sender(t, r.client)
	for seq := range uint32(3) {
		transmit(t, fd, synFrame(r.client, r.server, 5, seq))
	}
	until(t, "all held", func() bool { return r.Snapshot().ToServer.Hosts.Held == 3 })
	want := []uint32{2, 0, 1}
	for _, seq := range want {
		hold.Release(func(p *evidence.Packet) bool { return p.Seq == seq })
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
