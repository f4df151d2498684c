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
	Filtered    Finding = "host-drop"  // no SYN is answered
	Undecided   Finding = "undecided"  // something was dropped; it is not clear by what
	Fine        Finding = "no-drop"    // nothing was
	Unseen      Finding = "not-enough" // no attempt was seen from its beginning
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

	overflowed, perhaps int // struck by a full accept queue: surely, as far as packets can tell; or by that or by something else
	synQueue            int // struck by the SYN queue
	unfinished          int // clients that never came back
	bounced             int // clients that answered the SYN-ACK with RST
	midway              int // of which no beginning was seen
	unasked             int // answered without a SYN that was seen
	untold              int // of which nothing shows whether they were struck
	late                int // whose SYN may have been answered after the last packet
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
	case a.synack.n > 0 && !a.is(sawSYN) && a.ack.n == 0 && !a.hasConnection():
		y.unasked++
	case a.ack.n == 0 && a.clientReset.n > 0:
		y.bounced++
	case a.ack.n == 0 && a.reset.n == 0 && !a.is(real|child|gaveUp|timedOut):
		y.unfinished++
	}
	switch r.Cause {
	case AcceptQueueFull:
		y.overflow(a)
	case SynQueueFull, SynQueueReserve:
		y.synQueue++
	case HostDrop:
		y.perhaps++
	case UnknownCause:
		switch {
		case r.Outcome == Unanswered && a.fresh():
			y.late++
		case a.is(sawSYN) && !a.is(refusedSYN):
			y.unclear(a)
		}
	case NoCause, ByServer, ByClient:
		if a.unsettled() {
			y.untold++
		}
	}
}

// unsettled reports that an attempt which nothing seems to have struck was not served, and
// may have been struck without a trace.
func (a *Attempt) unsettled() bool {
	if a.t.cfg.Sockets || a.is(owned) || !a.is(finished) && a.resent.n == 0 {
		return false
	}
	return slices.ContainsFunc(a.Verdict().Alternatives, func(r Reading) bool {
		return r.Cause != NoCause && r.Cause != ByServer && r.Cause != ByClient
	})
}

// overflow counts one that was struck by a full accept queue, surely or not.
func (y *tally) overflow(a *Attempt) {
	v := a.Verdict()
	if v.Confidence == Possible && !a.proves(&v) {
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
	sums := map[*listener]*tally{}
	for a := range t.Attempts() {
		y := sums[a.listener]
		if y == nil {
			y = new(a.listener.tally.clone())
			sums[a.listener] = y
		}
		y.add(a, a.reading())
	}
	var all []ListenerVerdict
	for address, l := range t.listeners {
		y := sums[l]
		if y == nil {
			y = &l.tally
		}
		if y.attempts > 0 {
			all = append(all, t.judge(address, l, y))
		}
	}
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
	case v.Finding == Fine && y.untold+y.late > 0, v.Finding == Lossy && !t.cfg.Sockets && t.cfg.Sides != ClientSide|ServerSide:
		v.Confidence = Possible
	case v.Finding == Undecided || v.Finding == Unseen || v.Finding == Filtered || v.Finding == SynOverflow || v.Finding == Nothing:
		v.Confidence = Possible
	}
	v.Text = y.text(v.Finding, v.Confidence)
	return v
}

// Numbers from which on many are a pattern.
const (
	floodFrom    = 50   // clients that never came back
	certainFlood = 1000 // the same of a server that answers none
	scanFrom     = 20   // addresses that one client looked at
	bounces      = 20   // SYN-ACKs that one client has not asked for
)

// finding weighs. One connection that was struck is no overflow, unless only a full queue
// does what was seen.
func (t *Tracker) finding(l *listener, y *tally) Finding {
	c := &l.crowd
	switch {
	case y.unasked+y.midway == y.attempts && y.unasked >= bounces,
		!c.mixed && y.bounced >= bounces && y.bounced*10 >= y.attempts*9:
		return Reflecting
	case !c.mixed && t.scans(c.only):
		return Scanned
	case l.weighed.Overflow() != "" && y.overflowed > 0, y.certain:
		return Overflow
	case y.synQueue > 0:
		return SynOverflow
	case y.unfinished >= floodFrom && y.unfinished*2 > y.attempts && (l.answered || y.unfinished >= certainFlood):
		return Flooded
	case y.outcomes[Refused] == y.attempts && !l.answered:
		return Nothing
	case y.causes[ListenerClosed] > 0:
		return Gone
	case y.midway == y.attempts:
		return Unseen
	case !l.answered && y.outcomes[Unanswered]+y.outcomes[TimedOut]+y.outcomes[GaveUp] == y.attempts && y.causes[NoCause] == 0:
		return Filtered
	case y.overflowed+y.perhaps > 0:
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
		return "nothing listens here"
	case Lossy:
		return "the network loses packets, no queue is to blame: " + of + fmt.Sprintf("%d felt it", y.causes[NetworkLoss])
	case Filtered:
		return "no SYN is answered: it is filtered, or the accept queue was full before the capture began"
	case Undecided:
		return of + fmt.Sprintf("%d had packets dropped; by a full queue or by something else, that alone cannot tell", y.overflowed+y.perhaps)
	case Unseen:
		return "no connection was seen from its beginning"
	}
	if y.late > 0 {
		return fmt.Sprintf("nothing was dropped, but that the capture ended before %d of %d were answered", y.late, y.attempts)
	}
	return "nothing was dropped"
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
