package tui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// placed is a column that is shown, and how wide.
type placed struct {
	column
	width int
}

// lead is what stands before the first column: the mark of the row that is chosen.
const lead = 1

// mainRanks is the last rank of the columns that are made comfortable before those
// of wide terminals are shown.
const mainRanks = 9

// layout chooses the columns that fit into so many cells, by rank, and makes those
// wider whose contents ask for it, by rank too.
func layout(all []column, natural []int, width int) []placed {
	byRank := make([]int, len(all))
	for i := range all {
		byRank[i] = i
	}
	slices.SortFunc(byRank, func(a, b int) int { return cmp.Compare(all[a].rank, all[b].rank) })
	wide := slices.IndexFunc(byRank, func(i int) bool { return all[i].rank > mainRanks })
	if wide < 0 {
		wide = len(byRank)
	}
	s := sizes{all: all, widths: make([]int, len(all)), left: width - lead + 1} // the first has no gap
	fair := slices.Clone(natural)
	for i, c := range all {
		if c.fair > 0 {
			fair[i] = min(fair[i], c.fair)
		}
	}
	if s.place(byRank[:wide]) {
		s.widen(byRank[:wide], fair)
		s.place(byRank[wide:])
	}
	s.widen(byRank, natural)
	return s.placed()
}

// sizes is a layout that is being made.
type sizes struct {
	all    []column
	widths []int // 0: not shown
	left   int   // cells
}

// place shows columns as narrow as they may be, and reports whether all fit.
func (s *sizes) place(columns []int) bool {
	for _, i := range columns {
		if s.left < s.all[i].least+1 {
			return false
		}
		s.widths[i] = s.all[i].least
		s.left -= s.all[i].least + 1
	}
	return true
}

// widen gives columns that are shown what they ask for, as far as there is room.
func (s *sizes) widen(columns, wanted []int) {
	for _, i := range columns {
		if s.widths[i] > 0 {
			more := min(max(wanted[i]-s.widths[i], 0), s.left)
			s.widths[i] += more
			s.left -= more
		}
	}
}

func (s *sizes) placed() []placed {
	var shown []placed
	for i, c := range s.all {
		if s.widths[i] > 0 {
			shown = append(shown, placed{c, s.widths[i]})
		}
	}
	return shown
}

// visibleColumns are those that the user has not hidden.
func (m *model) visibleColumns() []column {
	return slices.DeleteFunc(columns(), func(c column) bool { return m.hidden[c.title] })
}

// table draws the heading and so many rows, from the first that is on the screen.
func (m *model) table(height int) []string {
	shown := m.layout(height)
	lines := []string{m.theme.draw(strong, m.heading(shown))}
	for i := m.first; i < min(m.first+height-1, len(m.rows)); i++ {
		lines = append(lines, m.line(shown, m.rows[i], i == m.cursor))
	}
	return lines
}

// layout measures the rows that are on a screen of that height.
func (m *model) layout(height int) []placed {
	all := m.visibleColumns()
	natural := make([]int, len(all))
	for i, c := range all {
		natural[i] = max(c.most, ansi.StringWidth(c.title)+1) // the sign of a sort
		for n := m.first; n < min(m.first+height-1, len(m.rows)) && c.most == 0; n++ {
			natural[i] = max(natural[i], ansi.StringWidth(c.text(m, m.rows[n])))
		}
	}
	return layout(all, natural, m.width)
}

func (m *model) heading(shown []placed) string {
	var b strings.Builder
	b.WriteString(" ")
	for i, c := range shown {
		if i > 0 {
			b.WriteString(" ")
		}
		title := c.title
		if c.title == m.sort {
			sign := m.theme.down
			if m.reverse {
				sign = m.theme.up
			}
			title = m.theme.fit(title, c.width-1) + sign
		}
		b.WriteString(pad(m.theme.fit(title, c.width), c.width, c.right))
	}
	return m.theme.fit(b.String(), m.width)
}

func (m *model) line(shown []placed, r *row, selected bool) string {
	var b strings.Builder
	if selected {
		b.WriteString(">")
	} else {
		b.WriteString(" ")
	}
	for i, c := range shown {
		if i > 0 {
			b.WriteString(" ")
		}
		text := m.cell(c, r)
		if c.look != nil && !selected {
			text = m.theme.draw(c.look(r), text)
		}
		b.WriteString(text)
	}
	text := pad(b.String(), m.width, false)
	if selected {
		return m.theme.draw(chosen, text)
	}
	return strings.TrimRight(text, " ")
}

func (m *model) cell(c placed, r *row) string {
	text := c.text(m, r)
	switch {
	case c.title == courseTitle:
		text = m.theme.course(r.course, m.player.sample().T, c.width)
	case c.address:
		text = m.theme.fitAddress(text, c.width)
	}
	return pad(m.theme.fit(text, c.width), c.width, c.right)
}

// columnAt is the title of the column at a place of the screen.
func (m *model) columnAt(x int) (string, bool) {
	at := lead
	for _, c := range m.layout(m.tableHeight()) {
		if x >= at && x < at+c.width {
			return c.title, true
		}
		at += c.width + 1
	}
	return "", false
}
