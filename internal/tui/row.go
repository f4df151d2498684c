package tui

import (
	"listenq/internal/queue"
)

// row is one listener of the table.
type row struct {
	queue.Trend              // of the last seconds: its state and rates are of now
	course      *queue.Trend // of the last minute
}

func (r *row) id() identity { return identify(&r.Listener) }

// rowsOf joins what the two histories tell of each listener, worst first.
func rowsOf(t *tape) []*row {
	minute := t.minute.Trends()
	courses := make(map[identity]*queue.Trend, len(minute))
	for i := range minute {
		courses[identify(&minute[i].Listener)] = &minute[i]
	}
	recent := t.recent.Trends()
	rows := make([]*row, len(recent))
	for i := range recent {
		rows[i] = &row{recent[i], courses[identify(&recent[i].Listener)]}
	}
	return rows
}
