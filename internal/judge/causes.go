package judge

import (
	"iter"

	"listenq/internal/evidence"
)

// causes is a set of what can have struck a packet. nothing is a member like the
// others: with it, the packet may not have been struck at all.
type causes uint16

const (
	acceptFull causes = 1 << iota
	synFull
	synReserve
	deferred
	hostDrop
	netLoss
	oldCause     // an old connection has answered the SYN
	refusedCause // the server answers the data and takes none of it
	sumCause     // the checksum is wrong
	nothing

	anySYN = acceptFull | synFull | synReserve | hostDrop // whatever a server can do to a SYN
	anyACK = acceptFull | deferred | hostDrop             // and to a final ACK
)

// causeNames is in the order of the bits, which is the order of alternatives.
var causeNames = [...]Cause{AcceptQueueFull, SynQueueFull, SynQueueReserve, DeferAccept, HostDrop, NetworkLoss, OldConnection, DataRefused, BadChecksum, NoCause}

// one reports whether the set has exactly one member.
func (c causes) one() bool { return c != 0 && c&(c-1) == 0 }

// name is the cause of a set of one member, and UnknownCause of any other.
func (c causes) name() Cause {
	for i, name := range causeNames {
		if c == 1<<i {
			return name
		}
	}
	return UnknownCause
}

// each yields the members but nothing, one by one.
func (c causes) each() iter.Seq[causes] {
	return func(yield func(causes) bool) {
		for c &^= nothing; c != 0; c &= c - 1 {
			if !yield(c & -c) {
				return
			}
		}
	}
}

// meaning is what a counter, or another witness of a drop, means for a SYN or for a segment
// that followed it.
func meaning(witness evidence.Witness, segment evidence.Segment, s *evidence.Settings) causes {
	switch witness {
	case evidence.NoWitness:
		return 0
	case evidence.Overflows:
		return acceptFull
	case evidence.QFull:
		return synFull
	case evidence.DropsReserved:
		return synReserve
	case evidence.Deferred:
		return deferred
	case evidence.WireLost, evidence.TooLate:
		return netLoss
	case evidence.DropsAlone:
		if segment == evidence.SegSYN && (!s.CookiesKnown || s.Cookies == 0) {
			return synReserve | hostDrop // it was the reserve, or memory, route or a security module failed
		}
	}
	return hostDrop
}

// CauseOf is the cause that a witness of a drop stands for: UnknownCause if it can be several.
func CauseOf(witness evidence.Witness, segment evidence.Segment, s *evidence.Settings) Cause {
	return meaning(witness, segment, s).name()
}

// ruledOut are the causes that counters exclude, since they did not move when the first
// packet of a stage came.
func (a attempt) ruledOut(s evidence.Stage) (out causes) {
	still := a.Counters.Still[s]
	if still.Has(evidence.StillOverflows) {
		out |= acceptFull
	}
	if still.Has(evidence.StillQFull) {
		out |= synFull
	}
	if still.Has(evidence.StillDrops) {
		out |= synReserve
	}
	if still.Has(evidence.StillDeferred) {
		out |= deferred
	}
	return out
}

// causeOf is the cause that a hypothesis is, as verdicts name it; 0 for one that ends an
// attempt in its own way.
var causeOf = [...]causes{
	FullAtSYN: acceptFull, FullAtACK: acceptFull,
	FilterSYN: hostDrop, FilterACK: hostDrop,
	Loss: netLoss, Deferral: deferred,
	Predecessor: oldCause, Checksum: sumCause, PAWS: refusedCause, Refusal: refusedCause,
	FullSynQueue: synFull, SynReserve: synReserve, ConnectionLimit: hostDrop,
}

// causesOf are the causes of a set of hypotheses.
func causesOf(set Set) (all causes) {
	for h, c := range causeOf {
		if set.Has(Hypothesis(h)) {
			all |= c
		}
	}
	return all
}
