package lab

import (
	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"
	"listenq/internal/lab/wire"
)

// losses are what the wire did not bring to its end.
type losses struct {
	told   map[pair]bool // segments that it lost as the script says
	failed map[pair]bool // those that it could not pass on
	own    bool          // it lost frames of its own doing, as far as was known at the last look
}

func newLosses() losses { return losses{told: map[pair]bool{}, failed: map[pair]bool{}} }

// take notes the end of a segment that was not delivered.
func (l *losses) take(ev *wire.Event) {
	if ev.Packet == nil {
		return
	}
	p := pair{ev.Packet.Src, ev.Packet.Dst}
	if ev.To == evidence.ClientSide {
		p = pair{ev.Packet.Dst, ev.Packet.Src}
	}
	if ev.Kind == wire.Lost {
		l.told[p] = true
	} else {
		l.failed[p], l.own = true, true
	}
}

// judge is the verdict on an attempt, but for what it blames the network for and the lab's
// own wire may have done: that has no cause.
func (l *losses) judge(a *handshake.Attempt) judge.Verdict {
	v, p := a.Verdict(), pair{a.Client(), a.Server()}
	if l.failed[p] || l.own && v.Cause == judge.NetworkLoss && !l.told[p] {
		v.Cause, v.EndedBy, v.Struck, v.Confidence, v.Alternatives = judge.UnknownCause, "", "", judge.Possible, nil
	}
	return v
}

// losses is how many frames the wire lost of its own doing: it never saw them, or the
// kernel did not take them. The wire may be waiting for the observer: its lock must be free.
func (n *network) losses() (unseen, refused uint64) {
	if n.loopback() {
		return 0, 0
	}
	w := n.wire.Snapshot()
	for _, d := range []wire.Direction{w.ToClient, w.ToServer} {
		unseen += d.Dropped
		refused += d.Hosts.Refused + d.Others.Refused
	}
	return unseen, refused
}
