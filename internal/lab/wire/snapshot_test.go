package wire

import (
	"encoding/binary"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/evidence"
)

func TestSnapshot(t *testing.T) {
	r := newRig(t, nil)
	r.run(t)
	before := r.counters(t)
	c, s := r.connect(t, r.listen(t, r.server.Addrs[0]))
	shape := Shape{Delay: 200 * time.Microsecond, Loss: 0.05, Duplicate: 0.05, Seed: 7}
	r.Shape(evidence.ServerSide, shape)
	r.Shape(evidence.ClientSide, shape)
	hold := r.Hold(evidence.ServerSide, func(p *evidence.Packet) bool { return p.Seq%8 == 0 })
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
		hold.Release(func(p *evidence.Packet) bool { return p.Seq%3 == 0 })
		r.checkSums(t, r.Snapshot())
		hold.Release(func(*evidence.Packet) bool { return true })
	}
	r.Shape(evidence.ServerSide, Shape{})
	r.Shape(evidence.ClientSide, Shape{})
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
		transmit(t, fd, f)
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

func TestRefused(t *testing.T) {
	r := newRig(t, nil)
	fd := sender(t, r.client)
	setDown(t, r.server.Netns, "eth0")
	transmit(t, fd, synFrame(r.client, r.server, 5, 0))
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
		transmit(t, fd, synFrame(r.client, r.server, 5, seq))
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
	hold := r.Hold(evidence.ServerSide, func(*evidence.Packet) bool { return true })
	frame := synFrame(r.client, r.server, 5, 0)
	for seq := range uint32(held + 10) {
		binary.BigEndian.PutUint32(frame[38:], seq)
		r.enter(evidence.ClientSide, arrival{data: frame, whole: true})
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
