package handshake

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"listenq/internal/judge"
)

// Finding is what is the matter with a listener.
type Finding string

// From a full queue to nothing at all.
const (
	Overflow    Finding = "accept-queue-overflow"
	SynOverflow Finding = "syn-queue-overflow"
	Flooded     Finding = "syn-flood"  // SYNs of addresses that never come back
	Scanned     Finding = "syn-scan"   // a client looks what is open
	Reflecting  Finding = "reflection" // SYNs bear the address of a victim, which gets the answers
	Gone        Finding = "listener-closed"
	Nothing     Finding = "no-listener"
	Lossy       Finding = "network-loss"
	Filtered    Finding = "host-drop"       // no SYN is answered
	Undecided   Finding = "undecided"       // something was dropped; it is not clear by what
	Halved      Finding = "half-handshakes" // clients answer the SYN-ACK with RST: checks, or a scan
	Fine        Finding = "no-drop"         // nothing was
	Unseen      Finding = "not-enough"      // no attempt was seen from its beginning
)

// ListenerVerdict weighs all attempts on one address.
type ListenerVerdict struct {
	Address    netip.AddrPort
	Attempts   int
	Outcomes   map[Outcome]int
	Causes     map[Cause]int
	Finding    Finding
	Text       string
	Confidence Confidence
	Evidence   []Evidence  // of the first few connections that it rests on
	Full       []Interval  // when its accept queue was full, as far as that was felt
	Queue      judge.Queue // its accept queue as packets alone allow it to be reconstructed
}

// Interval is a time from the first to the last sign of something.
type Interval struct{ From, To time.Duration }

// tally is what all attempts on an address add up to.
type tally struct {
	attempts int
	outcomes map[Outcome]int
	causes   map[Cause]int

	overflowed, perhaps int        // struck by a full accept queue: surely, as far as packets can tell; or by that or by something else
	synQueue            int        // struck by the SYN queue
	unfinished          int        // clients that never came back
	bounced             int        // clients that answered the SYN-ACK with RST
	forged              int        // of them, those whose SYN came from somewhere else, by its TTL
	repeated            int        // whose SYN was sent again
	deaf                int        // that go on though nothing of the server was seen
	mute                int        // of whose client nothing was seen
	unserved            int        // that have asked for something and got nothing
	heard               int        // of whose server anything was seen
	acked               int        // whose client has sent anything after its SYN
	seenBoth            int        // of which packets of both ends were seen
	asked               int        // whose SYN-ACK came again without an ACK, or for an ACK that had come
	old, refused, sums  int        // met an old connection, an ACK that takes no data; had a wrong checksum
	rejected            int        // refused while others were let in
	together            int        // reset at one moment with others
	resets              int        // reset, and nothing shows why
	misacked            int        // reset since they acknowledged what was never sent
	victim              netip.Addr // that all SYN-ACKs went to which were not asked for; none if there are several
	midway              int        // of which no beginning was seen
	begun               int        // of them, those whose SYN was, and not what it led to
	unasked             int        // answered without a SYN that was seen
	untold              int        // of which nothing shows whether they were struck
	open                int        // without an answer and a cause, that may have been struck
	late                int        // whose SYN may have been answered after the last packet
	certain             bool
	evidence            []Evidence
	full                []Interval
}

const (
	maxEvidence  = 12
	maxIntervals = 64
	sameTrouble  = 3 * time.Second // between two signs of one overflow
)

// add counts an attempt by its best reading.
func (y *tally) add(a *Attempt, r Reading) {
	if y.outcomes == nil {
		y.outcomes, y.causes = map[Outcome]int{}, map[Cause]int{}
	}
	told := r.Cause
	if r.Outcome == Unanswered && r.Cause == NoCause && a.struckBy(stageSYN)&^nothing != 0 {
		r.Cause = UnknownCause // it will never be known
		if a.t.cfg.Sockets {
			told = UnknownCause
		} else {
			y.open++ // counted as it is told
		}
	}
	y.attempts++
	y.outcomes[r.Outcome]++
	y.causes[told]++
	switch {
	case a.is(midway):
		y.midway++
	case a.unasked():
		if y.unasked++; y.unasked == 1 {
			y.victim = a.client.Addr()
		}
		if y.victim != a.client.Addr() {
			y.victim = netip.Addr{}
		}
	case a.ack.n == 0 && a.clientReset.n > 0:
		y.bounced++
	case a.ack.n == 0 && a.reset.n == 0 && !a.is(real|child|gaveUp|timedOut) && (a.t.cfg.Sockets || a.syn.n <= 1):
		y.unfinished++
	}
	y.look(a, r)
	switch r.Cause {
	case AcceptQueueFull:
		y.overflow(a)
	case SynQueueFull, SynQueueReserve:
		y.synQueue++
	case HostDrop:
		if r.Outcome == Refused {
			y.rejected++
			break
		}
		y.perhaps++
	case UnknownCause:
		switch {
		case r.Outcome == Unanswered && a.fresh():
			y.late++
		case r.Outcome == Reset:
			y.resets++
		case a.is(sawSYN) && !a.is(refusedSYN):
			y.unclear(a)
		}
	case NoCause, ByServer, ByClient, OldConnection:
		if a.unsettled() {
			y.untold++
		}
	}
}

