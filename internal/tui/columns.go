package tui

import (
	"cmp"
	"slices"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/queue"
	"listenq/internal/text"
)

// column is one of the table: one of those that all views have, or one that is drawn.
type column struct {
	answer.Column
	cells   int                                      // that it is drawn to at most
	draw    func(m *model, r *row, width int) string // into exactly so many cells; nil: it is a text
	look    func(*row) look
	compare func(a, b *row) int // the worst first
}

// names are the columns that answers have, from left to right. The drawn ones are put between
// them.
var names = []string{
	answer.StateColumn, barTitle, answer.AcceptColumn, courseTitle, answer.RateColumn, "SYN Q", answer.WaitColumn, "LOCAL", "PROCESS",
	answer.NetnsColumn, "UNIT", "MAX", "ACCEPTS/s", "LIMIT BY", "UID",
}

// The titles of the columns that are drawn.
const (
	barTitle    = "FILL"
	courseTitle = "60s"
)

// drawn are the columns that only a screen has.
var drawn = []column{
	{Column: answer.Column{Name: barTitle, Help: "how full the accept queue is; all filled: the next connection is dropped", Rank: 6},
		cells: 12, draw: func(m *model, r *row, width int) string {
			return m.theme.bar(&r.Listener, width)
		}, look: func(r *row) look { return stateLook(r.State) }, compare: func(a, b *row) int { return cmp.Compare(b.Listener.Fill(), a.Listener.Fill()) }},
	{Column: answer.Column{Name: courseTitle, Help: "the last minute, by levels of the limit; " + dropMark + ": drops rose", Rank: 7, Least: 12},
		cells: 30, draw: func(m *model, r *row, width int) string {
			return m.theme.course(r.course, m.player.sample().T, width)
		}, look: calm, compare: func(a, b *row) int { return cmp.Compare(b.course.FullShare, a.course.FullShare) }},
}

func calm(*row) look { return plain }

// columns are all of them, from left to right.
func columns() []column {
	all := make([]column, 0, len(names))
	for _, name := range names {
		if i := slices.IndexFunc(drawn, func(c column) bool { return c.Name == name }); i >= 0 {
			all = append(all, drawn[i])
			continue
		}
		c := column{Column: answer.ColumnNamed(name), look: calm}
		c.compare = func(a, b *row) int { return c.Compare(&a.doc, &b.doc) }
		switch name {
		case answer.AcceptColumn:
			c.Right = true // one length stands below the other
		case answer.WaitColumn:
			c.Wide = false // who watches wants to see it grow
		}
		if c.Tone != nil {
			c.look = func(r *row) look { return tones[c.Tone(&r.doc)] }
		}
		all = append(all, c)
	}
	return all
}

// shape is the column as the table of these rows lays it out.
func (c *column) shape(m *model, rows []*row) text.Column {
	shape := text.Column{
		Title: c.Name, Right: c.Right, Rank: c.Rank, Extra: c.Wide, Least: c.Least,
		Look: func(i int) text.Look { return m.theme.looks[c.look(rows[i])] },
	}
	if c.draw != nil {
		blank := strings.Repeat(" ", c.cells)
		shape.Cell = func(int) string { return blank }
		shape.Draw = func(i, width int) string { return c.draw(m, rows[i], width) }
		return shape
	}
	shape.Cell = func(i int) string { return m.theme.visible(c.Value(&rows[i].doc)) }
	shape.Cut = func(words string, width int) string {
		if c.Cut == nil {
			return m.theme.fit(words, width)
		}
		return c.Cut(words, width, m.theme.more)
	}
	return shape
}

func stateLook(s queue.State) look { return tones[answer.ToneOf(s)] }
