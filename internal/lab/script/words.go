package script

import (
	"errors"
	"strconv"
	"strings"
)

// word is a part of a line between white space.
type word struct {
	text    string // without quotes
	quoted  bool   // a part of it was in quotes: it is no keyword
	at, end int    // its bytes in the line
}

var (
	errQuote  = errors.New("the quote is not closed")
	errEscape = errors.New("unknown escape")
)

// splitWords cuts a line into words, up to its comment. As in a shell, quotes
// may begin within a word; in double quotes the escapes of Go are understood.
// An error is about the byte at which the returned offset points.
func splitWords(line string) (words []word, at int, err error) {
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == ' ' || c == '\t':
			i++
		case c == '#':
			return words, 0, nil
		default:
			w, at, err := cutWord(line, i)
			if err != nil {
				return words, at, err
			}
			words = append(words, w)
			i = w.end
		}
	}
	return words, 0, nil
}

// cutWord cuts the word that begins at byte i.
func cutWord(line string, i int) (w word, at int, err error) {
	w.at = i
	var text strings.Builder
	for i < len(line) && line[i] != ' ' && line[i] != '\t' {
		c := line[i]
		if c != '\'' && c != '"' {
			text.WriteByte(c)
			i++
			continue
		}
		w.quoted = true
		if i, at, err = cutQuoted(line, i, &text); err != nil {
			return w, at, err
		}
	}
	w.text, w.end = text.String(), i
	return w, 0, nil
}

// cutQuoted adds what is in the quotes that open at byte i to text, and returns
// the byte behind them.
func cutQuoted(line string, i int, text *strings.Builder) (next, at int, err error) {
	quote, rest := line[i], line[i+1:]
	for rest != "" && rest[0] != quote {
		if quote == '\'' {
			text.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		r, multibyte, tail, err := strconv.UnquoteChar(rest, quote)
		if err != nil {
			return 0, len(line) - len(rest), errEscape
		}
		if multibyte {
			text.WriteRune(r)
		} else {
			text.WriteByte(byte(r))
		}
		rest = tail
	}
	if rest == "" {
		return 0, i, errQuote
	}
	return len(line) - len(rest) + 1, 0, nil
}

// isName reports whether s can name a connection, a server or a result: a
// letter, then letters, digits and _, at most 32 in all.
func isName(s string) bool {
	for i, r := range s {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r != '_' && (r < '0' || '9' < r)) {
			return false
		}
	}
	return s != "" && len(s) <= 32
}
