package handshake

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// Config says what a Tracker will be given.
type Config struct {
	Sides       evidence.Side                  // where packets are seen
	Sockets     bool                           // socket states, listeners and calls are given, too; and Reactions, at least now and then
	MaxAttempts int                            // beyond it attempts are folded into counts; see Folded; 0: no bound
	Done        func(*Attempt, *judge.Verdict) // if set, is given each attempt before it is folded, or at Close; of packets alone it is the last that is reported of it
	Real        []netip.Addr                   // of clients that are not spoofed, whatever is seen of them
}

// Tracker takes observations in the order of their time and keeps one Attempt
// for each connection that somebody tried to open.
type Tracker struct {
	cfg       Config
	scene     *evidence.Scene
	flows     map[flowKey]flow
	recent    [recentFlows]recentFlow
	order     []*Attempt // by start; nil where one was folded
	folded    int        // how many of order are nil
	next      int        // order[:next] was looked at for folding
	listeners map[netip.AddrPort]*listener
	wildcards map[netip.AddrPort]*listener // those of them that were sampled
	delivered []delivery                   // to the server since the last Reaction
	overrun   bool                         // more were delivered than it holds
	outlook   judge.Outlook                // of the attempt that the last RST of a server was for
	undecided []*Attempt                   // reset by the server, and samples will show whether with its listener
	dead      []*Attempt                   // reset by the client; some of them while queued

	packets, weighed int  // that were given; and when the queues were weighed
	trouble          int  // of the scene, then
	visits           int  // that are kept of folded attempts
	folding          bool // attempts are being folded, and more is to come
}

// New returns a Tracker that has seen nothing.
func New(cfg Config) *Tracker {
	return &Tracker{
		cfg: cfg, scene: evidence.NewScene(cfg.Sides, cfg.Sockets),
		flows: map[flowKey]flow{}, listeners: map[netip.AddrPort]*listener{}, wildcards: map[netip.AddrPort]*listener{},
	}
}

// Attempt returns the latest attempt between these two; nil if none was seen
// or it was folded.
func (t *Tracker) Attempt(client, server netip.AddrPort) *Attempt {
	return t.of(client, server)
}

// Attempts yields the attempts by their start. Nothing may be given to the
// Tracker meanwhile.
func (t *Tracker) Attempts() iter.Seq[*Attempt] {
	return func(yield func(*Attempt) bool) {
		for _, a := range t.order {
			if a != nil && !yield(a) {
				return
			}
		}
	}
}

// End says that nothing but what was given was seen until then: the observation went on
// after the last packet.
func (t *Tracker) End(at time.Duration) {
	t.scene.At(at)
	t.packets++ // what is due and has not come is evidence
}

// Packet takes a segment. With both sides watched each is given twice: when it
// was sent, and when it arrived. What is not TCP's handshake costs little.
func (t *Tracker) Packet(p evidence.Packet) { t.Take(&p) }

// Take is Packet without a copy. It does not keep p.
func (t *Tracker) Take(p *evidence.Packet) {
	s := t.scene
	s.At(p.T)
	t.packets++
	s.ACKs = s.ACKs || p.Flags&(evidence.SYN|evidence.RST|evidence.FIN) == 0
	s.Last.Begin(p.Number)
	a, fromClient := t.find(p)
	if a == nil {
		return
	}
	if p.Flags.Has(evidence.RST) {
		t.takeRST(a, p, fromClient)
		return
	}
	kind := a.seen.Take(p, fromClient)
	if fromClient && s.Sockets && p.Side&evidence.ServerSide != 0 {
		t.deliver(delivery{a, kind, evidence.Moment{T: p.T, Number: p.Number}}) // what the server did with it is in a Reaction
		return
	}
	a.settle(p.T)
}

