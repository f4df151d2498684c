package tui

import (
	"fmt"
	"strings"

	"listenq/internal/queue"
	"listenq/internal/text"
)

// help lists what could not be read, the keys, and what the columns mean.
func (m *model) help() []string {
	var lines []string
	section := func(title string) {
		lines = append(lines, "", m.theme.draw(strong, title))
	}
	if s := m.player.sample(); s != nil && len(s.Missing) > 0 {
		section("not seen")
		for _, n := range s.Missing {
			lines = append(lines, m.missingLines(n)...)
		}
	}
	section("keys")
	for _, b := range bindings() {
		lines = append(lines, wrap("  "+text.Pad(b.name, 11, false), b.help, m.width)...)
	}
	section("filter: words that a listener must match, all of them")
	for _, form := range strings.Split(queue.FilterForms, "\n") {
		lines = append(lines, "  "+form)
	}
	section("columns")
	for _, c := range columns() {
		lines = append(lines, wrap("  "+text.Pad(c.Name, 14, false), c.Help, m.width)...)
	}
	section("signs")
	levels := strings.Join(m.theme.levels, "")
	lines = append(lines, wrap("  ", fmt.Sprintf("%s is a queue from empty to full; %s marks a time when drops rose. Red stands beside the words dropping and full, yellow beside stalled and high.", levels, dropMark), m.width)...)
	return lines[1:]
}

func (m *model) missingLines(n queue.Missing) []string {
	words := n.What + ": " + n.Why
	if n.Hint != "" {
		words += "; " + n.Hint
	}
	return wrap("  ", m.theme.visible(words), m.width)
}