// look counts what was seen of an attempt, whatever became of it.
func (y *tally) look(a *Attempt, r Reading) {
	server := a.synack.n+a.reset.n > 0 || a.odd.challenges > 0 || a.hasConnection()
	add := func(n *int, seen bool) {
		if seen {
			*n++
		}
	}
	add(&y.begun, a.is(midway) && a.is(sawSYN))
	add(&y.repeated, a.syn.n > 1)
	add(&y.deaf, !server && a.ack.n > 0 && !a.is(midway))
	add(&y.mute, !a.is(sawSYN) && a.ack.n+a.clientReset.n == 0)
	add(&y.heard, server || a.is(midway))
	add(&y.acked, a.ack.n+a.clientReset.n > 0)
	add(&y.seenBoth, server && a.is(sawSYN))
	add(&y.asked, a.synack.n > 1)
	add(&y.old, a.odd.challenges > 0)
	add(&y.refused, a.odd.refusals > 0)
	add(&y.sums, a.badSum())
	add(&y.misacked, r.Outcome == Reset && r.Cause == ByClient && a.odd.misacks > 0)
	add(&y.forged, a.odd.forged)
	add(&y.together, a.is(together))
	add(&y.unserved, a.Sequel().What == Unserved)
}

// unsettled reports that an attempt which nothing seems to have struck was not served, and
// may have been struck without a trace.
func (a *Attempt) unsettled() bool {
	if a.t.cfg.Sockets || a.servedAt > 0 || !a.is(finished) && a.resent.n == 0 {
		return false
	}
	return slices.ContainsFunc(a.Verdict().Alternatives, func(r Reading) bool {
		return r.Cause != NoCause && r.Cause != ByServer && r.Cause != ByClient
	})
}

// overflow counts one that was struck by a full accept queue, surely or not.
func (y *tally) overflow(a *Attempt) {
	v := a.Verdict()
	if v.Confidence == Possible && a.proven() != acceptFull {
		y.perhaps++
		return
	}
	y.overflowed++
	y.certain = y.certain || v.Confidence == Certain
	if room := maxEvidence - len(y.evidence); room > 0 {
		all := a.Evidence()
		y.evidence = append(y.evidence, all[:min(room, len(all))]...)
	}
	from, to := a.syn.first, a.syn.first
	if v.Struck != StruckSYN && a.ack.n > 0 {
		from, to = a.ack.first, a.ack.first
		if a.is(ignored | untaken) {
			to = max(from, a.resent.first, a.data.first)
		}
	}
	y.fill(Interval{from, to})
}

// unclear counts one of which it is not known what has struck it, if it can be the SYN
// queue alone.
func (y *tally) unclear(a *Attempt) {
	if set := a.struckBy(stageSYN); a.synack.n == 0 && set&^(synFull|synReserve) == 0 {
		y.synQueue++
		return
	}
	y.perhaps++
}

// fill adds to the times when the queue was full. What is close together is one.
func (y *tally) fill(x Interval) {
	i, _ := slices.BinarySearchFunc(y.full, x, func(a, b Interval) int { return int(min(max(a.From-b.From, -1), 1)) })
	y.full = slices.Insert(y.full, i, x)
	apart := sameTrouble
	for {
		merged := y.full[:1]
		for _, x := range y.full[1:] {
			if last := &merged[len(merged)-1]; x.From-last.To <= apart {
				last.To = max(last.To, x.To)
				continue
			}
			merged = append(merged, x)
		}
		y.full = merged
		if len(y.full) <= maxIntervals {
			return
		}
		apart *= 2
	}
}

