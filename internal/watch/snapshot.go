package watch

import (
	"time"

	"listenq/internal/diagnose"
	"listenq/internal/queue"
)

// Snapshot is what was known of a host at one moment. It does not change: any number of
// goroutines may read it.
type Snapshot struct {
	*queue.View                    // of the window that courses and findings are about
	Recent      *queue.View        // of the last seconds, which states and rates are about; View itself without such a window
	Findings    []diagnose.Finding // worst first
}

// newSnapshot is what a history holds as of now.
func newSnapshot(h *queue.History, recent time.Duration) *Snapshot {
	s := &Snapshot{View: h.View(0)}
	s.Recent = s.View
	if recent > 0 {
		s.Recent = h.View(recent)
	}
	s.Findings = diagnose.Diagnose(s.View)
	return s
}

// Look is what is known of the loop itself.
type Look struct {
	Number int           // of looks so far
	At     time.Time     // when the latest one ended
	Took   time.Duration // how long it took
	Err    error         // why it failed: the Snapshot is of the last one that did not
}
