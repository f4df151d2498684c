package wire

import (
	"context"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"listenq/internal/capture"
	"listenq/internal/evidence"
	"listenq/internal/kernel"
)

// OpenLoopback opens lo of a network namespace for Listen. No segment passes it
// afterwards that is larger than on a wire.
func OpenLoopback(ns int) (port *Port, err error) {
	h, err := netlink.NewHandleAt(netns.NsHandle(ns), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink of the namespace: %w", err)
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return nil, fmt.Errorf("find lo: %w", err)
	}
	if err := h.LinkSetMTU(lo, MTU); err != nil {
		return nil, fmt.Errorf("set MTU of lo: %w", err)
	}
	err = kernel.InNetns(ns, func() error {
		if err := offloadNothing("lo"); err != nil {
			return err
		}
		port, err = OpenPort("lo", 0)
		return err
	})
	return port, err
}

// Listen shows what passes an interface, until ctx ends: one Sent event for
// each frame, with its checksum completed, as the kernel leaves it out on lo.
// It never goes back in time and holds its thread.
func Listen(ctx context.Context, port *Port, clock func() time.Duration, tap func(*Event)) error {
	var sleep poller
	if err := sleep.open([2]*Port{port, port}); err != nil {
		return err
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		sleep.wake()
		close(woken)
	})
	defer func() {
		if !stop() {
			<-woken // else it might write to a descriptor that is somebody else's by now
		}
		sleep.close()
	}()
	var l listening
	for ctx.Err() == nil {
		for port.ring.ready() {
			if a := port.ring.arrival(); !a.outgoing {
				l.show(a, clock(), tap)
			}
			port.ring.release()
		}
		if err := sleep.sleep(-1); err != nil {
			return err
		}
	}
	return nil
}

// listening is what Listen keeps from frame to frame.
type listening struct {
	last   time.Duration
	frame  []byte
	packet evidence.Packet
	event  Event
}

func (l *listening) show(a arrival, now time.Duration, tap func(*Event)) {
	lay := time.Duration(time.Now().UnixNano() - a.stamp)
	l.last = max(min(now-lay, now), l.last)
	l.frame = append(l.frame[:0], a.data...)
	capture.FillChecksums(l.frame)
	l.event = Event{Kind: Sent, T: l.last, Side: bothSides, To: bothSides, Frame: l.frame}
	if capture.Decode(l.frame, &l.packet) {
		l.packet.T, l.packet.Side = l.last, bothSides
		l.event.Packet = &l.packet
	}
	tap(&l.event)
}

// bothSides is where a frame on lo is seen.
const bothSides = evidence.ClientSide | evidence.ServerSide
