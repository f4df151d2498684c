package handshake

import "listenq/internal/evidence"

// maxDelivered bounds the packets of one Reaction that are kept.
const maxDelivered = 4096

// delivery is a segment of a client that reached the server and has not been
// explained by counters yet.
type delivery struct {
	a    *Attempt
	kind evidence.Segment
	at   evidence.Moment
}

// deliver keeps a segment until the next Reaction shows what the server did with it.
func (t *Tracker) deliver(d delivery) {
	if d.kind == evidence.SegOther || d.a.seen.HasConnection() {
		d.a.settle(d.at.T)
		return
	}
	if len(t.delivered) == maxDelivered {
		t.overrun = true
		d.a.settle(d.at.T)
		return
	}
	t.delivered = append(t.delivered, d)
}

// Reaction takes how the counters moved since the last one. It comes after the
// packets that were delivered to the server meanwhile.
func (t *Tracker) Reaction(r evidence.Reaction) {
	t.scene.At(r.T)
	switch {
	case t.overrun:
		for _, d := range t.delivered {
			d.a.seen.RuleOut(d.kind, &r.Delta)
		}
	case r.Packets == 1:
		for _, d := range t.delivered {
			if d.at.Number == r.Number {
				d.react(&r.Delta)
			}
		}
	default:
		t.share(&r.Delta)
	}
	for _, d := range t.delivered {
		d.a.settle(d.at.T)
	}
	clear(t.delivered)
	t.delivered, t.overrun = t.delivered[:0], false
}

func (d *delivery) react(x *evidence.Delta) { d.a.seen.React(d.kind, d.at, x) }

// share explains several packets by one movement, where it adds up for all of
// those that it can be about; else it shows only what happened to none of them.
func (t *Tracker) share(x *evidence.Delta) {
	var open []delivery
	acks, cookies := 0, t.allCookies(x)
	for _, d := range t.delivered {
		switch e := &d.a.seen; {
		case d.kind == evidence.SegRST:
			continue
		case d.kind == evidence.SegSYN && cookies:
			d.react(&evidence.Delta{SyncookiesSent: 1, TCPReqQFullDoCookies: min(1, x.TCPReqQFullDoCookies)})
			continue
		case d.kind == evidence.SegSYN && e.Server.SYNACK.N > 0:
			if x.SyncookiesSent == 0 {
				e.Counters.NoCookie = true
			}
			continue
		case e.HasConnection():
			continue
		}
		if d.kind != evidence.SegSYN {
			acks++
		}
		open = append(open, d)
	}
	each, adds := x.Each(len(open), acks)
	for _, d := range open {
		if adds {
			d.react(&each)
		} else {
			d.a.seen.RuleOut(d.kind, x)
		}
	}
}

// allCookies reports whether each SYN was answered with a cookie, those of requests
// that are kept aside.
func (t *Tracker) allCookies(x *evidence.Delta) bool {
	syns := 0
	for _, d := range t.delivered {
		if d.kind == evidence.SegSYN && !d.a.seen.Kept() {
			syns++
		}
	}
	return syns > 0 && x.SyncookiesSent >= syns
}
