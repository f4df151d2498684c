package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/capture"
	"listenq/internal/evidence"
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

// nonzeroChecksum writes a TCP checksum of 0 as ffff, which says the same: so does
// the kernel where it makes up for hardware (skb_checksum_help, net/core/dev.c).
func nonzeroChecksum(frame []byte) {
	at := 14 + 20 + 16
	if frame[12] == 0x86 { // IPv6
		at += 20
	}
	if frame[at] == 0 && frame[at+1] == 0 {
		frame[at], frame[at+1] = 0xff, 0xff
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
		filled, seen := bytes.Clone(e.Frame), bytes.Clone(e.Frame)
		capture.FillChecksums(filled)
		nonzeroChecksum(filled)
		nonzeroChecksum(seen)
		if !bytes.Equal(filled, seen) {
			t.Errorf("event %d: wrong checksum in %x", i, e.Frame)
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
			r.Shape(evidence.ServerSide, Shape{Delay: long})
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

func TestClockStep(t *testing.T) {
	r := newRig(t, nil)
	frame := synFrame(r.client, r.server, 5, 0)
	for _, step := range []time.Duration{0, time.Hour, -time.Hour, time.Hour, 0} {
		stamp := time.Now().Add(step).UnixNano()
		before := r.clock()
		r.enter(evidence.ClientSide, arrival{data: frame, whole: true, stamp: stamp})
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
