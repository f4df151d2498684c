package show

import (
	"fmt"
	"slices"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/text"
)

func Kernel(s text.Screen, k answer.Kernel, how bool) {
	s.Wrap("", strings.TrimSpace("Linux "+k.Kernel+" "+k.Version))
	group := ""
	for _, f := range k.Facts {
		if f.Group != group {
			group = f.Group
			s.Blank()
			s.Line("%s", s.Style(text.Bold, group))
		}
		printFact(s, f, k.Missing, how)
	}
	s.Blank()
	s.Line("%s", s.Style(text.Bold, "settings"))
	for _, setting := range k.Settings {
		printSetting(s, setting)
	}
}

// valueWidth is the column of values; a longer one has a line of its own.
const valueWidth = 6

// printValue prints a value, and the text beside it.
func printValue(s text.Screen, value, meaning string) {
	value = text.Plain(value)
	if text.Width(value) > valueWidth {
		s.Line("  %s", value)
		value = ""
	}
	s.Wrap(fmt.Sprintf("  %-*s  ", valueWidth, value), meaning)
}

// printFact prints a fact. Why experiments could not be run was said already.
func printFact(s text.Screen, f answer.Fact, said []answer.Missing, how bool) {
	value, words := "?", f.Name+": "+f.Meaning
	if f.Value != nil {
		value = fmt.Sprint(f.Value)
	} else if !slices.ContainsFunc(said, func(m answer.Missing) bool { return m.Why == f.UnknownBecause }) {
		words += " Unknown: " + f.UnknownBecause + "."
	}
	printValue(s, value, words)
	if how {
		s.Wrap(strings.Repeat(" ", valueWidth+4), s.Style(text.Faint, "how: "+f.How))
	}
}

func printSetting(s text.Screen, setting answer.Setting) {
	value, words := setting.Value, setting.Name+": "+setting.Meaning
	if setting.UnknownBecause != "" {
		value, words = "?", words+" Unknown: "+setting.UnknownBecause+"."
	}
	if value != setting.Experiments {
		words += " Experiments begin with " + setting.Experiments + "."
	}
	printValue(s, value, words)
}
