package handshake

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
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
	unasked             int        // answered without a SYN that was seen
	untold              int        // of which nothing shows whether they were struck
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
	if r.Outcome == Unanswered && r.Cause == NoCause && a.struckBy(stageSYN)&^nothing != 0 {
		r.Cause = UnknownCause // it will never be known
	}
	y.attempts++
	y.outcomes[r.Outcome]++
	y.causes[r.Cause]++
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

// reflections puts those addresses into one whose SYN-ACKs go to a client that has sent
// nothing: somebody has forged its address, and the servers are not the matter. The address
// is then that of the client.
func reflections(all []ListenerVerdict, sums map[netip.AddrPort]*tally) []ListenerVerdict {
	victims := map[netip.Addr]*ListenerVerdict{}
	servers := map[netip.Addr]int{}
	reflects := func(v *ListenerVerdict) netip.Addr {
		if y := sums[v.Address]; y != nil && y.unasked == y.attempts {
			return y.victim
		}
		return netip.Addr{}
	}
	for i := range all {
		if victim := reflects(&all[i]); victim.IsValid() {
			servers[victim]++
		}
	}
	kept := all[:0]
	for i := range all {
		v := &all[i]
		victim := reflects(v)
		if !victim.IsValid() || servers[victim] < bounces {
			kept = append(kept, *v)
			continue
		}
		sum := victims[victim]
		if sum == nil {
			sum = &ListenerVerdict{
				Address: netip.AddrPortFrom(victim, 0), Finding: Reflecting, Confidence: Likely,
				Outcomes: map[Outcome]int{}, Causes: map[Cause]int{},
			}
			victims[victim] = sum
		}
		sum.Attempts += v.Attempts
		for o, n := range v.Outcomes {
			sum.Outcomes[o] += n
		}
		for c, n := range v.Causes {
			sum.Causes[c] += n
		}
	}
	for victim, sum := range victims {
		sum.Text = fmt.Sprintf("SYN-ACKs of %d servers come to %s, which has sent none of them a SYN: somebody has forged its address", servers[victim], victim)
		kept = append(kept, *sum)
	}
	return kept
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
	case !l.answered && y.outcomes[Unanswered]+y.outcomes[TimedOut]+y.outcomes[GaveUp] == y.attempts && y.causes[NoCause] == 0:
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

// text is the finding as a sentence.
func (y *tally) text(f Finding, sure Confidence) string {
	of := fmt.Sprintf("of %d connections ", y.attempts)
	if y.attempts == 1 {
		of = "of one connection "
	}
	switch f {
	case Overflow:
		has := "overflowed: "
		if sure == Possible {
			has = "may have overflowed: "
		}
		return "the accept queue " + has + of + fmt.Sprintf("%d met it full", y.overflowed) + y.others()
	case SynOverflow:
		return "the SYN queue was full: " + of + fmt.Sprintf("%d had SYNs dropped", y.synQueue)
	case Flooded:
		return "a SYN flood: " + of + fmt.Sprintf("%d never came back after their SYN", y.unfinished)
	case Scanned:
		return "a client looks what is open here: it has tried many addresses, and has finished next to no handshake"
	case Reflecting:
		return "SYN-ACKs go to a client that has not asked for them: its address was forged"
	case Gone:
		return "the listener was closed: " + of + fmt.Sprintf("%d felt it", y.causes[ListenerClosed])
	case Nothing:
		if sure == Possible {
			return "each SYN is refused with RST: nothing listens here, or a filter rejects what comes"
		}
		return "nothing listens here"
	case Lossy:
		return "the network loses packets, no queue is to blame: " + of + fmt.Sprintf("%d felt it", y.causes[NetworkLoss])
	case Filtered:
		return "no SYN is answered: it is filtered, or the accept queue was full before the capture began"
	case Undecided:
		if y.overflowed+y.perhaps == 0 {
			return of + fmt.Sprintf("%d were refused while others were let in: a filter rejects them, or the listener was closed and opened again", y.rejected)
		}
		return of + fmt.Sprintf("%d had packets dropped; by a full queue or by something else, that alone cannot tell", y.overflowed+y.perhaps)
	case Halved:
		return "clients end the handshake at the SYN-ACK: " + of + fmt.Sprintf("%d answered it with RST, as checks by half a handshake do", y.bounced)
	}
	return "nothing was dropped"
}

// fits says how well a full accept queue would explain what was dropped, and what else would.
func fits(q *judge.Queue) string {
	other := "a filter"
	switch {
	case q.ACKs == 0 && q.Limited:
		other = "a limit on connections"
	case q.ACKs == 0:
		other = "a filter for SYNs"
	case q.SYNs == 0:
		other = "a filter for ACKs"
	}
	return fmt.Sprintf(". A full queue fits: each of them was dropped while %d connections or more may have waited, and none was taken then; %s does the same", q.Fill, other)
}

// fine is what is told where nothing was dropped, or nothing shows that anything was.
func (y *tally) fine(sure Confidence) string {
	text := "nothing was dropped that held a client up"
	if sure == Possible {
		text = "nothing shows that anything was dropped"
	}
	var all []string
	for _, x := range []struct {
		n    int
		what string
	}{
		{y.old, "met an old connection of the same address and port, which answered"},
		{y.misacked, "acknowledged what the server had not sent, which it answered with RST"},
		{y.refused, "sent data that the server answers and does not take"},
		{y.sums, "sent segments with a wrong checksum"},
		{y.causes[DeferAccept], "kept back by TCP_DEFER_ACCEPT until there is data"},
		{y.resets, "reset without a sign of why"},
		{y.asked - y.causes[DeferAccept] - y.misacked, "with more than one SYN-ACK"},
		{y.untold, "not served as far as the capture goes, perhaps struck without a trace"},
		{y.unserved, "with data that the server has taken and not answered"},
		{y.late, "without an answer when the capture ended"},
	} {
		if x.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	if len(all) == 0 {
		return text
	}
	of := "of one connection "
	if y.attempts != 1 {
		of = fmt.Sprintf("of %d connections ", y.attempts)
	}
	return text + "; " + of + strings.Join(all, ", ")
}

// lacks is what the capture lacks, for a verdict on an address.
func (y *tally) lacks(l *listener) string {
	switch {
	case y.deaf > 0 && y.seenBoth == 0:
		return "the server's packets are not in the capture: take it again in both directions"
	case y.mute > 0 && y.seenBoth == 0:
		return "the clients' packets are not in the capture: take it again in both directions"
	case l.answered && y.acked == 0:
		return "the clients' ACKs are not in the capture, which seems to hold SYNs alone: take it again with a filter by port, not by flags"
	case y.outcomes[Unanswered] > 0:
		return "no SYN was answered, and none was sent again: the capture is too short to tell"
	}
	return "no connection was seen from its beginning"
}

// others are those of which it is not sure.
func (y *tally) others() string {
	var b strings.Builder
	if y.perhaps > 0 {
		fmt.Fprintf(&b, ", %d more perhaps", y.perhaps)
	}
	if y.causes[NetworkLoss] > 0 {
		fmt.Fprintf(&b, "; %d lost packets in the network", y.causes[NetworkLoss])
	}
	return b.String()
}

// probe is how a client looks at addresses.
type probe struct{ addresses, finished int }

// maxProbes bounds the clients that are watched for a scan.
const maxProbes = 1 << 14

// tries notes that a client is the first to try an address.
func (t *Tracker) tries(client netip.Addr) {
	p, known := t.probes[client]
	if !known && len(t.probes) >= maxProbes {
		return
	}
	p.addresses++
	t.probes[client] = p
}

// scans reports that a client has tried many addresses and finished next to nothing.
func (t *Tracker) scans(client netip.Addr) bool {
	p := t.probes[client]
	return p.addresses >= scanFrom && p.finished*10 < p.addresses
}
