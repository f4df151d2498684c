package judge

import (
	"iter"

	"listenq/internal/evidence"
)

// State is how a handshake stands, or has ended. Of one outcome there may be several, by how
// it was come to.
type State uint8

// What a handshake can have come to.
const (
	StateUnknown State = iota
	StateAccepted
	StateQueued
	StateEstablished
	StatePending
	StateExpired // no final ACK came, and the request expired
	StateHalfOpen
	StatePhantom
	StateForgotten
	StateUnanswered
	StateGaveUp
	StateTimedOut
	StateAborted
	StateRejected
	StateStale    // reset by a segment after the request expired
	StateClosed   // reset with the listener's end
	StateByClient // reset by the client before the server had a connection
	StateDead     // reset by the client while it was queued, and gone with its listener
	StateForeign  // reset by somebody in between
	StateRefused
	StateMisacked // reset because the client acknowledged what was never sent
	StateGone     // reset because the server has no such connection any more, for whatever reason
	states
)

// endings says what each state is as an outcome, what finished it, and the stages
// that can hold its cause. The cause is the first stage that was struck; if none
// was it is base. A state that has only StageACK is not reached without a strike there.
var endings = [states]struct {
	outcome     Outcome
	by          Cause
	first, last evidence.Stage
	within      causes // what can strike to that state; 0: anything
	base        Cause  // empty: there is no such state without a strike
	failed      bool   // the final ACK may have made no connection
}{
	StateUnknown:     {outcome: Unknown, first: evidence.Stages, base: UnknownCause},
	StateAccepted:    {outcome: Accepted, last: evidence.StageACK, base: NoCause},
	StateQueued:      {outcome: Queued, last: evidence.StageACK, base: ByServer},
	StateEstablished: {outcome: EstablishedBoth, last: evidence.StageACK, base: NoCause},
	StatePending:     {outcome: Pending, last: evidence.StageSYNACK, base: NoCause},
	StateExpired:     {outcome: TimedOut, by: RequestExpired, last: evidence.StageSYNACK, base: ByClient},
	StateHalfOpen:    {outcome: HalfOpen, first: evidence.StageACK, last: evidence.StageACK},
	StatePhantom:     {outcome: Phantom, first: evidence.StageACK, last: evidence.StageACK, within: acceptFull | hostDrop | netLoss},
	StateForgotten:   {outcome: Forgotten, by: RequestExpired, first: evidence.StageACK, last: evidence.StageACK},
	StateUnanswered:  {outcome: Unanswered, last: evidence.StageSYNACK, base: NoCause},
	StateGaveUp:      {outcome: GaveUp, by: ByClient, last: evidence.StageSYNACK, base: ByClient},
	StateTimedOut:    {outcome: TimedOut, by: Timeout, last: evidence.StageSYNACK, base: UnknownCause},
	StateAborted:     {outcome: Reset, by: AbortOnOverflow, first: evidence.StageACK, last: evidence.StageACK, within: acceptFull},
	StateRejected:    {outcome: Reset, by: CookieRejected, first: evidence.StageACK, last: evidence.StageACK, within: acceptFull | hostDrop | netLoss},
	StateStale:       {outcome: Reset, by: RequestExpired, first: evidence.StageACK, last: evidence.StageACK},
	StateClosed:      {outcome: Reset, by: ListenerClosed, last: evidence.StageACK, base: ListenerClosed, failed: true},
	StateByClient:    {outcome: Reset, by: ByClient, last: evidence.StageACK, base: ByClient, failed: true},
	StateDead:        {outcome: Reset, by: ByClient, last: evidence.StageACK, base: ByServer},
	StateForeign:     {outcome: Reset, first: evidence.Stages, base: UnknownCause},
	StateRefused:     {outcome: Refused, by: ListenerClosed, last: evidence.StageSYN, base: NoListener},
	StateMisacked:    {outcome: Reset, first: evidence.Stages, base: ByClient},
	StateGone:        {outcome: Reset, first: evidence.Stages, base: UnknownCause},
}

// Outlook is the set of states that what was seen leaves, and the one that fits best.
type Outlook struct {
	First  State
	Others StateSet
	Likely bool // First fits much better
}

// StateSet is a set of states.
type StateSet uint32

// Has reports whether it is in the set.
func (s StateSet) Has(e State) bool { return s&(1<<e) != 0 }

func (s *StateSet) add(all ...State) {
	for _, e := range all {
		*s |= 1 << e
	}
}

func (s StateSet) each() iter.Seq[State] {
	return func(yield func(State) bool) {
		for e := range states {
			if s.Has(e) && !yield(e) {
				return
			}
		}
	}
}

func only(e State) Outlook { return Outlook{First: e} }

// or adds what else can be; what fits best is not among it.
func (o Outlook) or(all ...State) Outlook {
	o.Others.add(all...)
	o.Others &^= 1 << o.First
	return o
}

// Sure reports that there is no other state, or none that fits nearly as well.
func (o Outlook) Sure() bool { return o.Others == 0 || o.Likely }

// Outcome is what the state is as an outcome.
func (s State) Outcome() Outcome { return endings[s].outcome }
