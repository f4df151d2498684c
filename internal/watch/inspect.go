package watch

import (
	"slices"

	"listenq/internal/kernel"
	"listenq/internal/queue"
)

// Scope is which processes are looked at closely: their command, their state and what their
// threads wait for.
type Scope struct {
	Most    int  // how many processes at most, those of the worst listeners first; 0: none
	Waiting bool // only those for whose listeners a connection has waited for [queue.Patience]
}

// inspect looks closely at processes of the listeners of the last sample. A process that has
// ended meanwhile stays as it was. Samples share slices of processes: they are copied first.
func inspect(h *queue.History, scope Scope) {
	left := scope.Most
	if left == 0 || scope.Waiting && !slices.ContainsFunc(h.Last().Listeners, waits) {
		return
	}
	for _, l := range h.Worst() {
		if left == 0 {
			return
		}
		if scope.Waiting && !waits(*l) {
			continue
		}
		l.Processes = slices.Clone(l.Processes)
		for i := range l.Processes[:min(left, len(l.Processes))] {
			left--
			if p := l.Processes[i]; kernel.Inspect(&p) == nil {
				l.Processes[i] = p
			}
		}
	}
}

func waits(l queue.Listener) bool {
	oldest, ok := l.Waiting.Oldest()
	return ok && oldest >= queue.Patience
}
