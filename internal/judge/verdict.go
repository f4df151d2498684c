package judge

import (
	"slices"
	"time"

	"listenq/internal/evidence"
)

// attempt is one as it is judged: what was seen of it and of its listener, and what is asked.
type attempt struct {
	*evidence.Attempt
	queue  *Queue // of its listener, reconstructed from all its attempts
	strict bool   // no reading is left out for want of a trace
}

// Attempt returns what is to be made of an attempt.
func Attempt(seen *evidence.Attempt, q *Queue) Verdict {
	a := attempt{Attempt: seen, queue: q}
	return a.verdict()
}

// Best returns the best reading alone.
func Best(seen *evidence.Attempt, q *Queue) Reading {
	a := attempt{Attempt: seen, queue: q}
	sets := a.strokes()
	r, _ := a.best(a.outlook().First, &sets)
	return r
}

// Stands returns how an attempt stands: what it can have come to. It does not ask why.
func Stands(seen *evidence.Attempt) Outlook {
	a := attempt{Attempt: seen}
	return a.outlook()
}

func (a attempt) verdict() Verdict {
	o := a.outlook()
	sets := a.strokes()
	first, struck := a.best(o.First, &sets)
	v := Verdict{
		Reading:           first,
		Outlook:           o,
		Struck:            struck,
		Handshake:         a.handshake(),
		Alternatives:      a.alternatives(o, first, &sets),
		SynRetransmits:    max(0, int(a.Client.SYN.N)-1),
		SynAckRetransmits: max(0, int(a.Server.SYNACK.N)-1),
		DataRetransmits:   int(a.Client.DataAgain),
	}
	v.Confidence = a.confidence(o, &v)
	v.Delay, v.Late = a.delay(o.First, &sets)
	return v
}

func (a attempt) confidence(o Outlook, v *Verdict) Confidence {
	switch {
	case len(v.Alternatives) == 0 && !a.omitsReadings() && (!v.Cause.seen() || a.Scene.Sockets) && o.First != StateMisacked && v.Outcome != Unknown && v.Cause != UnknownCause:
		return Certain
	case (o.Sure() || len(v.Alternatives) == 0 || v.Cause.seen()) && v.Cause != UnknownCause && !a.guessed(v):
		return Likely
	}
	return Possible
}

// guessed reports that packets alone leave another cause, or show nothing that this one
// alone explains: the confidence of an attempt is that of its cause.
func (a attempt) guessed(v *Verdict) bool {
	if a.Scene.Sockets {
		return false
	}
	switch v.Cause {
	case NetworkLoss:
		return !a.Sees(evidence.ServerSide | evidence.ClientSide)
	case AcceptQueueFull, SynQueueFull, SynQueueReserve, HostDrop, DeferAccept, OldConnection, DataRefused, BadChecksum:
		return !a.proves(v)
	}
	return slices.ContainsFunc(v.Alternatives, func(r Reading) bool { return r.Cause != v.Cause && r.Cause != NoCause && r.Cause != ByServer })
}

// seen reports that a cause is something that packets show by themselves, whatever became
// of the attempt.
func (c Cause) seen() bool { return c == OldConnection || c == DataRefused || c == BadChecksum }

// proves reports that something was seen which the cause alone explains.
func (a attempt) proves(v *Verdict) bool {
	proven := a.proven()
	if proven == acceptFull && !a.queue.Fits() {
		return false // the queue was full, and something else may have struck this one
	}
	return proven != 0 && proven.name() == v.Cause
}

// omitsReadings reports that readings were left out for want of a trace.
func (a attempt) omitsReadings() bool {
	if !a.informed() {
		return false
	}
	strict := attempt{a.Attempt, a.queue, true}
	o := strict.outlook()
	sets := strict.strokes()
	first, _ := strict.best(o.First, &sets)
	for r := range strict.readings(o, &sets) {
		if r != first {
			return true
		}
	}
	return false
}

// handshake is how the server kept the handshake, where that is known.
func (a attempt) handshake() Kind {
	switch {
	case a.Held.FastOpened:
		return FastOpen
	case a.Held.Cookie:
		return Cookie
	case a.Kept():
		return Request
	}
	return ""
}

// delay is how late the connection was, if it is there and was: from the first
// strike to when the last stage that was struck was passed.
func (a attempt) delay(e State, by *strokes) (time.Duration, bool) {
	if endings[e].outcome != Accepted && e != StateQueued && e != StateEstablished {
		return 0, false
	}
	passed := [evidence.Stages]time.Duration{a.Client.Asked, a.Server.SYNACKIn.First, a.Held.Since}
	var from, to time.Duration
	late := false
	for s := range evidence.Stages {
		began := a.Counters.Strikes[s].Since
		if a.Counters.Strikes[s].Witness == evidence.NoWitness {
			if by[s]&nothing != 0 {
				continue
			}
			began = [evidence.Stages]time.Duration{a.Client.SYN.First, a.Server.SYNACK.First, a.Client.ACK.First}[s]
		}
		if !late {
			from = began
		}
		late, to = true, passed[s]
	}
	d := max(0, to-from)
	if !a.Scene.Sockets && d < notLate {
		return 0, false
	}
	return d, late
}

// notLate is what nobody feels.
const notLate = 5 * time.Millisecond
