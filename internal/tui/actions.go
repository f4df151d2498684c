package tui

import (
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"listenq/internal/queue"
)

// intervals are those that + and - go through.
var intervals = []time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
}

// maxSpeed is the power of two by which a replay is faster or slower.
const maxSpeed = 6

func (m *model) open(p pane) { m.pane, m.scroll = p, 0 }

func (m *model) enter() {
	switch m.pane {
	case paneColumns, paneNamespaces:
		m.choose()
	case paneDetails:
		m.open(paneTable)
	default:
		m.open(paneDetails)
	}
}

func (m *model) back() {
	if m.pane != paneTable {
		m.open(paneTable)
		return
	}
	m.filter, m.input, m.mistake = queue.Filter{}, "", nil
	m.refresh()
}

func (m *model) freeze() tea.Cmd {
	if m.pane == paneColumns || m.pane == paneNamespaces {
		m.choose()
		return nil
	}
	m.frozen = !m.frozen
	switch {
	case m.frozen:
		return nil
	case m.replay():
		return m.wait(0)
	}
	m.showLive()
	return nil
}

func (m *model) stepBy(n int) {
	if !m.frozen {
		m.status = "left and right step while frozen: space freezes"
		return
	}
	m.step(m.player.at + n)
}

func (m *model) sortBy(n int) {
	all := m.visibleColumns()
	i := slices.IndexFunc(all, func(c column) bool { return c.Name == m.sort })
	m.sort = all[(i+n+len(all))%len(all)].Name
	m.order()
}

func (m *model) pace(n int) tea.Cmd {
	if m.replay() {
		m.speed = min(max(m.speed+n, -maxSpeed), maxSpeed)
		if m.frozen {
			return nil
		}
		return m.wait(0)
	}
	i := 0
	for i < len(intervals)-1 && intervals[i] < m.interval {
		i++
	}
	m.interval = intervals[min(max(i+n, 0), len(intervals)-1)]
	m.watch.SetRecent(recent(m.interval))
	m.player.tape.SetRecent(recent(m.interval))
	m.showAgain()
	return m.wait(m.interval)
}

func (m *model) reset() {
	if m.player.at >= 0 {
		m.player.tape.Begin(m.player.at)
	}
	if m.watch != nil {
		m.watch.Restart()
	}
	m.showAgain()
	m.status = "reset"
}

// showAgain shows what is on the screen with other windows.
func (m *model) showAgain() {
	switch {
	case !m.replay() && !m.frozen:
		m.showLive()
	case m.player.at >= 0:
		m.show(m.player.at)
	}
}

func (m *model) save() tea.Cmd {
	save := m.options.Save
	if save == nil {
		m.status = "this is a recording already"
		return nil
	}
	all := slices.Clone(m.player.tape.Samples())
	m.status = fmt.Sprintf("saving %d samples", len(all))
	return func() tea.Msg {
		path, err := save(all)
		return saved{path, err}
	}
}

// move moves the cursor, in a list, or scrolls a text.
func (m *model) move(n int) {
	if m.pane == paneTable {
		m.moveTo(m.cursor+n, true)
		return
	}
	last := len(m.paneLines()) - 1
	if m.pane != paneColumns && m.pane != paneNamespaces {
		last -= m.page() - 1
	}
	m.scroll = max(min(m.scroll+n, last), 0)
}

func (m *model) wheel(button tea.MouseButton) {
	switch button {
	case tea.MouseWheelUp:
		m.move(-3)
	case tea.MouseWheelDown:
		m.move(3)
	}
}

// click chooses a row, shows the details of the chosen one, or sorts by a column.
func (m *model) click(at tea.Mouse) {
	y := at.Y - len(m.header())
	if m.pane != paneTable || at.Button != tea.MouseLeft || y < 0 || y >= m.tableHeight() {
		return
	}
	if y == 0 {
		m.clickHeading(at.X)
		return
	}
	switch i := m.first + y - 1; {
	case i >= len(m.rows):
	case i == m.cursor && m.picked:
		m.open(paneDetails)
	default:
		m.moveTo(i, true)
	}
}

func (m *model) clickHeading(x int) {
	title, ok := m.columnAt(x)
	if !ok {
		return
	}
	m.reverse = title == m.sort && !m.reverse
	m.sort = title
	m.order()
}
