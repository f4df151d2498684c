package judge

import "math"

// overflow is what of a listener only a full accept queue explains; empty if there is no such
// thing.
//
// A filter that drops SYNs drops no final ACKs, and one that drops ACKs drops no SYNs. One
// that drops whatever comes drops what comes for connections that are there, too. One by
// rate, by number or at random takes packets in between, whatever waits. A limit on
// connections drops SYNs alone, by the number that are open. Each of them is contradicted
// by something of its own.
func (q *Queue) overflow() string {
	switch {
	case q.Clients == 0:
		return ""
	case q.Empty == 0 && q.SYNs > 0 && q.ACKs > 0 && q.handshakesAlone() && (q.explained() || q.crowded()) && q.Broken*4 <= q.Struck:
		return "SYNs and final ACKs alike were dropped depending on how many connections waited, and nothing of established connections was"
	case !q.explained() || q.Broken*8 > q.Struck:
		return ""
	case q.Empty == 0 && q.SYNs > 0 && q.ACKs > 0 && q.consistent() && q.Lost*20 <= q.There:
		return "SYNs and final ACKs alike were dropped, and none of them was taken while as many connections waited"
	case q.Turns >= turns && q.Wrong*8 <= q.Struck && (q.ACKs > 0 || !q.Limited) && q.paced():
		return "what was dropped and what was taken followed the number of waiting connections, several times over"
	}
	return ""
}

// Fits reports that a full accept queue explains all that was struck, though something else may
// as well.
func (q *Queue) Fits() bool { return q.Clients > 0 && q.Empty == 0 && q.Admitted == 0 }

// explained reports that a limit on the number that waited explains what was struck: what it
// does not, by programs that accept without a sign, is little against what it does. A filter
// by rate, by chance or for one client strikes and takes at the same numbers.
func (q *Queue) explained() bool { return q.Wrong*3 <= q.Struck && q.Wrong*8 <= q.Signs }

// crowded reports that packets were struck at no other time than when so many waited, though
// most came at others: by chance that does not happen.
func (q *Queue) crowded() bool {
	share := float64(q.Struck+q.Admitted) / float64(q.Signs)
	return math.Pow(share, float64(q.Struck)) < chance*chance
}

// turns is how often striking and taking must follow each other, with the length of the
// queue each time, to be no coincidence: it fills, drains, fills and drains.
const turns = 3

// paced reports that no limit on the rate struck the same packets. A server that takes the
// same time for each client empties its queue as such a limit gives leave, and one for SYNs
// strikes the same SYNs then. One for all packets does not wait for accept(): in one of two
// turns at least something would pass before the queue had room, or be struck after.
func (q *Queue) paced() bool {
	return q.Unpaced >= 2 || q.SYNs > 0 && q.ACKs > 0 && math.Pow(0.5, float64(q.Turns)) < chance
}

// handshakesAlone reports that what was struck was struck for being a handshake's: were it
// struck by chance as often as handshakes were, connections that are there would have lost
// something, too.
func (q *Queue) handshakesAlone() bool {
	if q.Lost > 0 {
		return false
	}
	struck := float64(q.Packets) / float64(q.Packets+q.Admitted+q.Passed+1)
	return math.Pow(1-struck, float64(q.Later)) < chance
}

// chance is what is taken for no coincidence.
const chance = 0.01

// consistent reports that packets of several kinds were struck for one reason: connections
// that were there went on without a loss, or it ended when the queue had room, or it began at
// the moment when the last connection had entered and never ended.
func (q *Queue) consistent() bool {
	if q.Admitted > 0 {
		return q.Through > 1 && q.Lost == 0
	}
	return q.Through > 0 || q.Turns > 0 || q.Sudden && q.Packets >= lasting && q.Passed == 0
}

// lasting is how many packets must be struck, one after the other, to be more than what
// befalls a burst of packets.
const lasting = 4
