package tui

import (
	"listenq/internal/queue"
	"listenq/internal/watch"
)

// row is one listener of the table.
type row struct {
	queue.Trend              // of the last seconds: its state and rates are of now
	course      *queue.Trend // of the last minute
}

func (r *row) id() identity { return identify(&r.Listener) }

// rowsOf joins what the two windows show of each listener, worst first.
func rowsOf(s *watch.Snapshot) []*row {
	courses := make(map[identity]*queue.Trend, len(s.Listeners))
	for i := range s.Listeners {
		courses[identify(&s.Listeners[i].Listener)] = &s.Listeners[i]
	}
	rows := make([]*row, len(s.Recent.Listeners))
	for i := range rows {
		rows[i] = &row{s.Recent.Listeners[i], courses[identify(&s.Recent.Listeners[i].Listener)]}
	}
	return rows
}
