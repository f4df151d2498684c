package text

import (
	"bytes"
	"slices"
)

// Column is one of a table. Its cells are asked for by the number of their row.
type Column struct {
	Title string
	Right bool // numbers
	Rank  int  // where there is no room for all, the lowest are shown
	Extra bool // shown only where all before it are at their full width
	Least int  // columns that it can be cut to; 0: it cannot
	Cell  func(row int) string
	Cut   func(text string, width int) string // nil: at the end
	Draw  func(row, width int) string         // draws a cell that is as wide as it is let be; nil: it is a text
	Look  func(row int) Look                  // nil: none
}

// Table is columns that have room, and how wide each of them is.
type Table struct {
	Columns []Fitted
	gap     int
}

// Fitted is a column with what is in it, and how wide it is.
type Fitted struct {
	Column
	Width int // columns that it gets; 0: it is not shown
	cells []cell
	full  int // columns of the widest
}

// cell is a text and how many columns it takes.
type cell struct {
	text  string
	width int
}

func newCell(s string) cell { return cell{s, Width(s)} }

// NewTable chooses the columns that have room and how wide they are, with a gap between two.
// With a width of 0 there is room for all but the extra ones, at their full width.
func NewTable(columns []Column, rows, width, gap int) Table {
	var all []Fitted
	for _, c := range columns {
		if width > 0 || !c.Extra {
			all = append(all, fill(c, rows))
		}
	}
	if width > 0 {
		choose(all, width, gap)
	}
	return Table{slices.DeleteFunc(all, func(c Fitted) bool { return c.Width == 0 }), gap}
}

// fill is a column with its cells, at its full width.
func fill(c Column, rows int) Fitted {
	f := Fitted{Column: c, cells: make([]cell, rows), full: Width(c.Title)}
	for i := range rows {
		f.cells[i] = newCell(Plain(c.Cell(i)))
		f.full = max(f.full, f.cells[i].width)
	}
	f.Width = f.full
	return f
}

// choose says how wide each column is. Those that can be cut share what the others leave.
func choose(all []Fitted, width, gap int) {
	order := make([]*Fitted, len(all))
	for i := range all {
		order[i] = &all[i]
	}
	slices.SortStableFunc(order, func(a, b *Fitted) int { return a.Rank - b.Rank })
	full := false
	left, lacking := width+gap, 0 // lacking: how much wider those chosen would have to be to be whole
	for _, c := range order {
		need := c.full
		if c.Least > 0 && !c.Extra {
			need = min(need, c.Least)
		}
		room := left - need - gap
		if c.Extra {
			room -= lacking
		}
		c.Width = 0
		if full = full || room < 0; full {
			continue // nor is one of a higher rank shown
		}
		c.Width = need
		left -= need + gap
		lacking += c.full - need
	}
	widen(all, left)
}

// widen shares out the room that is left, to the narrowest first.
func widen(all []Fitted, left int) {
	for ; left > 0; left-- {
		var narrowest *Fitted
		for i := range all {
			if c := &all[i]; c.Width > 0 && c.Width < c.full && (narrowest == nil || c.Width < narrowest.Width) {
				narrowest = c
			}
		}
		if narrowest == nil {
			return
		}
		narrowest.Width++
	}
}

// AppendHeading appends the titles.
func (t Table) AppendHeading(line []byte, style func(Look, string) string) []byte {
	return t.append(line, func(c *Fitted) (cell, Look) { return c.shorten(newCell(c.Title)), Bold }, style)
}

// AppendRow appends the cells of a row.
func (t Table) AppendRow(line []byte, row int, style func(Look, string) string) []byte {
	return t.append(line, func(c *Fitted) (cell, Look) { return c.cell(row), c.lookOf(row) }, style)
}

func (t Table) append(line []byte, of func(*Fitted) (cell, Look), style func(Look, string) string) []byte {
	for i := range t.Columns {
		c := &t.Columns[i]
		if i > 0 {
			line = blanks(line, t.gap)
		}
		x, look := of(c)
		room := max(0, c.Width-x.width)
		if c.Right {
			line = blanks(line, room)
		}
		line = append(line, style(look, x.text)...)
		if !c.Right {
			line = blanks(line, room)
		}
	}
	return line
}

func blanks(line []byte, n int) []byte {
	for range n {
		line = append(line, ' ')
	}
	return line
}

// cell is that of a row, no wider than the column.
func (c *Fitted) cell(row int) cell {
	if c.Draw != nil {
		return cell{c.Draw(row, c.Width), c.Width}
	}
	return c.shorten(c.cells[row])
}

func (c *Fitted) shorten(x cell) cell {
	switch {
	case x.width <= c.Width:
		return x
	case c.Cut != nil:
		return newCell(c.Cut(x.text, c.Width))
	}
	return newCell(Cut(x.text, c.Width, Ellipsis))
}

func (c *Fitted) lookOf(row int) Look {
	if c.Look == nil {
		return ""
	}
	return c.Look(row)
}

// screenGap is the blanks between two columns that are printed.
const screenGap = 2

// Table prints so many rows below the titles of their columns.
func (s Screen) Table(columns []Column, rows int) {
	t := NewTable(columns, rows, s.Width, screenGap)
	line := t.AppendHeading(nil, s.Style)
	for i := range rows {
		s.Out.Write(append(bytes.TrimRight(line, " "), '\n'))
		line = t.AppendRow(line[:0], i, s.Style)
	}
	s.Out.Write(append(bytes.TrimRight(line, " "), '\n'))
}
