package tui

import (
	tea "charm.land/bubbletea/v2"
)

// binding is what some keys do. Help, footer, docs and tests read this table.
type binding struct {
	keys   []string // as Bubble Tea names them
	name   string   // as people do
	help   string
	footer string // in two words, for the main ones
	do     func(*model) tea.Cmd
}

// bindings are all of them, in the order of the help.
func bindings() []binding {
	return []binding{
		{[]string{"?", "f1"}, "?", "this help", "help", toggle(paneHelp)},
		{[]string{"/"}, "/", "filter: " + filterHelp, "filter", plainly((*model).startTyping)},
		{[]string{"enter"}, "enter", "details of the listener; in a list: choose", "details", plainly((*model).enter)},
		{[]string{"esc"}, "esc", "back; in the table: clear the filter", "back", plainly((*model).back)},
		{[]string{"space"}, "space", "freeze, and go on; samples are taken meanwhile", "freeze", (*model).freeze},
		{[]string{"left", "h"}, "left h", "while frozen: one sample back", "", plainly(func(m *model) { m.stepBy(-1) })},
		{[]string{"right", "l"}, "right l", "while frozen: one sample on", "", plainly(func(m *model) { m.stepBy(1) })},
		{[]string{"<"}, "<", "sort by the column to the left", "", plainly(func(m *model) { m.sortBy(-1) })},
		{[]string{">"}, ">", "sort by the column to the right", "", plainly(func(m *model) { m.sortBy(1) })},
		{[]string{"r"}, "r", "reverse the sort", "", plainly(func(m *model) { m.reverse = !m.reverse; m.order() })},
		{[]string{"c"}, "c", "choose columns", "", toggle(paneColumns)},
		{[]string{"n"}, "n", "choose a network namespace", "", toggle(paneNamespaces)},
		{[]string{"e"}, "e", "explain the finding about the listener, or the worst one", "", toggle(paneFinding)},
		{[]string{"+", "="}, "+", "a longer interval; in a replay: faster", "", func(m *model) tea.Cmd { return m.pace(1) }},
		{[]string{"-"}, "-", "a shorter interval; in a replay: slower", "", func(m *model) tea.Cmd { return m.pace(-1) }},
		{[]string{"z"}, "z", "reset: the course, maxima and findings begin anew", "", plainly((*model).reset)},
		{[]string{"S"}, "S", "save what was seen as a recording", "save", (*model).save},
		{[]string{"up", "k"}, "up k", "up; the mouse wheel, too", "", plainly(func(m *model) { m.move(-1) })},
		{[]string{"down", "j"}, "down j", "down; a click chooses, a second one shows details", "", plainly(func(m *model) { m.move(1) })},
		{[]string{"pgup", "ctrl+b"}, "page up", "a screen up", "", plainly(func(m *model) { m.move(-m.page()) })},
		{[]string{"pgdown", "ctrl+f"}, "page down", "a screen down", "", plainly(func(m *model) { m.move(m.page()) })},
		{[]string{"home", "g"}, "home g", "to the first", "", plainly(func(m *model) { m.move(-farAway) })},
		{[]string{"end", "G"}, "end G", "to the last", "", plainly(func(m *model) { m.move(farAway) })},
		{[]string{"q", "ctrl+c"}, "q", "quit", "quit", func(*model) tea.Cmd { return tea.Quit }},
		{[]string{"Q"}, "Q", "quit, and leave the screen behind", "", func(m *model) tea.Cmd { m.leave = true; return tea.Quit }},
		{[]string{"ctrl+z"}, "ctrl-z", "suspend", "", func(*model) tea.Cmd { return tea.Suspend }},
	}
}

const filterHelp = "part of a name, :8080, 10.0.0.1, pid:12, full, waiting>3s, netns:NAME, !WORD"

// farAway is further than any list is long.
const farAway = 1 << 30

// plainly is an action after which nothing is to be waited for.
func plainly(do func(*model)) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd {
		do(m)
		return nil
	}
}

// toggle opens a pane, or closes it.
func toggle(p pane) func(*model) tea.Cmd {
	return plainly(func(m *model) {
		if m.pane == p {
			m.open(paneTable)
			return
		}
		m.open(p)
	})
}

// press does what a key does.
func (m *model) press(k tea.KeyPressMsg) tea.Cmd {
	if m.typing {
		return m.typed(k)
	}
	m.status = ""
	for _, b := range bindings() {
		for _, key := range b.keys {
			if key == k.String() {
				return b.do(m)
			}
		}
	}
	return nil
}
