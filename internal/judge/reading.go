package judge

import (
	"iter"
	"slices"

	"listenq/internal/evidence"
)

// possible is what can be the cause of one state, by the stage that it struck;
// base says whether it can be none of them.
func (a attempt) possible(e State, struck *strokes) (sets strokes, base bool) {
	row := &endings[e]
	if a.Midway {
		return sets, true
	}
	for s := row.first; s <= row.last && s < evidence.Stages; s++ {
		set := struck[s]
		switch {
		case row.first == evidence.StageACK:
			set = a.failing(e, set)
		case s == evidence.StageACK && row.failed && !a.Scene.Sockets && !a.HasConnection():
			set |= a.failing(e, set)
		}
		sets[s] = set &^ nothing
		if set&nothing == 0 {
			return sets, false
		}
	}
	return sets, row.base != ""
}

// failing narrows what struck the final ACK to what leads to a state that is
// not reached without a strike.
func (a attempt) failing(e State, set causes) causes {
	within := endings[e].within
	if within == 0 {
		within = anyACK | netLoss
	}
	if set&^nothing == 0 {
		set = (anyACK | netLoss) &^ a.ruledOut(evidence.StageACK)
		if inTime := a.Client.ACKIn.N > 0 && a.Client.ACKIn.First-a.Server.SYNACK.First < evidence.FirstTimeout; inTime && a.Sees(evidence.ServerSide) {
			set &^= netLoss
		}
	}
	if e == StateHalfOpen && a.silent() && set&deferred != 0 {
		within = deferred
	}
	if a.hadRoom() && !a.HasConnection() {
		within &= deferred | hostDrop | netLoss // there was room
	}
	return a.dropsACK(set & within)
}

// best is the reading of a state that fits best: its only cause, none where
// nothing shows any, or the one that others of its listener suffer from.
func (a attempt) best(e State, by *strokes) (Reading, Struck) {
	sets, base := a.possible(e, by)
	all := sets[evidence.StageSYN] | sets[evidence.StageSYNACK] | sets[evidence.StageACK]
	if base && (all == 0 || !a.delayed()) {
		return a.read(e, 0), ""
	}
	if pick := a.favourite(all); pick != 0 {
		all = pick
	}
	return a.read(e, all), a.struckAs(sets, all)
}

// favourite is the member of a set of causes that evidence speaks for; 0 if none.
func (a attempt) favourite(set causes) causes {
	switch proven := set & a.proven(); {
	case set.one():
		return set
	case proven != 0:
		return proven
	case a.informed():
		return a.first(set)
	case set&acceptFull == 0:
		return 0
	case a.On.Overflowed, (a.Held.Ignored || a.Client.Unacked || a.Client.Untaken) && (a.Sees(evidence.ServerSide) || a.Server.Resent.N+a.Client.DataAgain > 1), (a.Counters.Rejected || a.Client.Beyond) && a.Server.Reset.N > 0:
		return acceptFull
	}
	return 0
}

// first is the cause that fits best at the server, where several are left: a full queue if
// connections may have waited in it then, and few were taken while as many did; the SYN queue
// if there were more requests than ever were let in; else a filter.
func (a attempt) first(set causes) causes {
	q := a.queue
	waiting := a.Among.Unserved
	if a.vainACKs().Packets > 0 {
		waiting = a.Among.WaitedACK
	}
	switch c := &a.On.Crowd; {
	case set&acceptFull != 0 && waiting > 0 && q.Empty == 0 && (q.Admitted == 0 || q.Admitted*4 < q.Clients):
		return acceptFull
	case set&(synFull|synReserve) != 0 && c.Answered >= 0 && int(a.Among.Waiting) > c.Answered:
		return set & (synFull | synReserve)
	case set&acceptFull != 0 && c.Answered < 0:
		return 0 // nothing is known of what was before
	}
	return set & hostDrop
}

// delayed reports that the handshake had to begin again or went on late, so that
// it is unlikely that nothing struck it.
func (a attempt) delayed() bool {
	return a.Client.Tries > 1 && !a.Server.AnsweredFirst || a.Server.BeforeACK > 1 || a.Client.Untaken && a.Client.DataAgain > 0
}

// struckAs is the packet that a cause struck, if only one stage can hold it.
func (a attempt) struckAs(sets strokes, c causes) Struck {
	var struck Struck
	for s, set := range sets {
		if set&c == 0 {
			continue
		}
		if struck != "" {
			return ""
		}
		switch packet := hit(&a.Counters.Strikes[s]); {
		case c&(sumCause|refusedCause) != 0 && a.Client.Data.N > 0:
			struck = StruckData
		case packet != "":
			struck = packet
		case evidence.Stage(s) == evidence.StageACK && a.Client.DataFirst:
			struck = StruckData
		default:
			struck = [...]Struck{StruckSYN, StruckSYNACK, StruckACK}[s]
		}
	}
	return struck
}

// hit is the packet that a strike is of; empty for none.
func hit(s *evidence.Strike) Struck {
	if s.Witness == evidence.NoWitness {
		return ""
	}
	switch s.Segment {
	case evidence.SegSYN:
		return StruckSYN
	case evidence.SegOther:
		return StruckSYNACK
	case evidence.SegACK:
		return StruckACK
	case evidence.SegData:
		return StruckData
	case evidence.SegFIN:
		return StruckFIN
	}
	return ""
}

// read makes the reading of a state by one cause; by its base for 0.
func (a attempt) read(e State, c causes) Reading {
	row := &endings[e]
	r := Reading{Outcome: row.outcome, Cause: c.name(), EndedBy: row.by}
	if c == 0 {
		r.Cause = a.base(e)
	}
	if r.EndedBy == RequestExpired && a.Samples.Orphaned {
		r.EndedBy = ListenerClosed
	}
	if r.EndedBy == r.Cause || e == StateRefused && (c == 0 || !a.On.Answered) {
		r.EndedBy = ""
	}
	return r
}

// base is the cause of a state that nothing struck.
func (a attempt) base(e State) Cause {
	switch {
	case e == StatePending && a.Server.Resent.N > 0:
		return ByClient // it has had the time to answer
	case e == StateRefused && a.On.Reopened:
		return HostDrop // a filter rejects it
	case e == StateRefused && a.On.Answered:
		return ListenerClosed
	case endings[e].base == "" || a.Midway:
		return UnknownCause
	}
	return endings[e].base
}

// alternatives are all readings but the best one, each once.
func (a attempt) alternatives(o Outlook, first Reading, by *strokes) []Reading {
	var all []Reading
	for r := range a.readings(o, by) {
		if r != first && !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// readings are all that are possible, some of them more than once.
func (a attempt) readings(o Outlook, by *strokes) iter.Seq[Reading] {
	return func(yield func(Reading) bool) {
		o.Others.add(o.First)
		for e := range o.Others.each() {
			sets, base := a.possible(e, by)
			if base && !yield(a.read(e, 0)) {
				return
			}
			for c := range (sets[evidence.StageSYN] | sets[evidence.StageSYNACK] | sets[evidence.StageACK]).each() {
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

// besides are causes of a state that strike no packet of the handshake.
func (a attempt) besides(e State) []Cause {
	switch {
	case e == StatePending && !a.Sees(evidence.ServerSide):
		return []Cause{ByClient, NoCause} // its SYN-ACKs are not seen, or slow
	case e != StateRefused || a.Scene.Sockets:
		return nil
	case !a.On.Answered:
		return []Cause{NoListener, ListenerClosed, HostDrop, UnknownCause} // of an RST that answers a SYN
	}
	return []Cause{ListenerClosed, HostDrop, UnknownCause}
}
