package tui

import (
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"listenq/internal/queue"
)

// maxInput is the most bytes that a filter has.
const maxInput = 200

func (m *model) startTyping() {
	m.open(paneTable)
	m.typing, m.input, m.mistake = true, m.filter.String(), nil
}

// typed takes a key while the filter is typed.
func (m *model) typed(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "ctrl+c":
		return tea.Quit
	case "enter":
		m.typing = false
	case "esc":
		m.typing = false
		m.back()
	case "backspace", "ctrl+h":
		_, n := utf8.DecodeLastRuneInString(m.input)
		m.narrow(m.input[:len(m.input)-n])
	case "ctrl+u":
		m.narrow("")
	case "ctrl+w":
		trimmed := strings.TrimRight(m.input, " ")
		m.narrow(trimmed[:strings.LastIndexByte(trimmed, ' ')+1])
	case "up":
		m.move(-1)
	case "down":
		m.move(1)
	default:
		m.narrow(m.input + k.Text)
	}
	return nil
}

// narrow shows what matches the input so far; while its last word cannot be
// understood, what matches the others.
func (m *model) narrow(input string) {
	if len(input) > maxInput {
		return
	}
	m.input = input
	filter, err := queue.ParseFilter([]string{input})
	m.mistake = err
	if err != nil {
		filter, err = queue.ParseFilter([]string{input[:strings.LastIndexByte(strings.TrimRight(input, " "), ' ')+1]})
	}
	if err == nil {
		m.filter = filter
		m.refresh()
	}
}
