package handshake

import (
	"iter"
	"slices"
	"time"
)

// Verdict returns what the model makes of the attempt with all that it was given
// so far.
func (a *Attempt) Verdict() Verdict {
	a.settle(a.t.now)
	o := a.ends()
	sets := a.strokes()
	first, struck := a.best(o.first, &sets)
	v := Verdict{
		Reading:           first,
		Struck:            struck,
		Handshake:         a.handshake(),
		Alternatives:      a.alternatives(o, first, &sets),
		SynRetransmits:    max(0, a.syn.n-1),
		SynAckRetransmits: max(0, a.synack.n-1),
		DataRetransmits:   a.dataAgain,
		History:           slices.Clone(a.history),
	}
	switch {
	case len(v.Alternatives) == 0 && !a.seems() && !v.Cause.seen() && o.first != endMisacked && v.Outcome != Unknown && v.Cause != UnknownCause:
		v.Confidence = Certain
	case (o.sure() || len(v.Alternatives) == 0 || v.Cause.seen()) && v.Cause != UnknownCause && !a.guessed(&v):
		v.Confidence = Likely
	default:
		v.Confidence = Possible
	}
	v.Delay, v.Late = a.delay(o.first, &sets)
	return v
}

// guessed reports that packets alone leave another cause, or show nothing that this one
// alone explains: the confidence of an attempt is that of its cause.
func (a *Attempt) guessed(v *Verdict) bool {
	if a.t.cfg.Sockets {
		return false
	}
	switch v.Cause {
	case NetworkLoss:
		return !a.sees(ServerSide | ClientSide)
	case AcceptQueueFull, SynQueueFull, SynQueueReserve, HostDrop, DeferAccept, OldConnection, DataRefused, BadChecksum:
		return !a.proves(v)
	}
	return slices.ContainsFunc(v.Alternatives, func(r Reading) bool { return r.Cause != v.Cause && r.Cause != NoCause && r.Cause != ByServer })
}

// seen reports that a cause is something that packets show by themselves, whatever became
// of the attempt.
func (c Cause) seen() bool { return c == OldConnection || c == DataRefused || c == BadChecksum }

// proves reports that something was seen which the cause alone explains.
func (a *Attempt) proves(v *Verdict) bool {
	proven := a.proven()
	if proven == acceptFull && !a.listener.weighed.Fits() {
		return false // the queue was full, and something else may have struck this one
	}
	return proven != 0 && proven.name() == v.Cause
}

// seems reports that readings were left out for want of a trace.
func (a *Attempt) seems() bool {
	if !a.informed() {
		return false
	}
	a.t.strict = true
	defer func() { a.t.strict = false }()
	o := a.ends()
	sets := a.strokes()
	first, _ := a.best(o.first, &sets)
	for r := range a.readings(o, &sets) {
		if r != first {
			return true
		}
	}
	return false
}

// reading is the best reading alone.
func (a *Attempt) reading() Reading {
	sets := a.strokes()
	r, _ := a.best(a.ends().first, &sets)
	return r
}

// handshake is how the server kept the handshake, where something tells.
func (a *Attempt) handshake() Kind {
	switch {
	case a.is(fastOpened):
		return FastOpen
	case a.is(cookie):
		return Cookie
	case a.kept():
		return Request
	}
	return ""
}

// possible is what can be the cause of one end, by the stage that it struck;
// base tells whether it can be none of them.
func (a *Attempt) possible(e end, struck *strokes) (sets strokes, base bool) {
	row := &endings[e]
	if a.is(midway) {
		return sets, true
	}
	for s := row.first; s <= row.last && s < stages; s++ {
		set := struck[s]
		switch {
		case row.first == stageACK:
			set = a.failing(e, set)
		case s == stageACK && row.failed && !a.t.cfg.Sockets && !a.hasConnection():
			set |= a.failing(e, set)
		}
		sets[s] = set &^ nothing
		if set&nothing == 0 {
			return sets, false
		}
	}
	return sets, row.base != ""
}

// failing narrows what struck the final ACK to what leads to an end that is
// not reached without a strike.
func (a *Attempt) failing(e end, set causes) causes {
	within := endings[e].within
	if within == 0 {
		within = anyACK | netLoss
	}
	if set&^nothing == 0 {
		set = (anyACK | netLoss) &^ a.ruledOut[stageACK]
		if inTime := a.ackIn.n > 0 && a.ackIn.first-a.synack.first < firstTimeout; inTime && a.sees(ServerSide) {
			set &^= netLoss
		}
	}
	if e == endHalfOpen && a.silent() && set&deferred != 0 {
		within = deferred
	}
	if a.roomy() && !a.hasConnection() {
		within &= deferred | hostDrop | netLoss // there was room
	}
	return a.dropsACK(set & within)
}

// best is the reading of an end that fits best: its only cause, none where
// nothing tells of any, or the one that others of its listener suffer from.
func (a *Attempt) best(e end, by *strokes) (Reading, Struck) {
	sets, base := a.possible(e, by)
	all := sets[stageSYN] | sets[stageSYNACK] | sets[stageACK]
	if base && (all == 0 || !a.delayed()) {
		return a.read(e, 0), ""
	}
	if pick := a.favourite(all); pick != 0 {
		all = pick
	}
	return a.read(e, all), a.struckAs(sets, all)
}

