package observe

import (
	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"
	"listenq/internal/lab/wire"
)

// losses are what the wire did not bring to its end.
type losses struct {
	scripted map[Pair]bool // segments that it lost as the script says
	failed   map[Pair]bool // those that it could not pass on
	own      bool          // it lost frames of its own doing, as far as was known at the last look
}

func newLosses() losses { return losses{scripted: map[Pair]bool{}, failed: map[Pair]bool{}} }

// take notes the end of a segment that was not delivered.
func (l *losses) take(ev *wire.Event) {
	if ev.Packet == nil {
		return
	}
	p := Pair{ev.Packet.Src, ev.Packet.Dst}
	if ev.To == evidence.ClientSide {
		p = Pair{ev.Packet.Dst, ev.Packet.Src}
	}
	if ev.Kind == wire.Lost {
		l.scripted[p] = true
	} else {
		l.failed[p], l.own = true, true
	}
}

// judge is the verdict on an attempt, but for what it blames the network for and the lab's
// own wire may have done: that has no cause.
func (l *losses) judge(a *handshake.Attempt) judge.Verdict {
	v, p := a.Verdict(), Pair{a.Client(), a.Server()}
	if l.failed[p] || l.own && v.Cause == judge.NetworkLoss && !l.scripted[p] {
		v.Cause, v.EndedBy, v.Struck, v.Confidence, v.Alternatives = judge.UnknownCause, "", "", judge.Possible, nil
	}
	return v
}
