package tui

import (
	"listenq/internal/answer"
	"listenq/internal/queue"
	"listenq/internal/watch"
)

// row is one listener of the table.
type row struct {
	queue.Trend                 // of the last seconds: its state and rates are of now
	course      *queue.Trend    // of the last minute
	doc         answer.Listener // what the columns show of both
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
		now := s.Recent.Listeners[i]
		r := &row{Trend: now, course: courses[identify(&now.Listener)], doc: answer.NewListener(&now)}
		r.doc.AcceptMax = r.course.AcceptMax
		rows[i] = r
	}
	return rows
}
