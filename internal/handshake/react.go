package handshake

// delivery is a segment of a client that reached the server and has not been
// explained by counters yet.
type delivery struct {
	a    *Attempt
	kind segment
	at   moment
}

// maxDelivered bounds the packets of one Reaction that are told apart.
const maxDelivered = 4096

// deliver keeps a segment until the next Reaction tells what the server did with it.
func (t *Tracker) deliver(d delivery) {
	if d.kind == segOther || d.a.hasConnection() {
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
func (t *Tracker) Reaction(r Reaction) {
	t.at(r.T)
	switch {
	case t.overrun:
		for _, d := range t.delivered {
			d.a.ruleOut(d.kind, &r.Delta)
		}
	case r.Packets == 1:
		for _, d := range t.delivered {
			if d.at.number == r.Number {
				d.a.react(d, &r.Delta)
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

// share explains several packets by one movement, where it adds up for all of
// those that it can be about; else it tells only what happened to none of them.
func (t *Tracker) share(x *Delta) {
	var open []delivery
	acks, cookies := 0, t.allCookies(x)
	for _, d := range t.delivered {
		switch {
		case d.kind == segRST:
			continue
		case d.kind == segSYN && cookies:
			d.a.react(d, &Delta{SyncookiesSent: 1, TCPReqQFullDoCookies: min(1, x.TCPReqQFullDoCookies)})
			continue
		case d.kind == segSYN && d.a.synack.n > 0:
			if x.SyncookiesSent == 0 {
				d.a.set(noCookie)
			}
			continue
		case d.a.hasConnection():
			continue
		}
		if d.kind != segSYN {
			acks++
		}
		open = append(open, d)
	}
	var each Delta
	switch n := len(open); {
	case *x == each:
	case x.ListenDrops == n && x.ListenOverflows == n && x.SyncookiesRecv == 0 && (x.EmbryonicRsts == 0 || x.EmbryonicRsts == acks && acks == n):
		each = Delta{ListenDrops: 1, ListenOverflows: 1, EmbryonicRsts: min(1, x.EmbryonicRsts)}
	case acks == 0 && x.ListenDrops == n && x.TCPReqQFullDrop == n:
		each = Delta{ListenDrops: 1, TCPReqQFullDrop: 1}
	case acks == 0 && x.ListenDrops == n && x.ListenOverflows == 0 && x.TCPReqQFullDrop == 0:
		each = Delta{ListenDrops: 1}
	default:
		for _, d := range open {
			d.a.ruleOut(d.kind, x)
		}
		return
	}
	for _, d := range open {
		d.a.react(d, &each)
	}
}

// allCookies reports whether each SYN was answered with a cookie, those of requests
// that are kept aside.
func (t *Tracker) allCookies(x *Delta) bool {
	syns := 0
	for _, d := range t.delivered {
		if d.kind == segSYN && !d.a.kept() {
			syns++
		}
	}
	return syns > 0 && x.SyncookiesSent >= syns
}

// ruleOut notes which causes have not happened to anyone.
func (a *Attempt) ruleOut(kind segment, x *Delta) {
	var out causes
	if x.ListenOverflows == 0 {
		out |= acceptFull
	}
	if x.TCPReqQFullDrop == 0 {
		out |= synFull
	}
	if x.ListenDrops <= x.ListenOverflows+x.TCPReqQFullDrop {
		out |= synReserve
	}
	if x.TCPDeferAcceptDrop == 0 {
		out |= deferred
	}
	if kind == segSYN && x.SyncookiesSent == 0 {
		a.set(noCookie)
	}
	switch {
	case kind == segSYN && a.synIn.n <= 1:
		a.ruledOut[stageSYN] = out
	case kind != segSYN && a.ackIn.n <= 1:
		a.ruledOut[stageACK] = out
	}
}

// place is where a host drops what is no matter of a queue.
type place uint8

const (
	somewhere place = iota
	inFilter
	inChecksum
	inReversePath
)

// elsewhere is where a segment was dropped before it came to the listener.
func (x *Delta) elsewhere() place {
	switch {
	case x.Filtered > 0:
		return inFilter
	case x.InCsumErrors > 0:
		return inChecksum
	case x.IPReversePathFilter > 0:
		return inReversePath
	}
	return somewhere
}

// react takes what the counters did for one segment alone.
func (a *Attempt) react(d delivery, x *Delta) {
	switch d.kind {
	case segSYN:
		a.reactSYN(d, x)
	case segRST:
		if x.EmbryonicRsts > 0 {
			a.set(embryonic)
		}
	default:
		a.reactACK(d, x)
	}
}

// reactSYN follows the order of tests of tcp_conn_request (net/ipv4/tcp_input.c).
// Up to Linux 4.4 a cookie that is sent counts as a drop, too.
func (a *Attempt) reactSYN(d delivery, x *Delta) {
	switch {
	case x.SyncookiesSent > 0:
		a.set(cookie)
		n := note{what: sentCookie}
		switch r := &a.t.reserve; {
		case r.cookiesKnown && r.cookies == 2:
			n.always = true
		case x.TCPReqQFullDoCookies > 0:
			n.causes, n.always = synFull, !r.cookiesKnown
			a.listener.measure(&n, r)
			n.always = n.always && !n.measured
		}
		a.note(n, d.at.T, d.at.number)
		a.remark(d.at.number, n)
	case x.TCPReqQFullDrop > 0:
		a.drop(d, synFull, somewhere)
	case x.ListenOverflows > 0:
		a.drop(d, acceptFull, somewhere)
	case x.ListenDrops > 0:
		a.drop(d, a.t.unexplained(a.listener), somewhere)
	case x.elsewhere() != somewhere:
		a.drop(d, hostDrop, x.elsewhere())
	default:
		a.ruleOut(segSYN, x)
	}
}

// reactACK follows tcp_check_req (net/ipv4/tcp_minisocks.c) for a request and
// cookie_v4_check (net/ipv4/syncookies.c) for a cookie. What comes after a request
// has expired is checked as a cookie, too, if any were sent of late: it tells
// nothing of how this handshake was kept.
func (a *Attempt) reactACK(d delivery, x *Delta) {
	checked := x.SyncookiesFailed > 0 || x.SyncookiesRecv > 0
	if checked && a.kept() {
		return
	}
	if checked {
		a.set(cookie)
	}
	switch {
	case x.SyncookiesFailed > 0:
		a.set(rejected)
	case x.ListenOverflows > 0:
		if x.EmbryonicRsts > 0 {
			a.set(aborted)
		}
		a.drop(d, acceptFull, somewhere)
	case x.TCPDeferAcceptDrop > 0:
		a.drop(d, deferred, somewhere)
	case x.ListenDrops > 0 || x.elsewhere() != somewhere:
		a.drop(d, hostDrop, x.elsewhere())
	case x.SyncookiesRecv > 0 || !a.is(cookie|gone) && a.synack.n > 0 && a.reset.n == 0 && !a.listener.closed():
		a.ruleOut(d.kind, x)
		a.established = d.at.T
		a.set(taken)
	}
}

// drop notes that the server dropped a segment, as its counters say.
func (a *Attempt) drop(d delivery, c causes, where place) {
	if c == acceptFull {
		a.listener.overflow = true
	}
	n := note{what: dropped, segment: d.kind, causes: c, where: where}
	a.listener.measure(&n, &a.t.reserve)
	a.note(n, d.at.T, d.at.number)
	n.again = d.kind == segACK && a.ackIn.n > 1
	a.remark(d.at.number, n)
	s := stageACK
	if d.kind == segSYN {
		if s = stageSYN; a.synack.n > 0 {
			return
		}
	} else {
		a.set(ignored)
		a.futile = d.at.T
	}
	a.strike(s, c, d.kind.struck(), d.at)
}

// Fate takes what the wire did with a segment that was sent.
func (t *Tracker) Fate(p Packet, f Fate) {
	t.at(p.T)
	a, fromClient := t.of(p.Src, p.Dst), true
	if a == nil {
		a, fromClient = t.of(p.Dst, p.Src), false
	}
	if a == nil || f == FateDuplicated {
		return
	}
	at := moment{p.T, p.Number}
	n := note{what: lost, segment: segOther}
	if f == FateHeld {
		n.what = held
	}
	switch {
	case fromClient && p.Flags.Has(SYN):
		n.segment = segSYN
	case fromClient && !p.Flags.Has(RST) && !a.hasConnection():
		n.segment = kindOf(&p)
	case fromClient || !p.Flags.Has(SYN|ACK) || a.synackIn.n > 0:
		return // nothing that the handshake waits for
	}
	a.note(n, p.T, p.Number)
	a.remark(p.Number, n)
	if f == FateLost {
		a.lose(n.segment, at)
	}
	a.settle(p.T)
}

// lose notes that the wire lost a segment that the handshake waits for; segOther is the SYN-ACK.
func (a *Attempt) lose(s segment, at moment) {
	switch {
	case s == segOther:
		a.strike(stageSYNACK, netLoss, StruckSYNACK, at)
	case s != segSYN:
		a.strike(stageACK, netLoss, s.struck(), at)
	case a.synack.n == 0:
		a.strike(stageSYN, netLoss, StruckSYN, at)
	}
}
