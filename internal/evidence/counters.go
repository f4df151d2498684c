package evidence

import "time"

// Stage is a part of the handshake that can be struck.
type Stage uint8

// A SYN, a SYN-ACK, and the final ACK or data or FIN in its place.
const (
	StageSYN Stage = iota
	StageSYNACK
	StageACK
	Stages
)

// Witness is the witness of a segment's drop or loss: which counter moved, or what else.
type Witness uint8

// Counters are by the names of the kernel (net/ipv4/proc.c).
const (
	NoWitness     Witness = iota
	Overflows             // ListenOverflows
	QFull                 // TCPReqQFullDrop; of a cookie, TCPReqQFullDoCookies
	DropsReserved         // ListenDrops alone, with no more room than is reserved (Listener.reserved)
	DropsAlone            // ListenDrops alone
	Deferred              // TCPDeferAcceptDrop
	FilterTook            // a packet filter's counter
	SumErrors             // InCsumErrors
	ReversePath           // IPReversePathFilter
	NoCounter             // no counter, and what the server did later shows that it made no connection
	WireLost              // the wire
	TooLate               // its request has expired, and it had not come
)

// Counters are what the counters of the server's host and the wire showed.
type Counters struct {
	Taken     bool // nothing kept the server from making a connection of the final ACK
	NoCookie  bool // it did not answer a SYN with a cookie
	Aborted   bool // it reset since its queue was full: EmbryonicRsts moved with ListenOverflows (tcp_abort_on_overflow)
	Rejected  bool // the SYN cookie did not check
	Embryonic bool // the client's RST ended the request

	Still   [Stages]Still // when the first packet of the stage came
	Strikes [Stages]Strike
}

// Strike is the first time that counters or the wire showed that a packet of a stage was
// dropped or lost.
type Strike struct {
	Witness Witness // Untold if they never did
	Segment Segment // which was struck; SegOther for a SYN-ACK
	N       int32   // how many of the stage were
	At      Moment
	Since   time.Duration // the first of them, whatever its witness
}

// Still is a set of counters that did not move, so that what they count has happened to
// nobody.
type Still uint8

// Which counters stood still.
const (
	StillOverflows Still = 1 << iota
	StillQFull
	StillDrops // ListenDrops, but for those that the other two explain
	StillDeferred
)

// Has reports whether all of the given counters stood still.
func (s Still) Has(o Still) bool { return s&o == o }

// strike notes that a packet was dropped or lost. The first one of its stage
// counts, with one exception: a full accept queue comes before an earlier loss of
// the final ACK, which would have been made good, and before TCP_DEFER_ACCEPT,
// which drops the bare ACK by design.
func (a *Attempt) strike(s Stage, witness Witness, segment Segment, m Moment) {
	st := &a.Counters.Strikes[s]
	if st.N++; st.N == 1 {
		st.Since = m.T
	}
	if st.Witness == Deferred && witness == Overflows {
		st.Since = m.T // what was deferred was not late
	}
	if st.Witness == NoWitness || s == StageACK && witness == Overflows && st.Witness != Overflows {
		st.Witness, st.Segment, st.At = witness, segment, m
	}
}

// RuleOut notes which counters stood still when a segment came, with others that they may
// have moved for.
func (a *Attempt) RuleOut(kind Segment, x *Delta) {
	var still Still
	if x.ListenOverflows == 0 {
		still |= StillOverflows
	}
	if x.TCPReqQFullDrop == 0 {
		still |= StillQFull
	}
	if x.ListenDrops <= x.ListenOverflows+x.TCPReqQFullDrop {
		still |= StillDrops
	}
	if x.TCPDeferAcceptDrop == 0 {
		still |= StillDeferred
	}
	if kind == SegSYN && x.SyncookiesSent == 0 {
		a.Counters.NoCookie = true
	}
	switch {
	case kind == SegSYN && a.Client.SYNIn.N <= 1:
		a.Counters.Still[StageSYN] = still
	case kind != SegSYN && a.Client.ACKIn.N <= 1:
		a.Counters.Still[StageACK] = still
	}
}

// Each is what counters show about each of several segments that they moved for, of which so many
// followed a SYN: where it adds up for all of them, which is reported.
func (x *Delta) Each(n, acks int) (each Delta, adds bool) {
	switch {
	case *x == each:
	case x.ListenDrops == n && x.ListenOverflows == n && x.SyncookiesRecv == 0 && (x.EmbryonicRsts == 0 || x.EmbryonicRsts == acks && acks == n):
		each = Delta{ListenDrops: 1, ListenOverflows: 1, EmbryonicRsts: min(1, x.EmbryonicRsts)}
	case acks == 0 && x.ListenDrops == n && x.TCPReqQFullDrop == n:
		each = Delta{ListenDrops: 1, TCPReqQFullDrop: 1}
	case acks == 0 && x.ListenDrops == n && x.ListenOverflows == 0 && x.TCPReqQFullDrop == 0:
		each = Delta{ListenDrops: 1}
	default:
		return each, false
	}
	return each, true
}

// elsewhere is where a segment was dropped before it came to the listener.
func (x *Delta) elsewhere() Witness {
	switch {
	case x.Filtered > 0:
		return FilterTook
	case x.InCsumErrors > 0:
		return SumErrors
	case x.IPReversePathFilter > 0:
		return ReversePath
	}
	return NoWitness
}

