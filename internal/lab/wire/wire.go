// Package wire hides the wire of an experiment: a cable in user space between
// the interface of a client and that of a server. It stamps and shows every
// frame, and it can delay, lose, duplicate and hold frames by rule, so that
// what is a race elsewhere is decided by the script.
//
//	err := wire.Connect(netns, "client", client, server) // veth pairs, once for each host
//	port, err := wire.OpenPort("client", 0)              // in the network namespace netns
//	w := wire.New(wire.Config{Client: port, Server: other, Clock: clock, Tap: record})
//	go w.Run(ctx)
//	hold := w.Hold(evidence.ServerSide, isFinalACK)
//	hold.Release(isFromSecondClient)
//
// Frames of one direction never overtake one another, but for those that a rule
// holds: when released they enter the wire anew, in the order of release.
//
// It does not limit bandwidth, has no queue that overflows as a router's does,
// and carries no VLAN tags (the kernel takes them off before AF_PACKET).
package wire

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"listenq/internal/capture"
	"listenq/internal/evidence"
)

// Side is an end of the wire: one of evidence.ClientSide and ServerSide.
type Side = evidence.Side

// opposite returns the other end.
func opposite(s Side) Side { return s ^ evidence.ClientSide ^ evidence.ServerSide }

// index numbers the sides for tables.
func index(s Side) int { return int(s) - 1 }

// Kind is what happened to a frame.
type Kind uint8

// A frame is sent, then perhaps held and released, and ends as delivered, lost
// or refused. A duplicate begins as duplicated.
const (
	Sent       Kind = iota // it came onto the wire
	Delivered              // it was written to the other side
	Lost                   // the wire lost it, as its Shape says
	Held                   // a Hold keeps it
	Released               // a Hold let it go
	Duplicated             // a second one like it follows it
	Refused                // the kernel did not take it, or it found no room on the wire
)

var kindNames = [...]string{"sent", "delivered", "lost", "held", "released", "duplicated", "refused"}

func (k Kind) String() string { return kindNames[k] }

// Event is one thing that happened to one frame. Frame and Packet are valid
// only during the call of the Tap.
type Event struct {
	Kind   Kind
	T      time.Duration    // by the wire's clock; never goes back on one side
	Side   Side             // where it is seen: the other side if delivered, else the sender's
	To     Side             // where it is going
	Frame  []byte           // from the Ethernet header on
	Packet *evidence.Packet // its TCP segment, with T and Side; nil if it is none
}

// Config is what a wire is made of.
type Config struct {
	Client, Server *Port
	Clock          func() time.Duration // CLOCK_MONOTONIC, less the start of the experiment
	Hosts          []netip.Addr         // of client and server; Snapshot counts what goes between them apart

	// Tap sees every event, on the goroutine of Run: Sent before anything
	// is done with the frame, Delivered right after it was written. It must
	// not call the wire, which waits for it. It may be nil.
	Tap func(*Event)
}

// Wire joins two ports. Its methods may be called from any goroutine, but not
// from the Tap; what they do takes effect between two frames.
type Wire struct {
	ports [2]*Port // by side
	clock func() time.Duration
	tap   func(*Event)
	hosts []netip.Addr
	poll  poller // used by Run alone

	mu          sync.Mutex // guards all below
	links       [2]link    // by the side they lead to
	last        [2]time.Duration
	holds       []*Hold
	alterations []alteration
	answers     []*answering
	released    queue // on their way back from a Hold
	pool        pool
	event       Event
	wake        func() // ends the sleep of Run; nil while it does not run
}

// link is one direction of the wire.
type link struct {
	to      Side
	shape   shaper
	due     time.Duration // of the last frame that entered the queue
	queue   queue         // in the order of their due times
	traffic [classes]Traffic
	retries uint64
}

// New returns a wire that does nothing until Run, and at first only forwards.
func New(c Config) *Wire {
	w := &Wire{
		ports: [2]*Port{c.Client, c.Server},
		clock: c.Clock,
		tap:   c.Tap,
		hosts: c.Hosts,
	}
	for _, to := range []Side{evidence.ClientSide, evidence.ServerSide} {
		w.links[index(to)].to = to
		w.Shape(to, Shape{})
	}
	return w
}

// forward delivers what is due, and returns how long nothing will be: until
// the next frame is due, or negative for as long as nothing happens.
func (w *Wire) forward(ctx context.Context) (idle time.Duration, err error) {
	for {
		select {
		case <-ctx.Done():
			return 0, nil
		default:
		}
		// What came onto the wire is shown before what is delivered next:
		// so the stamps of a side stay in order.
		w.take(evidence.ClientSide)
		w.take(evidence.ServerSide)
		idle, err := w.deliver()
		if idle != 0 || err != nil {
			return idle, err
		}
	}
}

// take moves what arrived from one side off the ring, one ringful at most.
func (w *Wire) take(from Side) {
	ring := &w.ports[index(from)].ring
	for range ring.slots {
		if !ring.ready() {
			return
		}
		w.takeOne(from, ring)
	}
}

func (w *Wire) takeOne(from Side, ring *ring) {
	w.mu.Lock()
	defer w.mu.Unlock() // also if the Tap panics: Run's end waits for the lock
	if a := ring.arrival(); !a.outgoing {
		w.enter(from, a)
	}
	ring.release()
}

