package handshake

import (
	"iter"
	"net/netip"
	"slices"
	"time"
)

// Config says what a Tracker will be given.
type Config struct {
	Sides       Side                     // where packets are seen
	Sockets     bool                     // socket states, listeners and calls are given, too; and Reactions, at least now and then
	MaxAttempts int                      // beyond it attempts are folded into counts; see Folded; 0: no bound
	Done        func(*Attempt, *Verdict) // if set, is given each attempt before it is folded, or at Close; of packets alone it is the last that is told of it
	Real        []netip.Addr             // of clients that are not spoofed, whatever is seen of them
}

// Tracker takes observations in the order of their time and keeps one Attempt
// for each connection that somebody tried to open.
type Tracker struct {
	cfg        Config
	now        time.Duration
	flows      map[flowKey]flow
	recent     [recentFlows]recentFlow
	order      []*Attempt // by start; nil where one was folded
	folded     int        // how many of order are nil
	next       int        // order[:next] was looked at for folding
	listeners  map[netip.AddrPort]*listener
	wildcards  map[netip.AddrPort]*listener // those of them that were sampled
	reserve    reserve
	synRetries int        // of clients; 0 if not known
	delivered  []delivery // to the server since the last Reaction
	overrun    bool       // more were delivered than it holds
	last       remark     // of the packet that was given last
	undecided  []*Attempt // reset by the server, and samples will tell whether with its listener
	dead       []*Attempt // reset by the client; some of them while queued

	losing map[netip.Addr]struct{} // clients on whose way the network loses packets, as packets alone tell
	probes map[netip.Addr]probe    // by client
	strict bool                    // leave no reading out for want of a trace

	acks bool // something was seen that is neither SYN nor RST nor FIN

	packets, weighed int  // that were given; and when the queues were weighed
	trouble          int  // times that something was struck since
	visits           int  // that are kept of folded attempts
	folding          bool // attempts are being folded, and more is to come

	// Samples of one moment are one look at everything. It is complete once a later one begins.
	sampled, complete time.Duration
}

type pair struct{ client, server netip.AddrPort }

// New returns a Tracker that has seen nothing.
func New(cfg Config) *Tracker {
	return &Tracker{cfg: cfg, flows: map[flowKey]flow{}, listeners: map[netip.AddrPort]*listener{}, wildcards: map[netip.AddrPort]*listener{}, losing: map[netip.Addr]struct{}{}, probes: map[netip.Addr]probe{}}
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
	t.at(at)
	t.packets++ // what is due and has not come tells something
}

// Packet takes a segment. With both sides watched each is given twice: when it
// was sent, and when it arrived. What is not TCP's handshake costs little.
func (t *Tracker) Packet(p Packet) { t.Take(&p) }

// Take is Packet without a copy. It does not keep p.
func (t *Tracker) Take(p *Packet) {
	t.at(p.T)
	t.packets++
	t.acks = t.acks || p.Flags&(SYN|RST|FIN) == 0
	t.last.number, t.last.note.what = p.Number, noWhat
	a, fromClient := t.find(p)
	if a == nil {
		return
	}
	a.seen = p.T
	from, to := ServerSide, ClientSide
	if fromClient {
		from, to = to, from
	}
	seen := sight{
		sent:    p.Side&from != 0 || t.cfg.Sides&from == 0,
		arrived: p.Side&to != 0,
	}
	if !fromClient {
		a.listener.heard = true
		a.fromServer(p, seen)
		a.settle(p.T)
		return
	}
	a.listener.asked = true
	kind := a.fromClient(p, seen)
	if seen.arrived && t.cfg.Sockets {
		t.deliver(delivery{a, kind, moment{p.T, p.Number}}) // what the server made of it is told by a Reaction
		return
	}
	a.settle(p.T)
}

// sight is how a segment was seen. Where only its receiver's side is watched,
// its arrival is taken for its sending, too.
type sight struct{ sent, arrived bool }

// find returns the attempt that a segment belongs to; nil for one that belongs to none.
func (t *Tracker) find(p *Packet) (a *Attempt, fromClient bool) {
	k, direction := keyOf(p.Src, p.Dst)
	f := t.flow(&k)
	if p.Flags.Has(SYN) && !p.Flags.Has(ACK) {
		return t.findSYN(f[direction], f[1-direction], p), true
	}
	if a := f[direction]; a != nil {
		return a, true
	}
	if a := f[1-direction]; a != nil {
		return a, false
	}
	there, back := pair{p.Src, p.Dst}, pair{p.Dst, p.Src}
	switch {
	case p.Flags.Has(RST):
		return nil, false
	case p.Flags.Has(SYN):
		a := t.open(back, p.T)
		if a != nil {
			a.isn = p.Ack - 1
		}
		return a, false
	case t.serves(p.Src) || !t.serves(p.Dst) && p.Src.Port() < p.Dst.Port():
		return t.midway(back, p.T), false
	}
	return t.midway(there, p.T), true
}

// findSYN returns the attempt of a SYN: a new one if its sequence number is. The other
// is the attempt of the other direction.
func (t *Tracker) findSYN(a, other *Attempt, p *Packet) *Attempt {
	switch {
	case a == nil || a.is(midway) || a.isn != p.Seq:
		a = t.start(pair{p.Src, p.Dst}, p.T)
		a.isn = p.Seq
	case !a.is(sawSYN) && a.synack.n == 0:
		a.isn = p.Seq
	}
	if p.Src == p.Dst {
		other = a
	}
	if other != nil && other.synack.n == 0 && !other.is(midway) {
		a.set(crossed)
		other.set(crossed)
	}
	return a
}

// open starts an attempt whose SYN was not seen; none if it may be one that was folded.
func (t *Tracker) open(p pair, now time.Duration) *Attempt {
	if l := t.listener(p.server); l.tally.attempts > 0 {
		return nil
	}
	return t.start(p, now)
}

// midway starts an attempt of which nothing of the handshake was seen.
func (t *Tracker) midway(p pair, now time.Duration) *Attempt {
	a := t.open(p, now)
	if a != nil {
		a.set(midway)
	}
	return a
}

func (t *Tracker) start(p pair, now time.Duration) *Attempt {
	a := &Attempt{t: t, pair: p, started: now, listener: t.listener(p.server)}
	a.notes, a.history = a.fewNotes[:0], a.fewChanges[:0]
	if slices.Contains(t.cfg.Real, p.client.Addr()) {
		a.set(real)
	}
	k, direction := keyOf(p.client, p.server)
	t.put(&k, direction, a)
	t.order = append(t.order, a)
	t.fold()
	return a
}

func (t *Tracker) at(now time.Duration) { t.now = max(t.now, now) }

// unmap makes an address of a dual-stack socket that of its packets.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
