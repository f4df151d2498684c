// Package text is what a terminal is given: every byte of an answer or a message goes
// through a Writer, which passes what a terminal shows and the looks that Style makes,
// and escapes all else. So nothing that a process, a script, a capture, a recording or
// a guest is called, or says, moves the cursor, sets the title or turns the direction of
// what is read.
//
// A text that must be one line goes through Line, which escapes its line feeds, too.
package text

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Inert reports whether a terminal shows a character and obeys nothing in it: letters,
// marks, numbers, punctuation, symbols and the ASCII space are; controls, what turns the
// direction of text or joins it, and what Unicode has not given out are not.
func Inert(r rune) bool { return strconv.IsPrint(r) }

// Line is a text in one line: what is not inert, line feeds and tabs too, as
// strconv.Quote writes it. Looks stay.
func Line(s string) string {
	if plain(s) {
		return s
	}
	return string(appendShown(nil, s, kept{looks: true}))
}

// Plain is Line without looks: of a text that others chose.
func Plain(s string) string {
	if plain(s) {
		return s
	}
	return string(appendShown(nil, s, kept{}))
}

// ASCII is Plain, and what is not ASCII is escaped, too: for a terminal that knows no more.
func ASCII(s string) string {
	if plain(s) {
		return s
	}
	return string(appendShown(nil, s, kept{ascii: true}))
}

// plain reports whether a text is printable ASCII, as nearly all are: tables are long.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// kept is what is kept of a text besides inert characters.
type kept struct {
	looks bool
	lines bool // line feeds and tabs
	ascii bool // and of inert characters those of ASCII alone
}

// appendShown appends what a terminal shows of a text, and escapes the rest.
func appendShown(out []byte, s string, k kept) []byte {
	for len(s) > 0 {
		n := shown(s)
		if k.ascii && n > 1 {
			n = 0
		}
		if n == 0 && k.looks {
			n = look(s)
		}
		if n == 0 && k.lines && (s[0] == '\n' || s[0] == '\t') {
			n = 1
		}
		if n > 0 {
			out = append(out, s[:n]...)
		} else {
			n = next(s)
			out = appendQuoted(out, s[:n])
		}
		s = s[n:]
	}
	return out
}

// shown is how many bytes of an inert character a text begins with.
func shown(s string) int {
	if s[0] < utf8.RuneSelf {
		if s[0] >= ' ' && s[0] != 0x7f {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 || !Inert(r) {
		return 0
	}
	return n
}

// next is how many bytes the first character has.
func next(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}

func appendQuoted(out []byte, s string) []byte {
	quoted := strconv.QuoteToASCII(s)
	return append(out, quoted[1:len(quoted)-1]...)
}

// Look is how a piece of text is drawn, as parameters of SGR (ECMA-48, 8.3.117).
type Look string

// The looks that there are.
const (
	Bold    Look = "1"
	Faint   Look = "2"
	Reverse Look = "7"
	Red     Look = "31"
	Green   Look = "32"
	Yellow  Look = "33"
	Magenta Look = "35"
)

// And is both looks at once.
func (l Look) And(other Look) Look { return l + ";" + other }

// Style draws a text that way.
func Style(l Look, s string) string {
	if l == "" || s == "" {
		return s
	}
	return "\x1b[" + string(l) + "m" + s + "\x1b[0m"
}

// longestLook is longer than any sequence that sets looks.
const longestLook = 24

// look is how many bytes of a sequence a text begins with that does nothing but set looks
// that there are, or end them.
func look(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	end := strings.IndexByte(s[:min(len(s), longestLook)], 'm')
	if end < 0 {
		return 0
	}
	for parameter := range strings.SplitSeq(s[2:end], ";") {
		switch Look(parameter) {
		case "", "0", Bold, Faint, Reverse, Red, Green, Yellow, Magenta:
		default:
			return 0
		}
	}
	return end + 1
}
