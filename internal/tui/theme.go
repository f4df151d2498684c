package tui

import (
	"listenq/internal/answer"
	"listenq/internal/text"
)

// Theme is which colours are used.
type Theme string

// The themes. Auto asks the terminal for its background.
const (
	Auto  Theme = "auto"
	Dark  Theme = "dark"
	Light Theme = "light"
	Mono  Theme = "mono" // none
)

// Themes are all of them.
var Themes = []Theme{Auto, Dark, Light, Mono}

// look is how a piece of text is drawn. Each has a word or a sign beside it: colour
// never carries a meaning alone.
type look int

const (
	plain look = iota
	faint
	strong
	warning
	bad
	chosen
)

// theme is how things are drawn: with the 16 colours that every terminal has, on its
// own background.
type theme struct {
	ascii        bool
	looks        map[look]text.Look
	levels       []string // of a queue, from empty to full
	filled, rest string   // of a bar
	edge         [2]string
	more         string // in place of what was cut off
	up, down     string // the direction of a sort
	dash         string
}

func newTheme(ascii bool, colours Theme) theme {
	t := theme{
		ascii: ascii, levels: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, filled: "█", rest: "░",
		more: text.Ellipsis, up: "▲", down: "▼", dash: "─",
	}
	if ascii {
		t.levels = []string{".", ":", "-", "=", "+", "*", "%", "#"}
		t.filled, t.rest, t.edge, t.more, t.up, t.down, t.dash = "#", "-", [2]string{"[", "]"}, "~", "^", "v", "-"
	}
	t.colour(colours)
	return t
}

// colour changes the colours. Yellow cannot be read on white.
func (t *theme) colour(colours Theme) {
	t.looks = map[look]text.Look{faint: text.Faint, strong: text.Bold, chosen: text.Reverse, bad: text.Bold}
	switch colours {
	case Mono:
	case Light:
		t.looks[warning], t.looks[bad] = text.Magenta, text.Bold.And(text.Red)
	default:
		t.looks[warning], t.looks[bad] = text.Yellow, text.Bold.And(text.Red)
	}
}

func (t *theme) draw(l look, words string) string { return text.Style(t.looks[l], words) }

// visible is what others chose, as the terminal can show it.
func (t *theme) visible(words string) string {
	if t.ascii {
		return text.ASCII(words)
	}
	return text.Plain(words)
}

// fit cuts a text, with the looks in it, to so many cells.
func (t *theme) fit(words string, width int) string { return text.Cut(words, width, t.more) }

// tones are the looks of what answers call urgent.
var tones = map[answer.Tone]look{answer.Alarm: bad, answer.Warning: warning}
