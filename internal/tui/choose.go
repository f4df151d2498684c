package tui

import (
	"fmt"

	"listenq/internal/answer"
	"listenq/internal/queue"
	"listenq/internal/text"
)

// choose takes the item of a list that the cursor is at.
func (m *model) choose() {
	switch m.pane {
	case paneColumns:
		m.toggleColumn(columns()[m.scroll].Name)
	case paneNamespaces:
		m.netns = 0
		if s := m.player.sample(); s != nil && m.scroll > 0 && m.scroll <= len(s.Namespaces) {
			m.netns = s.Namespaces[m.scroll-1].ID
		}
		m.open(paneTable)
		m.refresh()
	}
}

// toggleColumn hides a column or shows it again; the one that is sorted by stays.
func (m *model) toggleColumn(title string) {
	if title == m.sort {
		m.status = "the table is sorted by this column: < and > choose another"
		return
	}
	m.hidden[title] = !m.hidden[title]
}

func (m *model) columnItems() []string {
	var items []string
	for i, c := range columns() {
		mark := "[x]"
		if m.hidden[c.Name] {
			mark = "[ ]"
		}
		items = append(items, m.item(i, fmt.Sprintf("%s %-13s %s", mark, c.Name, c.Help)))
	}
	return items
}

func (m *model) namespaceItems() []string {
	items := []string{m.item(0, "all")}
	s := m.player.sample()
	if s == nil {
		return items
	}
	listeners := map[queue.NetnsID]int{}
	for i := range s.Listeners {
		listeners[s.Listeners[i].Netns]++
	}
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		text := fmt.Sprintf("%-24s %d listeners", m.theme.visible(answer.NetnsName(n, n.ID)), listeners[n.ID])
		if n.Host {
			text += ", that of PID 1"
		}
		items = append(items, m.item(i+1, text))
	}
	return items
}

// item draws one of a list.
func (m *model) item(i int, words string) string {
	if i == m.scroll {
		return m.theme.draw(chosen, text.Pad(m.theme.fit("> "+words, m.width), m.width, false))
	}
	return m.theme.fit("  "+words, m.width)
}
