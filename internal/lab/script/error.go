package script

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

// Error is one mistake in a script.
type Error struct {
	File    string
	Line    int    // from 1
	Column  int    // in characters, from 1; one more than the line has if something is missing at its end
	Text    string // the line
	Message string // what is wrong and what was expected
	Hint    string // what to do about it; may be empty
}

// Error returns the place and the message, the line with a caret under the
// place, and the hint, each on its own line. Text from the script that could
// change a terminal is escaped.
func (e *Error) Error() string {
	text, column := window(e.Text, e.Column-1)
	s := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if text != "" {
		s += fmt.Sprintf("\n  %s\n  %s^", text, strings.Repeat(" ", column))
	}
	if e.Hint != "" {
		s += "\n  hint: " + e.Hint
	}
	return s
}

// shown is how many characters of a line are shown before a mistake, and behind it.
const shown = 80

// window returns what of a line can be shown around its character at, and where
// that character is then. A tab becomes a space; what could change a terminal,
// an escape.
func window(line string, at int) (text string, column int) {
	var b strings.Builder
	i := 0
	for _, r := range line {
		if i == at {
			column = utf8.RuneCountInString(b.String())
		}
		switch {
		case i < at-shown || i > at+shown:
		case i == at-shown && i > 0 || i == at+shown:
			b.WriteRune('…')
		case r == '\t':
			b.WriteByte(' ')
		case r == utf8.RuneError || !unicode.IsPrint(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
		i++
	}
	if at >= i {
		column = utf8.RuneCountInString(b.String())
	}
	return b.String(), column
}

// Errors are all mistakes that were found in a script, in its order.
type Errors []*Error

func (e Errors) Error() string {
	all := make([]string, len(e))
	for i := range e {
		all[i] = e[i].Error()
	}
	return strings.Join(all, "\n")
}

// sort brings the errors into the order of the text.
func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// didYouMean returns a hint with the word that was probably meant; without one
// that is close it lists the words, if they are few.
func didYouMean(word string, words []string) string {
	const few = 20
	if w := nearest(word, words); w != "" {
		return fmt.Sprintf("did you mean %q?", w)
	}
	if len(words) == 0 || len(words) > few {
		return ""
	}
	return oneOf(words)
}

// nearest returns the word that word is most likely a slip of; empty if none is close.
func nearest(word string, words []string) string {
	const long = 64 // no word of the language is as long
	if len(word) > long {
		return ""
	}
	best, at := "", 1+(len(word)+1)/3
	for _, w := range words {
		if d := levenshtein.Distance(strings.ToLower(word), strings.ToLower(w), nil); d < at {
			best, at = w, d
		}
	}
	return best
}

func oneOf(words []string) string {
	if len(words) == 1 {
		return "write " + words[0]
	}
	return "one of " + strings.Join(words, ", ")
}
