package handshake

import (
	"slices"
	"time"

	"listenq/internal/judge"
)

// Change is a moment at which the outcome became another.
type Change struct {
	T       time.Duration
	Outcome judge.Outcome
}

// maxHistory bounds the changes kept. A connection has half a dozen; only
// nonsense has more, and then the last change is kept up to date.
const maxHistory = 16

// History returns the outcomes that the attempt has had up to now.
func (a *Attempt) History() []Change {
	h := slices.Clone(a.history)
	if a.settled {
		return h
	}
	return changed(h, a.seen.Scene.Now, judge.Stands(&a.seen).Outcome())
}

// settle records the outcome if it has changed.
func (a *Attempt) settle(now time.Duration) {
	if a.settled {
		return
	}
	a.settled = a.seen.Accepted()
	a.history = changed(a.history, now, judge.Stands(&a.seen).Outcome())
}

// changed adds an outcome to a history if it is another. What becomes another at the same
// moment as the last change takes its place.
func changed(h []Change, now time.Duration, outcome judge.Outcome) []Change {
	n := len(h)
	if n == 0 {
		return append(h, Change{now, outcome})
	}
	now = max(now, h[n-1].T)
	switch {
	case h[n-1].Outcome == outcome:
		return h
	case h[n-1].T == now && n > 1 && h[n-2].Outcome == outcome:
		return h[:n-1]
	case h[n-1].T == now, n == maxHistory:
		h[n-1] = Change{now, outcome}
		return h
	}
	return append(h, Change{now, outcome})
}

// untake takes back that the last segment made a connection: it found none.
func (a *Attempt) untake() {
	if h := a.history; len(h) > 1 && h[len(h)-1].Outcome == judge.Queued && h[len(h)-1].T >= a.seen.Client.LastIn {
		a.history = h[:len(h)-1]
	}
}
