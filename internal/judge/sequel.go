package judge

import (
	"time"

	"listenq/internal/evidence"
)

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

// unansweredAfter is how long a client must have waited before it counts as unanswered.
const unansweredAfter = time.Second

// acts are what the server does first, in words.
var acts = [...]What{evidence.ActData: Served, evidence.ActReset: ResetFirst, evidence.ActFIN: ShutFirst}

// SequelOf returns how an attempt goes on.
func SequelOf(a *evidence.Attempt) Sequel {
	from := a.Client.ACK.First
	if a.Client.ACK.N == 0 {
		from = a.Client.SYN.First // that of Fast Open has its data
	}
	acted := a.Server.Act != evidence.NoAct
	if a.Client.Data.N > 0 && a.Client.Top > 0 && (!acted || a.Client.Data.First <= a.Server.ActedAt) {
		from = a.Client.Data.First
	}
	switch waited := a.Scene.Now - from; {
	case a.Client.ACK.N == 0 && !a.Held.FastOpened:
		return Sequel{} // it is not known since when it waited
	case acted:
		return Sequel{acts[a.Server.Act], max(0, a.Server.ActedAt-from)}
	case a.Midway || a.Asks() == 0 || waited < unansweredAfter || a.Client.Reset.N > 0:
		return Sequel{}
	case a.Server.TakenAt > 0:
		return Sequel{Unserved, waited}
	default:
		return Sequel{Untaken, waited}
	}
}
