package answer

import (
	"time"

	"listenq/internal/queue"
)

// Milliseconds is a duration in JSON: a number of milliseconds, its field's
// name ends in _ms.
type Milliseconds float64

// MS converts a duration.
func MS(d time.Duration) Milliseconds {
	return Milliseconds(float64(d.Round(time.Microsecond)) / float64(time.Millisecond))
}

// Duration converts back.
func (m Milliseconds) Duration() time.Duration {
	return time.Duration(float64(m) * float64(time.Millisecond))
}

// Missing is something that could not be looked at.
type Missing struct {
	What string `json:"what"`
	Why  string `json:"why"`
	Hint string `json:"hint,omitempty"`
}

// NewMissing is what of a sample concerns an answer on listeners: those of which the
// processes are not known, unless those of all that it is on are.
func NewMissing(all []queue.Missing, ownersKnown bool) []Missing {
	var rows []Missing
	for _, m := range all {
		if !m.Owners || !ownersKnown {
			rows = append(rows, Missing{What: m.What, Why: m.Why, Hint: m.Hint})
		}
	}
	return rows
}
