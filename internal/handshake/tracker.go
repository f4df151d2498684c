package handshake

import (
	"iter"
	"net/netip"
	"slices"
	"time"
)

// Config says what a Tracker will be given.
type Config struct {
	Sides       Side         // where packets are seen
	Sockets     bool         // socket states, listeners and calls are given, too; and Reactions, at least now and then
	MaxAttempts int          // beyond it, attempts with one SYN and no sign of a client are folded into counts; 0: no bound
	Real        []netip.Addr // of clients that are not spoofed, whatever is seen of them
}

// Tracker takes observations in the order of their time and keeps one Attempt
// for each connection that somebody tried to open.
type Tracker struct {
	cfg        Config
	now        time.Duration
	latest     map[pair]*Attempt
	order      []*Attempt // by start; nil where one was folded
	folded     int        // how many of order are nil
	next       int        // order[:next] was looked at for folding
	listeners  map[netip.AddrPort]*listener
	reserve    reserve
	synRetries int        // of clients; 0 if not known
	delivered  []delivery // to the server since the last Reaction
	overrun    bool       // more were delivered than it holds
	last       remark     // of the packet that was given last
	undecided  []*Attempt // reset by the server, and samples will tell whether with its listener
	dead       []*Attempt // reset by the client; some of them while queued

	losing map[netip.Addr]struct{} // clients on whose way the network loses packets, as packets alone tell
	strict bool                    // leave no reading out for want of a trace

	// Samples of one moment are one look at everything. It is complete once a later one begins.
	sampled, complete time.Duration
}

type pair struct{ client, server netip.AddrPort }

// New returns a Tracker that has seen nothing.
func New(cfg Config) *Tracker {
	return &Tracker{cfg: cfg, latest: map[pair]*Attempt{}, listeners: map[netip.AddrPort]*listener{}, losing: map[netip.Addr]struct{}{}}
}

// Attempt returns the latest attempt between these two; nil if none was seen
// or it was folded.
func (t *Tracker) Attempt(client, server netip.AddrPort) *Attempt {
	return t.latest[pair{unmap(client), unmap(server)}]
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
func (t *Tracker) End(at time.Duration) { t.at(at) }

// Packet takes a segment. With both sides watched each is given twice: when it
// was sent, and when it arrived. What is not TCP's handshake costs little.
func (t *Tracker) Packet(p Packet) {
	t.at(p.T)
	t.last = remark{number: p.Number}
	a, fromClient := t.find(&p)
	if a == nil {
		return
	}
	from, to := ServerSide, ClientSide
	if fromClient {
		from, to = to, from
	}
	seen := sight{
		sent:    p.Side&from != 0 || t.cfg.Sides&from == 0,
		arrived: p.Side&to != 0,
	}
	if !fromClient {
		a.fromServer(&p, seen)
		a.settle(p.T)
		return
	}
	kind := a.fromClient(&p, seen)
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
	there, back := pair{p.Src, p.Dst}, pair{p.Dst, p.Src}
	if p.Flags.Has(SYN) && !p.Flags.Has(ACK) {
		return t.findSYN(there, back, p), true
	}
	if a := t.latest[there]; a != nil {
		return a, true
	}
	if a := t.latest[back]; a != nil {
		return a, false
	}
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

// findSYN returns the attempt of a SYN: a new one if its sequence number is.
func (t *Tracker) findSYN(there, back pair, p *Packet) *Attempt {
	a := t.latest[there]
	switch {
	case a == nil || a.is(midway) || a.isn != p.Seq:
		a = t.start(there, p.T)
		a.isn = p.Seq
	case !a.is(sawSYN) && a.synack.n == 0:
		a.isn = p.Seq
	}
	if other := t.latest[back]; other != nil && other.synack.n == 0 && !other.is(midway) {
		a.set(crossed)
		other.set(crossed)
	}
	return a
}

// open starts an attempt whose SYN was not seen; none if it may be one that was folded.
func (t *Tracker) open(p pair, now time.Duration) *Attempt {
	if l := t.listener(p.server); l.folds.Attempts > 0 {
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
	if slices.Contains(t.cfg.Real, p.client.Addr()) {
		a.set(real)
	}
	t.latest[p] = a
	t.order = append(t.order, a)
	t.fold()
	return a
}

// fold keeps the number of attempts within its bound, as far as there are any
// whose client never came back. Each is looked at once.
func (t *Tracker) fold() {
	if t.cfg.MaxAttempts <= 0 {
		return
	}
	for ; len(t.order)-t.folded > t.cfg.MaxAttempts && t.next < len(t.order)-1; t.next++ {
		a := t.order[t.next]
		if !a.untouched() {
			continue
		}
		if a.onItsWay() {
			return
		}
		a.listener.fold(a)
		if t.latest[a.pair] == a {
			delete(t.latest, a.pair)
		}
		t.order[t.next] = nil
		t.folded++
	}
	if t.folded > 1024 && t.folded > len(t.order)/2 {
		kept := slices.DeleteFunc(t.order[:t.next], func(a *Attempt) bool { return a == nil })
		t.order = slices.Delete(t.order, len(kept), t.next)
		t.next, t.folded = len(kept), 0
	}
}

func (t *Tracker) at(now time.Duration) { t.now = max(t.now, now) }

// unmap makes an address of a dual-stack socket that of its packets.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