// React takes what the counters did for one segment alone, which was seen at that moment.
func (a *Attempt) React(kind Segment, at Moment, x *Delta) {
	switch kind {
	case SegSYN:
		a.reactSYN(at, x)
	case SegRST:
		if x.EmbryonicRsts > 0 {
			a.Counters.Embryonic = true
		}
	default:
		a.reactACK(kind, at, x)
	}
}

// reactSYN follows the order of tests of tcp_conn_request (net/ipv4/tcp_input.c).
// Up to Linux 4.4 a cookie that is sent counts as a drop, too.
func (a *Attempt) reactSYN(at Moment, x *Delta) {
	switch {
	case x.SyncookiesSent > 0:
		a.Held.Cookie = true
		n := Note{What: SentCookie}
		switch s := &a.Scene.Settings; {
		case s.CookiesKnown && s.Cookies == 2:
			n.Always = true
		case x.TCPReqQFullDoCookies > 0:
			n.Witness, n.Always = QFull, !s.CookiesKnown
			a.On.measure(&n)
			n.Always = n.Always && !n.Measured
		}
		a.note(n, at.T, at.Number)
		a.remark(at.Number, n)
	case x.TCPReqQFullDrop > 0:
		a.drop(SegSYN, at, QFull)
	case x.ListenOverflows > 0:
		a.drop(SegSYN, at, Overflows)
	case x.ListenDrops > 0 && a.On.reserved():
		a.drop(SegSYN, at, DropsReserved)
	case x.ListenDrops > 0:
		a.drop(SegSYN, at, DropsAlone)
	case x.elsewhere() != NoWitness:
		a.drop(SegSYN, at, x.elsewhere())
	default:
		a.RuleOut(SegSYN, x)
	}
}

// reactACK follows tcp_check_req (net/ipv4/tcp_minisocks.c) for a request and
// cookie_v4_check (net/ipv4/syncookies.c) for a cookie. What comes after a request
// has expired is checked as a cookie, too, if any were sent of late: it tells
// nothing of how this handshake was kept.
func (a *Attempt) reactACK(kind Segment, at Moment, x *Delta) {
	checked := x.SyncookiesFailed > 0 || x.SyncookiesRecv > 0
	if checked && a.Kept() {
		return
	}
	if checked {
		a.Held.Cookie = true
	}
	switch {
	case x.SyncookiesFailed > 0:
		a.Counters.Rejected = true
	case x.ListenOverflows > 0:
		if x.EmbryonicRsts > 0 {
			a.Counters.Aborted = true
		}
		a.drop(kind, at, Overflows)
	case x.TCPDeferAcceptDrop > 0:
		a.drop(kind, at, Deferred)
	case x.elsewhere() != NoWitness:
		a.drop(kind, at, x.elsewhere())
	case x.ListenDrops > 0:
		a.drop(kind, at, DropsAlone)
	case x.SyncookiesRecv > 0 || !(a.Held.Cookie || a.Samples.Gone) && a.Server.SYNACK.N > 0 && a.Server.Reset.N == 0 && !a.On.Closed():
		a.RuleOut(kind, x)
		a.Held.Since = at.T
		a.Counters.Taken = true
	}
}

// drop notes that the server dropped a segment, as its counters say.
func (a *Attempt) drop(kind Segment, at Moment, witness Witness) {
	if witness == Overflows {
		a.On.Overflowed = true
	}
	n := Note{What: Dropped, Segment: kind, Witness: witness}
	a.On.measure(&n)
	a.note(n, at.T, at.Number)
	n.Again = kind == SegACK && a.Client.ACKIn.N > 1
	a.remark(at.Number, n)
	s := StageACK
	if kind == SegSYN {
		if s = StageSYN; a.Server.SYNACK.N > 0 {
			return
		}
	} else {
		a.Held.Ignored = true
		a.Held.Futile = at.T
	}
	a.strike(s, witness, kind, at)
}

// TakeFate takes what the wire did with a segment that was sent.
func (a *Attempt) TakeFate(p *Packet, fromClient bool, f Fate) {
	if f == FateDuplicated {
		return
	}
	n := Note{What: Lost, Segment: SegOther}
	if f == FateHeld {
		n.What = HeldBack
	}
	switch {
	case fromClient && p.Flags.Has(SYN):
		n.Segment = SegSYN
	case fromClient && !p.Flags.Has(RST) && !a.HasConnection():
		n.Segment = kindOf(p)
	case fromClient || !p.Flags.Has(SYN|ACK) || a.Server.SYNACKIn.N > 0:
		return // nothing that the handshake waits for
	}
	a.note(n, p.T, p.Number)
	a.remark(p.Number, n)
	if f == FateLost {
		a.lose(n.Segment, Moment{p.T, p.Number})
	}
}

// lose notes that the wire lost a segment that the handshake waits for; SegOther is the SYN-ACK.
func (a *Attempt) lose(s Segment, at Moment) {
	switch {
	case s == SegOther:
		a.strike(StageSYNACK, WireLost, s, at)
	case s != SegSYN:
		if s == SegACK || !a.bareACKUnderWay(at) {
			a.strike(StageACK, WireLost, s, at)
		}
	case a.Server.SYNACK.N == 0:
		a.strike(StageSYN, WireLost, s, at)
	}
}

// bareACKUnderWay reports that the bare ACK, which the client sent before, was neither lost
// nor has it come: it will make the connection.
func (a *Attempt) bareACKUnderWay(now Moment) bool {
	return !a.Client.DataFirst && a.Client.ACK.N > 0 && a.Client.ACK.First < now.T && a.Client.ACKIn.N == 0 && a.Counters.Strikes[StageACK].N == 0
}