// favourite is the member of a set of causes that evidence speaks for; 0 if none.
func (a *Attempt) favourite(set causes) causes {
	switch proven := set & a.proven(); {
	case set.one():
		return set
	case proven != 0:
		return proven
	case a.informed():
		return a.first(set)
	case set&acceptFull == 0:
		return 0
	case a.listener.overflow, a.is(ignored|unacked|untaken) && (a.sees(ServerSide) || a.resent.n+a.dataAgain > 1), a.is(rejected|beyond) && a.reset.n > 0:
		return acceptFull
	}
	return 0
}

// first is the cause that fits best at the server, where several are left: a full queue if
// connections may have waited in it then, and few were taken while as many did; the SYN queue
// if there were more requests than ever were let in; else a filter.
func (a *Attempt) first(set causes) causes {
	q := &a.listener.weighed
	waiting := a.unserved
	if a.vainACKs().Packets > 0 {
		waiting = a.waitedACK
	}
	switch c := &a.listener.crowd; {
	case set&acceptFull != 0 && waiting > 0 && q.Empty == 0 && (q.Admitted == 0 || q.Admitted*4 < q.Clients):
		return acceptFull
	case set&(synFull|synReserve) != 0 && c.answered >= 0 && a.waiting > c.answered:
		return set & (synFull | synReserve)
	case set&acceptFull != 0 && c.answered < 0:
		return 0 // nothing is known of what was before
	}
	return set & hostDrop
}

// delayed reports that the handshake had to begin again or went on late, so that
// it is unlikely that nothing struck it.
func (a *Attempt) delayed() bool {
	return a.tries > 1 && !a.is(answeredFirst) || a.beforeACK > 1 || a.is(untaken) && a.dataAgain > 0
}

// struckAs is the packet that a cause struck, if only one stage can hold it.
func (a *Attempt) struckAs(sets strokes, c causes) Struck {
	var struck Struck
	for s, set := range sets {
		if set&c == 0 {
			continue
		}
		if struck != "" {
			return ""
		}
		switch told := a.strikes[s].packet; {
		case c&(sumCause|refusedCause) != 0 && a.data.n > 0:
			struck = StruckData
		case told != "":
			struck = told
		case stage(s) == stageACK && a.is(dataFirst):
			struck = StruckData
		default:
			struck = [...]Struck{StruckSYN, StruckSYNACK, StruckACK}[s]
		}
	}
	return struck
}

// read makes the reading of an end by one cause; by its base for 0.
func (a *Attempt) read(e end, c causes) Reading {
	row := &endings[e]
	r := Reading{Outcome: row.outcome, Cause: c.name(), EndedBy: row.by}
	if c == 0 {
		r.Cause = a.base(e)
	}
	if r.EndedBy == RequestExpired && a.is(orphaned) {
		r.EndedBy = ListenerClosed
	}
	if r.EndedBy == r.Cause || e == endRefused && (c == 0 || !a.listener.answered) {
		r.EndedBy = ""
	}
	return r
}

// base is the cause of an end that nothing struck.
func (a *Attempt) base(e end) Cause {
	switch {
	case e == endPending && a.resent.n > 0:
		return ByClient // it has had the time to answer
	case e == endRefused && a.listener.reopened:
		return HostDrop // a filter rejects it
	case e == endRefused && a.listener.answered:
		return ListenerClosed
	case endings[e].base == "" || a.is(midway):
		return UnknownCause
	}
	return endings[e].base
}

// alternatives are all readings but the best one, each once.
func (a *Attempt) alternatives(o outlook, first Reading, by *strokes) []Reading {
	var all []Reading
	for r := range a.readings(o, by) {
		if r != first && !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// readings are all that are possible, some of them more than once.
func (a *Attempt) readings(o outlook, by *strokes) iter.Seq[Reading] {
	return func(yield func(Reading) bool) {
		o.others.add(o.first)
		for e := range o.others.each() {
			sets, base := a.possible(e, by)
			if base && !yield(a.read(e, 0)) {
				return
			}
			for c := range (sets[stageSYN] | sets[stageSYNACK] | sets[stageACK]).each() {
				if !yield(a.read(e, c)) {
					return
				}
			}
			for _, c := range a.besides(e) {
				if !yield(Reading{Outcome: endings[e].outcome, Cause: c}) {
					return
				}
			}
		}
	}
}

// besides are causes of an end that strike no packet of the handshake.
func (a *Attempt) besides(e end) []Cause {
	switch {
	case e == endPending && !a.sees(ServerSide):
		return []Cause{ByClient, NoCause} // its SYN-ACKs are not seen, or slow
	case e != endRefused || a.t.cfg.Sockets:
		return nil
	case !a.listener.answered:
		return []Cause{NoListener, ListenerClosed, HostDrop, UnknownCause} // of an RST that answers a SYN
	}
	return []Cause{ListenerClosed, HostDrop, UnknownCause}
}

// delay is how late the connection was, if it is there and was: from the first
// strike to when the last stage that was struck was passed.
func (a *Attempt) delay(e end, by *strokes) (time.Duration, bool) {
	if endings[e].outcome != Accepted && e != endQueued && e != endEstablished {
		return 0, false
	}
	passed := [stages]time.Duration{a.asked, a.synackIn.first, a.established}
	var from, to time.Duration
	late := false
	for s := range stages {
		began := a.strikes[s].since
		if a.strikes[s].causes == 0 {
			if by[s]&nothing != 0 {
				continue
			}
			began = [stages]time.Duration{a.syn.first, a.synack.first, a.ack.first}[s]
		}
		if !late {
			from = began
		}
		late, to = true, passed[s]
	}
	d := max(0, to-from)
	if !a.t.cfg.Sockets && d < notLate {
		return 0, false
	}
	return d, late
}

// notLate is what nobody feels.
const notLate = 5 * time.Millisecond
