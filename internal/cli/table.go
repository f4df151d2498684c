package cli

import (
	"bytes"
	"slices"

	"listenq/internal/text"
)

// column is one of a table of rows R.
type column[R any] struct {
	title string
	right bool // numbers
	rank  int  // where there is no room for all, the lowest are shown
	extra bool // shown only where all before it are at their full width, or all are asked for
	least int  // columns that it can be cut to; 0: it cannot
	cell  func(*R) string
	cut   func(text string, width int) string // nil: at the end
	look  func(*R) text.Look                  // nil: plain
}

// fitted is a column with what is in it, and how wide it is.
type fitted[R any] struct {
	column[R]
	cells []cell // one for each row
	full  int    // columns of the widest
	width int    // columns that it gets; 0: it is not shown
}

// cell is a text and how many columns it takes.
type cell struct {
	text  string
	width int
}

func newCell(text string) cell { return cell{text, printed(text)} }

const gap = 2 // blanks between two columns

// printTable prints rows below the titles of their columns.
func printTable[R any](s screen, columns []column[R], rows []R) {
	var line []byte
	put := func(c *fitted[R], x cell, look text.Look) {
		if len(line) > 0 {
			line = blanks(line, gap)
		}
		room := max(0, c.width-x.width)
		if c.right {
			line = blanks(line, room)
		}
		line = append(line, s.style(look, x.text)...)
		if !c.right {
			line = blanks(line, room)
		}
	}
	end := func() {
		s.out.Write(append(bytes.TrimRight(line, " "), '\n'))
		line = line[:0]
	}
	fit := fitColumns(columns, rows, s.width)
	for i := range fit {
		put(&fit[i], newCell(fit[i].title), bold)
	}
	end()
	for n := range rows {
		for i := range fit {
			c := &fit[i]
			put(c, c.shorten(c.cells[n]), c.lookOf(&rows[n]))
		}
		end()
	}
}

func blanks(line []byte, n int) []byte {
	for range n {
		line = append(line, ' ')
	}
	return line
}

func (c *fitted[R]) shorten(x cell) cell {
	switch {
	case x.width <= c.width:
		return x
	case c.cut != nil:
		return newCell(c.cut(x.text, c.width))
	}
	return newCell(cut(x.text, c.width))
}

func (c *fitted[R]) lookOf(row *R) text.Look {
	if c.look == nil {
		return ""
	}
	return c.look(row)
}

// fitColumns chooses the columns that have room and how wide they are. With a width
// of 0 there is room for all but the extra ones, at their full width.
func fitColumns[R any](columns []column[R], rows []R, width int) []fitted[R] {
	var all []fitted[R]
	for _, c := range columns {
		if width > 0 || !c.extra {
			all = append(all, fill(c, rows))
		}
	}
	if width > 0 {
		choose(all, width)
	}
	return slices.DeleteFunc(all, func(c fitted[R]) bool { return c.width == 0 })
}

// fill is a column with its cells, at its full width.
func fill[R any](c column[R], rows []R) fitted[R] {
	f := fitted[R]{column: c, cells: make([]cell, len(rows)), full: printed(c.title)}
	for i := range rows {
		f.cells[i] = newCell(text.Plain(c.cell(&rows[i])))
		f.full = max(f.full, f.cells[i].width)
	}
	f.width = f.full
	return f
}

// choose says how wide each column is. Those that can be cut share what the others
// leave.
func choose[R any](all []fitted[R], width int) {
	order := make([]*fitted[R], len(all))
	for i := range all {
		order[i] = &all[i]
	}
	slices.SortStableFunc(order, func(a, b *fitted[R]) int { return a.rank - b.rank })
	left, lacking := width+gap, 0 // lacking: how much wider those chosen would have to be to be whole
	for _, c := range order {
		need := c.full
		if c.least > 0 && !c.extra {
			need = min(need, c.least)
		}
		room := left - need - gap
		if c.extra {
			room -= lacking
		}
		c.width = 0
		if room >= 0 {
			c.width = need
			left -= need + gap
			lacking += c.full - need
		}
	}
	widen(all, left)
}

// widen shares out the room that is left, to the narrowest first.
func widen[R any](all []fitted[R], left int) {
	for ; left > 0; left-- {
		var narrowest *fitted[R]
		for i := range all {
			if c := &all[i]; c.width > 0 && c.width < c.full && (narrowest == nil || c.width < narrowest.width) {
				narrowest = c
			}
		}
		if narrowest == nil {
			return
		}
		narrowest.width++
	}
}
