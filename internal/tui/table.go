package tui

import (
	"slices"
	"strings"

	"listenq/internal/text"
)

// lead is what stands before the first column: the mark of the row that is chosen.
const lead = 1

// visibleColumns are those that the user has not hidden.
func (m *model) visibleColumns() []column {
	return slices.DeleteFunc(columns(), func(c column) bool { return m.hidden[c.Name] })
}

// onScreen are the rows that a table of so many lines shows below its heading.
func (m *model) onScreen(height int) []*row {
	first := min(m.first, len(m.rows))
	return m.rows[first:min(first+max(height-1, 0), len(m.rows))]
}

// layout fits the columns to rows.
func (m *model) layout(rows []*row) text.Table {
	all := m.visibleColumns()
	shapes := make([]text.Column, len(all))
	for i := range all {
		shapes[i] = all[i].shape(m, rows)
		if all[i].Name == m.sort {
			shapes[i].Title += m.sortSign()
		}
	}
	return text.NewTable(shapes, len(rows), m.width-lead, 1)
}

func (m *model) sortSign() string {
	if m.reverse {
		return m.theme.up
	}
	return m.theme.down
}

// table draws the heading and so many rows, from the first that is on the screen.
func (m *model) table(height int) []string {
	rows := m.onScreen(height)
	table := m.layout(rows)
	lines := []string{m.theme.draw(strong, strings.TrimRight(" "+string(table.AppendHeading(nil, unstyled)), " "))}
	for i := range rows {
		if m.first+i == m.cursor {
			line := text.Pad(string(table.AppendRow([]byte(">"), i, unstyled)), m.width, false)
			lines = append(lines, m.theme.draw(chosen, line))
			continue
		}
		lines = append(lines, strings.TrimRight(string(table.AppendRow([]byte(" "), i, text.Style)), " "))
	}
	return lines
}

func unstyled(_ text.Look, words string) string { return words }

// columnAt is the name of the column at a place of the screen.
func (m *model) columnAt(x int) (string, bool) {
	at := lead
	for _, c := range m.layout(m.onScreen(m.tableHeight())).Columns {
		if x >= at && x < at+c.Width {
			return strings.TrimSuffix(c.Title, m.sortSign()), true
		}
		at += c.Width + 1
	}
	return "", false
}