// takeRST takes a segment with RST. Why an end has reset may be shown later, by samples.
func (t *Tracker) takeRST(a *Attempt, p *evidence.Packet, fromClient bool) {
	e := &a.seen
	sent, came, belied := e.Server.Reset.N, e.Client.ResetIn.N, e.Server.Belied
	kind := e.Take(p, fromClient)
	if !fromClient {
		if e.Server.Belied && !belied {
			a.revokeQueued()
		}
		if t.scene.Sockets && sent == 0 && e.Server.Reset.N > 0 && !e.Server.RefusedSYN && !e.Accepted() && (!e.Samples.Gone || e.Samples.Orphaned) {
			t.suspect(a)
		}
		t.outlook = judge.Stands(e)
		a.settle(p.T)
		return
	}
	if t.scene.Sockets && came == 0 && e.Client.ResetIn.N > 0 && !e.Accepted() {
		t.dead = append(t.dead, a)
	}
	if t.scene.Sockets && p.Side&evidence.ServerSide != 0 {
		t.deliver(delivery{a, kind, evidence.Moment{T: p.T, Number: p.Number}})
		return
	}
	a.settle(p.T)
}

// find returns the attempt that a segment belongs to; nil for one that belongs to none.
func (t *Tracker) find(p *evidence.Packet) (a *Attempt, fromClient bool) {
	k, direction := keyOf(p.Src, p.Dst)
	f := t.flow(&k)
	if p.Flags.Has(evidence.SYN) && !p.Flags.Has(evidence.ACK) {
		return t.findSYN(f[direction], f[1-direction], p), true
	}
	if a := f[direction]; a != nil {
		return a, true
	}
	if a := f[1-direction]; a != nil {
		return a, false
	}
	there, back := evidence.Ends{Client: p.Src, Server: p.Dst}, evidence.Ends{Client: p.Dst, Server: p.Src}
	switch {
	case p.Flags.Has(evidence.RST):
		return nil, false
	case p.Flags.Has(evidence.SYN):
		a := t.open(back, p.T)
		if a != nil {
			a.seen.Client.ISN = p.Ack - 1
		}
		return a, false
	case t.serves(p.Src) || !t.serves(p.Dst) && p.Src.Port() < p.Dst.Port():
		return t.midway(back, p.T), false
	}
	return t.midway(there, p.T), true
}

// findSYN returns the attempt of a SYN: a new one if its sequence number is. The other
// is the attempt of the other direction.
func (t *Tracker) findSYN(a, other *Attempt, p *evidence.Packet) *Attempt {
	switch {
	case a == nil || a.seen.Midway || a.seen.Client.ISN != p.Seq:
		a = t.start(evidence.Ends{Client: p.Src, Server: p.Dst}, p.T)
		a.seen.Client.ISN = p.Seq
	case !a.seen.Client.SawSYN && a.seen.Server.SYNACK.N == 0:
		a.seen.Client.ISN = p.Seq
	}
	if p.Src == p.Dst {
		other = a
	}
	if other != nil && other.seen.Server.SYNACK.N == 0 && !other.seen.Midway {
		a.seen.Crossed, other.seen.Crossed = true, true
	}
	return a
}

// open starts an attempt whose SYN was not seen; none if it may be one that was folded.
func (t *Tracker) open(e evidence.Ends, now time.Duration) *Attempt {
	if l := t.listener(e.Server); l.sum.tally.Attempts > 0 {
		return nil
	}
	return t.start(e, now)
}

// midway starts an attempt of which nothing of the handshake was seen.
func (t *Tracker) midway(e evidence.Ends, now time.Duration) *Attempt {
	a := t.open(e, now)
	if a != nil {
		a.seen.Midway = true
	}
	return a
}

func (t *Tracker) start(e evidence.Ends, now time.Duration) *Attempt {
	a := &Attempt{listener: t.listener(e.Server)}
	a.seen.Begin(&a.listener.seen, e, now)
	a.history = a.fewChanges[:0]
	a.seen.Real = slices.Contains(t.cfg.Real, e.Client.Addr())
	k, direction := keyOf(e.Client, e.Server)
	t.put(&k, direction, a)
	t.order = append(t.order, a)
	t.fold()
	return a
}
