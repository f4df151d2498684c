package tui

import (
	"image/color"

	"charm.land/lipgloss/v2"

	"listenq/internal/queue"
)

// look is how a piece of text is drawn. Each has a word or a sign beside it: colour
// never carries a meaning alone.
type look int

const (
	plain look = iota
	faint
	strong
	good
	warning
	bad
	chosen
	looks // how many there are
)

// theme is how things are drawn: with the 16 colours that every terminal has, on its
// own background.
type theme struct {
	ascii        bool
	styles       [looks]lipgloss.Style
	levels       []string // of a queue, from empty to full
	filled, rest string   // of a bar
	edge         [2]string
	more         string // in place of what was cut off
	up, down     string // the direction of a sort
	dash         string
}

func newTheme(ascii, mono bool) theme {
	t := theme{
		ascii: ascii, levels: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, filled: "█", rest: "░",
		more: "…", up: "▲", down: "▼", dash: "─",
	}
	if ascii {
		t.levels = []string{".", ":", "-", "=", "+", "*", "%", "#"}
		t.filled, t.rest, t.edge, t.more, t.up, t.down, t.dash = "#", "-", [2]string{"[", "]"}, "~", "^", "v", "-"
	}
	style := lipgloss.NewStyle()
	t.styles = [looks]lipgloss.Style{plain: style, faint: style.Faint(true), strong: style.Bold(true), chosen: style.Reverse(true)}
	colours := map[look]color.Color{good: lipgloss.Green, warning: lipgloss.Yellow, bad: lipgloss.Red}
	for l, c := range colours {
		t.styles[l] = style.Foreground(c)
		if mono {
			t.styles[l] = style
		}
	}
	t.styles[bad] = t.styles[bad].Bold(true)
	return t
}

func (t *theme) draw(l look, text string) string {
	if l == plain || text == "" {
		return text
	}
	return t.styles[l].Render(text)
}

func stateLook(s queue.State) look {
	switch s {
	case queue.Dropping, queue.Full:
		return bad
	case queue.Stalled, queue.High:
		return warning
	}
	return plain
}
