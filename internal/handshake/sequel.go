package handshake

import "time"

// What is what became of a client after its handshake.
type What string

// The first thing that the server does, or that it does nothing.
const (
	Served     What = "served"     // it sends data
	Unserved   What = "unanswered" // it takes the client's data, and nothing comes
	Untaken    What = "untaken"    // it does not even acknowledge the data
	ResetFirst What = "reset"      // it resets before it has sent any data
	ShutFirst  What = "closed"     // it closes before it has sent any data
)

// Sequel is how an attempt goes on, up to the server's first answer.
type Sequel struct {
	What  What          // empty if nothing was asked for, or not enough was seen
	After time.Duration // since the client's first data, or since its final ACK if the server acts first; of no answer until the observation ended
}

// answerOf notes what the server does first after the handshake.
func (a *Attempt) answerOf(what What, t time.Duration) {
	if a.sequel.What == "" && !a.is(midway) && a.synack.n+a.ack.n > 0 {
		a.sequel = Sequel{what, t}
	}
}

// unansweredAfter is how long a client must have waited to be told that it has no answer.
const unansweredAfter = time.Second

// Sequel tells how the attempt goes on.
func (a *Attempt) Sequel() Sequel {
	from := a.ack.first
	if a.ack.n == 0 {
		from = a.syn.first // that of Fast Open has its data
	}
	if a.data.n > 0 && a.top > 0 && (a.sequel.What == "" || a.data.first <= a.sequel.After) {
		from = a.data.first
	}
	switch waited := a.t.now - from; {
	case a.ack.n == 0 && !a.is(fastOpened):
		return Sequel{} // it is not known since when it waited
	case a.sequel.What != "":
		return Sequel{a.sequel.What, max(0, a.sequel.After-from)}
	case a.is(midway) || a.asks() == 0 || waited < unansweredAfter || a.clientReset.n > 0:
		return Sequel{}
	case a.takenAt > 0:
		return Sequel{Unserved, waited}
	default:
		return Sequel{Untaken, waited}
	}
}

// asks is how many bytes of data the client has sent; its FIN is none.
func (a *Attempt) asks() uint32 {
	if a.is(finSent) && a.top > 0 {
		return a.top - 1
	}
	return a.top
}