// enter shows a frame that came from one side, and sends it on its way.
func (w *Wire) enter(from Side, a arrival) {
	to := opposite(from)
	l := &w.links[index(to)]
	f := w.pool.get(a.data)
	f.to = to
	f.tcp = capture.Decode(f.data, &f.packet)
	f.class = w.classify(f)
	w.alter(f)

	// The clock is read first, so that a stamp is never too late. A step of
	// the realtime clock meanwhile moves it no further than it may lie.
	now := w.clock()
	lay := time.Duration(time.Now().UnixNano() - a.stamp)
	t := w.stamp(from, min(now-lay, now))
	l.traffic[f.class].Sent++
	w.show(Sent, from, t, f)

	lose, duplicate := l.shape.chance()
	switch {
	case !a.whole || w.pool.full():
		l.traffic[f.class].Refused++
		w.end(Refused, from, t, f)
	case lose, l.shape.tooLarge(f):
		l.traffic[f.class].Lost++
		w.end(Lost, from, t, f)
	default:
		if a := w.answered(f); a != nil {
			l.traffic[f.class].Lost++
			w.reply(a, f, t)
			w.end(Lost, from, t, f)
			return
		}
		var second *frame
		if duplicate {
			second = w.pool.copy(f)
		}
		w.admit(f, t)
		if second != nil {
			l.traffic[second.class].Duplicated++
			w.show(Duplicated, from, t, second)
			w.admit(second, t)
		}
	}
}

// admit holds a frame if a rule says so; else it is scheduled.
func (w *Wire) admit(f *frame, t time.Duration) {
	for _, h := range w.holds {
		if f.tcp && h.to == f.to && h.match(&f.packet) {
			h.frames = append(h.frames, f)
			w.links[index(f.to)].traffic[f.class].Held++
			w.show(Held, opposite(f.to), t, f)
			return
		}
	}
	w.schedule(f, t)
}

// schedule puts a frame that starts its way at t behind those before it.
func (w *Wire) schedule(f *frame, t time.Duration) {
	l := &w.links[index(f.to)]
	l.due = max(l.due, t+l.shape.Delay)
	f.due = l.due
	l.queue.push(f)
	l.traffic[f.class].InFlight++
}

// The kernel refuses a frame now and then in a SYN flood (ENOBUFS, about one of
// 200,000 on Linux 6.18, while "dropped" in /proc/net/softnet_stat rises):
// likely because the input queue of the CPU is full (net.core.netdev_max_backlog,
// 1000 frames). It is written again for 10 ms before it counts as refused.
const (
	retryAfter = 50 * time.Microsecond
	maxTries   = 200
)

// deliver writes the frame that is due first. It returns 0 if it did, else how
// long until one is due, or a negative duration if there is none.
func (w *Wire) deliver() (idle time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readmit()
	l := &w.links[0]
	if o := &w.links[1]; l.queue.empty() || !o.queue.empty() && o.queue.head.due < l.queue.head.due {
		l = o
	}
	if l.queue.empty() {
		return -1, nil
	}
	now := w.clock()
	if wait := l.queue.head.due - now; wait > 0 {
		return wait, nil
	}
	// The stamp is from before the write: the answer of the other side's
	// kernel is on its way, and stamped, before the write returns.
	t := w.stamp(l.to, now)
	f := l.queue.head
	refused, err := w.ports[index(l.to)].send(f.data)
	if refused && err == nil && f.tries < maxTries {
		f.tries++
		f.due = now + retryAfter
		l.retries++
		return 0, nil
	}
	l.queue.pop()
	count := &l.traffic[f.class]
	count.InFlight--
	if refused {
		count.Refused++
		from := opposite(l.to)
		w.end(Refused, from, w.stamp(from, now), f)
		return 0, err
	}
	count.Delivered++
	w.end(Delivered, l.to, t, f)
	return 0, nil
}

// readmit lets the released frames enter the wire anew.
func (w *Wire) readmit() {
	for !w.released.empty() {
		f := w.released.pop()
		from := opposite(f.to)
		t := w.stamp(from, w.clock())
		w.links[index(f.to)].traffic[f.class].InFlight--
		w.show(Released, from, t, f)
		w.schedule(f, t)
	}
}

// stamp returns t, or the last stamp of that side if t would go back behind it.
func (w *Wire) stamp(side Side, t time.Duration) time.Duration {
	last := &w.last[index(side)]
	*last = max(*last, t)
	return *last
}

// show reports to the Tap.
func (w *Wire) show(k Kind, seen Side, t time.Duration, f *frame) {
	w.event = Event{Kind: k, T: t, Side: seen, To: f.to, Frame: f.data}
	if f.tcp {
		f.packet.T, f.packet.Side = t, seen // also for the rules
		w.event.Packet = &f.packet
	}
	if w.tap != nil {
		w.tap(&w.event)
	}
}

// end reports the end of a frame to the Tap, and gives it back.
func (w *Wire) end(k Kind, seen Side, t time.Duration, f *frame) {
	w.show(k, seen, t, f)
	w.pool.put(f)
}
