package cli

import (
	"slices"

	"listenq/internal/kernel"
	"listenq/internal/queue"
)

// inspect looks closely at the first of the listeners' processes, most of them in all. One that
// has ended meanwhile stays as it was. Their slices are copied before: samples share them.
func inspect(listeners []*queue.Listener, most int) {
	for _, l := range listeners {
		if most == 0 {
			return
		}
		l.Processes = slices.Clone(l.Processes)
		for i := range l.Processes[:min(most, len(l.Processes))] {
			most--
			if p := l.Processes[i]; kernel.Inspect(&p) == nil {
				l.Processes[i] = p
			}
		}
	}
}