// Listeners returns a verdict for each address that somebody tried to reach, of all
// attempts, those too that are folded, by address.
func (t *Tracker) Listeners() []ListenerVerdict {
	sums := map[netip.AddrPort]*tally{}
	for a := range t.Attempts() {
		y := sums[a.listener.address]
		if y == nil {
			y = new(a.listener.tally.clone())
			sums[a.listener.address] = y
		}
		y.add(a, a.reading())
	}
	var all []ListenerVerdict
	for address, l := range t.listeners {
		y := sums[address]
		if y == nil {
			y = &l.tally
			sums[address] = y
		}
		if y.attempts > 0 {
			all = append(all, t.judge(address, l, y))
		}
	}
	all = reflections(all, sums)
	slices.SortFunc(all, func(a, b ListenerVerdict) int { return a.Address.Compare(b.Address) })
	return all
}

func (y *tally) clone() tally {
	c := *y
	c.outcomes, c.causes = maps.Clone(y.outcomes), maps.Clone(y.causes)
	c.evidence, c.full = slices.Clone(y.evidence), slices.Clone(y.full)
	return c
}

func (t *Tracker) judge(address netip.AddrPort, l *listener, y *tally) ListenerVerdict {
	v := ListenerVerdict{
		Address: address, Attempts: y.attempts, Outcomes: y.outcomes, Causes: y.causes,
		Evidence: y.evidence, Full: y.full, Confidence: Likely, Queue: l.weighed,
	}
	v.Finding = t.finding(l, y)
	switch {
	case v.Finding == Overflow && y.certain:
		v.Confidence = Certain
	case v.Finding == Fine && y.untold+y.late+y.resets+y.midway > 0, v.Finding == Lossy && !t.cfg.Sockets && t.cfg.Sides != ClientSide|ServerSide:
		v.Confidence = Possible
	case v.Finding == Undecided || v.Finding == Unseen || v.Finding == Filtered || v.Finding == Gone && !t.cfg.Sockets && (y.together == 0 || l.denied == 0 || l.reopened) || v.Finding == SynOverflow || v.Finding == Nothing:
		v.Confidence = Possible
	}
	v.Text = y.text(v.Finding, v.Confidence)
	switch {
	case v.Finding == Unseen:
		v.Text = y.lacks(l)
	case v.Finding == Fine && !t.cfg.Sockets:
		v.Text = y.fine(v.Confidence)
	case v.Finding == Undecided && l.weighed.Fits():
		v.Text += fits(&l.weighed)
	}
	return v
}

// Numbers from which on many are a pattern.
const (
	floodFrom    = 50   // clients that never came back
	certainFlood = 1000 // the same of a server that answers none
	scanFrom     = 20   // addresses that one client looked at
	bounces      = 20   // SYN-ACKs that one client has not asked for
	looksOnce    = 3    // attempts on one address, of a client that looks what is open; who comes back checks its health
	fewBounces   = 3    // clients that end the handshake at the SYN-ACK
)

// finding weighs. One connection that was struck is no overflow, unless only a full queue
// does what was seen.
func (t *Tracker) finding(l *listener, y *tally) Finding {
	c := &l.crowd
	switch {
	case !c.mixed && y.forged >= bounces && y.forged*10 >= y.attempts*9:
		return Reflecting
	case !t.cfg.Sockets && y.seenBoth == 0 && (y.deaf > 0 && y.heard == 0 || y.mute+y.midway >= y.attempts):
		return Unseen
	case !c.mixed && t.scans(c.only) && (t.cfg.Sockets || y.attempts <= looksOnce):
		return Scanned
	case l.shown.Clients > 0 && y.overflowed > 0, y.certain:
		return Overflow
	case y.synQueue > 0:
		return SynOverflow
	case !t.cfg.Sockets && !t.acks && y.acked == 0 && l.answered:
		return Unseen
	case y.bounced >= fewBounces && y.bounced*10 >= y.attempts*9:
		return Halved
	case y.unfinished >= floodFrom && y.unfinished*2 > y.attempts && (l.answered || y.unfinished >= certainFlood):
		return Flooded
	case y.outcomes[Refused] == y.attempts && !l.answered:
		return Nothing
	case y.causes[ListenerClosed] > 0:
		return Gone
	case y.midway == y.attempts:
		return Unseen
	case !l.answered && y.outcomes[Unanswered]+y.outcomes[TimedOut]+y.outcomes[GaveUp] == y.attempts && y.causes[NoCause] == y.open:
		if y.repeated == 0 && y.attempts < floodFrom && !t.cfg.Sockets {
			return Unseen
		}
		return Filtered
	case y.overflowed+y.perhaps+y.rejected > 0:
		return Undecided
	case y.causes[NetworkLoss] > 0:
		return Lossy
	}
	return Fine
}
