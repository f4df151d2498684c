package cli

import (
	"fmt"
	"slices"
	"strings"
)

// column is one of a table of rows R.
type column[R any] struct {
	title string
	right bool // numbers
	rank  int  // where there is no room for all, the lowest are shown
	extra bool // shown only where all before it are at their full width, or all are asked for
	least int  // columns that it can be cut to; 0: it cannot
	cell  func(R) string
	cut   func(text string, width int) string // nil: at the end
	look  func(R) string                      // nil: plain
}

// fitted is a column and how wide it is.
type fitted[R any] struct {
	column[R]
	width int
}

const gap = 2 // blanks between two columns

// printTable prints rows below the titles of their columns.
func printTable[R any](s screen, columns []column[R], rows []R) {
	if len(columns) == 0 {
		return
	}
	var line strings.Builder
	put := func(i int, c fitted[R], text, look string) {
		if i > 0 {
			line.WriteString(strings.Repeat(" ", gap))
		}
		line.WriteString(s.style(look, pad(text, c.width, c.right)))
	}
	fit := fitColumns(columns, rows, s.width)
	end := func() {
		fmt.Fprintln(s, strings.TrimRight(line.String(), " "))
		line.Reset()
	}
	for i, c := range fit {
		put(i, c, c.title, bold)
	}
	end()
	for _, row := range rows {
		for i, c := range fit {
			put(i, c, c.shorten(c.cell(row)), c.lookOf(row))
		}
		end()
	}
}

func (c fitted[R]) shorten(text string) string {
	switch {
	case printed(text) <= c.width:
		return text
	case c.cut != nil:
		return c.cut(text, c.width)
	}
	return cut(text, c.width)
}

func (c fitted[R]) lookOf(row R) string {
	if c.look == nil {
		return ""
	}
	return c.look(row)
}

// fitColumns chooses the columns that have room and how wide they are. With a width
// of 0 there is room for all but the extra ones, at their full width.
func fitColumns[R any](columns []column[R], rows []R, width int) []fitted[R] {
	full := make([]int, len(columns))
	for i, c := range columns {
		full[i] = printed(c.title)
		for _, row := range rows {
			full[i] = max(full[i], printed(c.cell(row)))
		}
	}
	order := make([]int, len(columns))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return columns[a].rank - columns[b].rank })
	wide := choose(columns, full, order, width)
	var fit []fitted[R]
	for i, c := range columns {
		if wide[i] > 0 {
			fit = append(fit, fitted[R]{c, wide[i]})
		}
	}
	return fit
}

// choose returns how wide each column is; 0: it is not shown. Those that can be cut
// share what the others leave.
func choose[R any](columns []column[R], full, order []int, width int) []int {
	wide := make([]int, len(columns))
	left := width + gap
	for _, i := range order {
		c := columns[i]
		need := full[i]
		if c.least > 0 && !c.extra {
			need = min(need, c.least)
		}
		switch {
		case width == 0:
			if !c.extra {
				wide[i] = full[i]
			}
		case !c.extra && left >= need+gap, left >= need+gap+lacking(wide, full):
			wide[i] = need
			left -= need + gap
		}
	}
	if width > 0 {
		widen(wide, full, left)
	}
	return wide
}

// widen shares out the room that is left, to the narrowest first.
func widen(wide, full []int, left int) {
	for ; left > 0; left-- {
		narrowest := -1
		for i, w := range wide {
			if w > 0 && w < full[i] && (narrowest < 0 || w < wide[narrowest]) {
				narrowest = i
			}
		}
		if narrowest < 0 {
			return
		}
		wide[narrowest]++
	}
}

// lacking is how much wider the columns chosen would have to be to be whole.
func lacking(wide, full []int) (n int) {
	for i, w := range wide {
		if w > 0 {
			n += full[i] - w
		}
	}
	return n
}
