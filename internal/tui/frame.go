package tui

import (
	"fmt"
	"slices"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/diagnose"
	"listenq/internal/text"
)

// frame draws the whole screen: as many lines as it has, none wider than it is. It is
// the one place from which anything comes onto it, and lets nothing pass but what a
// terminal shows and looks.
func (m *model) frame() string {
	head, foot := m.header(), m.footer()
	lines := append(head, m.body(max(m.height-len(head)-len(foot), 0))...)
	for len(lines) < m.height-len(foot) {
		lines = append(lines, "")
	}
	lines = append(lines[:min(len(lines), max(m.height-len(foot), 0))], foot...)
	for i := range lines {
		lines[i] = m.theme.fit(text.Line(lines[i]), m.width)
	}
	return strings.Join(lines[:min(len(lines), m.height)], "\n")
}

// body draws the pane into so many lines.
func (m *model) body(height int) []string {
	switch m.pane {
	case paneTable:
		return m.tableBody(height)
	case paneColumns, paneNamespaces:
		first := max(m.scroll-height+1, 0)
		lines := m.paneLines()
		return lines[min(first, len(lines)):min(first+height, len(lines))]
	}
	lines := m.paneLines()
	first := min(m.scroll, max(len(lines)-height, 0))
	return lines[first:min(first+height, len(lines))]
}

func (m *model) paneLines() []string {
	switch m.pane {
	case paneDetails:
		return m.details()
	case paneFinding:
		return m.explanation()
	case paneHelp:
		return m.help()
	case paneColumns:
		return m.columnItems()
	case paneNamespaces:
		return m.namespaceItems()
	}
	return nil
}

// tableBody draws the table, and below it the worst findings.
func (m *model) tableBody(height int) []string {
	if m.player.sample() == nil {
		return []string{"", " waiting for the first sample"}
	}
	lines := m.table(m.tableHeight())
	if len(m.rows) == 0 {
		lines = append(lines, " "+m.nothing())
	}
	findings := m.findingLines(height)
	for len(lines) < height-len(findings) {
		lines = append(lines, "")
	}
	return append(lines, findings...)
}

// nothing says why no row is shown.
func (m *model) nothing() string {
	if m.all > 0 {
		return fmt.Sprintf("none of %d listeners matches; esc clears the filter", m.all)
	}
	return "no listening socket"
}

// page is how many lines the body has.
func (m *model) page() int { return max(m.height-len(m.header())-len(m.footer()), 1) }

// tableHeight is how many of them the table has, its heading included.
func (m *model) tableHeight() int {
	return max(m.page()-len(m.findingLines(m.page())), 1)
}

// findingLines are the worst findings, as many as leave the table most of the screen. One that
// is too long for a line has several.
func (m *model) findingLines(height int) []string {
	room := min(height/4, 4)
	var lines []string
	shown := 0
	for i := range m.findings {
		finding := wrap(" ", m.findingLine(&m.findings[i]), m.width)
		if len(lines)+len(finding) > room && (i > 0 || room == 0) {
			break
		}
		lines = append(lines, finding[:min(len(finding), room)]...)
		shown++
	}
	if more := len(m.findings) - shown; more > 0 && shown > 0 {
		note := fmt.Sprintf(" (%d more)", more)
		last := len(lines) - 1
		lines[last] = m.theme.fit(lines[last], m.width-len(note)) + note
	}
	return lines
}

func (m *model) findingLine(f *diagnose.Finding) string {
	words := m.theme.draw(severityLook(f.Severity), f.Code) + " "
	switch s := m.player.sample(); {
	case f.Listener != nil:
		words += m.theme.visible(f.Listener.Listener.Address.String()) + " "
	case len(s.Namespaces) > 1:
		words += "netns " + m.theme.visible(answer.NetnsName(s.Namespace(f.Netns), f.Netns)) + " "
	}
	return words + m.theme.visible(f.Title)
}

func severityLook(s diagnose.Severity) look {
	switch s {
	case diagnose.Critical:
		return bad
	case diagnose.Warning:
		return warning
	}
	return strong
}

// footer is the line of what is typed or what happened, if any, and the main keys.
func (m *model) footer() []string {
	var lines []string
	switch {
	case m.typing && m.mistake != nil:
		lines = append(lines, "/"+m.theme.visible(m.input)+"_  "+m.theme.draw(bad, m.theme.visible(m.mistake.Error())))
	case m.typing:
		lines = append(lines, "/"+m.theme.visible(m.input)+"_")
	case m.status != "":
		lines = append(lines, m.theme.draw(strong, m.status))
	case !m.filter.Empty():
		lines = append(lines, "filter: "+m.theme.visible(m.filter.String())+fmt.Sprintf("  (%d of %d; esc clears)", len(m.rows), m.all))
	}
	return append(lines, m.keyLine())
}

// keyLine names the main keys, as many as fit; how to get help and how to leave
// are the last to go.
func (m *model) keyLine() string {
	var parts []piece
	for i, b := range bindings() {
		rank := i + 2
		switch b.footer {
		case "":
			continue
		case "back":
			if m.pane == paneTable {
				continue
			}
			rank = 1
		case "help", "quit":
			rank = 1
		}
		parts = append(parts, piece{text: m.theme.draw(strong, b.name) + " " + b.footer, rank: rank})
	}
	return " " + join(parts, m.width-1)
}

// piece is a part of a line; those of the highest ranks go first where it is narrow.
type piece struct {
	text string
	rank int
}

const between = "  " // pieces of a line

// join puts the pieces beside each other that fit into so many cells.
func join(parts []piece, width int) string {
	var texts []string
	for _, p := range fitting(parts, width) {
		texts = append(texts, p.text)
	}
	return strings.Join(texts, between)
}

// fitting are the pieces that fit into so many cells, those of the lowest ranks.
func fitting(parts []piece, width int) []piece {
	parts = slices.DeleteFunc(slices.Clone(parts), func(p piece) bool { return p.text == "" })
	for {
		need, worst := -len(between), 0
		for i, p := range parts {
			need += text.Width(p.text) + len(between)
			if p.rank > parts[worst].rank {
				worst = i
			}
		}
		if need <= width || len(parts) <= 1 {
			return parts
		}
		parts = slices.Delete(parts, worst, worst+1)
	}
}
