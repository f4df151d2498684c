// Package handshake follows attempts to open TCP connections: from what was observed
// (packets, socket states of both ends, the listener's queues, counters, system calls) to
// what became of each attempt, why, and to its story in plain sentences.
//
// It has three parts below it, and data flows one way through them: evidence is what was
// seen, judge derives a verdict from it, and story puts that into words. This package puts them together:
// which attempt an observation belongs to, for how long attempts are kept, and how their
// outcomes changed.
//
//	t := handshake.New(handshake.Config{Sides: evidence.ServerSide})
//	for each packet { t.Packet(p) }
//	for a := range t.Attempts() {
//		v := a.Verdict()
//		fmt.Println(v.Outcome, a.Story(&v))
//	}
//
// It is pure: no I/O, no clock. It does not decode packets, does not look at anything
// itself, and says nothing of what becomes of a connection after its first answer. End says
// how long the observation went on; Config.MaxAttempts and Done keep memory flat however
// long it is. A Tracker is not safe for concurrent use.
package handshake
