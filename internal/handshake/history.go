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

// change is one as it is kept.
type change struct {
	t     time.Duration
	state judge.State
}

// maxHistory bounds the changes kept. A connection has half a dozen; only
// nonsense has more, and then the last change is kept up to date.
const maxHistory = 16

// History returns the outcomes that the attempt has had up to now. It changes nothing.
func (a *Attempt) History() []Change {
	h := a.history
	if !a.settled {
		h = changed(slices.Clone(h), a.seen.Scene.Now, judge.Stands(&a.seen).First)
	}
	all := make([]Change, len(h))
	for i, c := range h {
		all[i] = Change{c.t, c.state.Outcome()}
	}
	return all
}

// settle records the outcome if it has changed.
func (a *Attempt) settle(now time.Duration) {
	if a.settled {
		return
	}
	a.settled = a.seen.Accepted()
	a.history = changed(a.history, now, judge.Stands(&a.seen).First)
}

// changed adds a state to a history if its outcome is another. What becomes another at the
// same moment as the last change takes its place.
func changed(h []change, now time.Duration, state judge.State) []change {
	n := len(h)
	if n == 0 {
		return append(h, change{now, state})
	}
	last := &h[n-1]
	now = max(now, last.t)
	switch {
	case last.state.Outcome() == state.Outcome():
		return h
	case last.t == now && n > 1 && h[n-2].state.Outcome() == state.Outcome():
		return h[:n-1]
	case last.t == now, n == maxHistory:
		*last = change{now, state}
		return h
	}
	return append(h, change{now, state})
}

// revokeQueued takes back that the last segment made a connection: it found none.
func (a *Attempt) revokeQueued() {
	n := len(a.history)
	if n > 1 && a.history[n-1].state == judge.StateQueued && a.history[n-1].t >= a.seen.Client.LastIn {
		a.history = a.history[:n-1]
	}
}
