package answer

import (
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"listenq/internal/text"
)

// tamed stands for a character that a terminal may obey.
const tamed = "·"

// tame returns JSON without what a terminal may obey in its strings, written out or
// escaped. Line feeds and tabs stay.
func tame(s []byte) []byte {
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		n := 1
		switch {
		case s[0] == '\\' && len(s) > 1:
			n = 2
			obeyed := s[1] == 'b' || s[1] == 'f' || s[1] == 'r'
			if s[1] == 'u' {
				var r rune
				r, n = escaped(s)
				obeyed = r != '\n' && r != '\t' && r != unicode.ReplacementChar && !text.Inert(r)
			}
			if obeyed {
				out, s = append(out, tamed...), s[n:]
				continue
			}
		case s[0] >= 0x7f:
			var r rune
			if r, n = utf8.DecodeRune(s); n > 1 && !text.Inert(r) || s[0] == 0x7f {
				out, s = append(out, tamed...), s[n:]
				continue
			}
		}
		out, s = append(out, s[:n]...), s[n:]
	}
	return out
}

// escaped is the character that a \u stands for, or two of them, and how many bytes they
// have. Half a pair is read as U+FFFD, as encoding/json does.
func escaped(s []byte) (rune, int) {
	first, n := unit(s)
	if !utf16.IsSurrogate(first) {
		return first, n
	}
	second, more := unit(s[n:])
	if r := utf16.DecodeRune(first, second); r != unicode.ReplacementChar {
		return r, n + more
	}
	return unicode.ReplacementChar, n
}

// unit is one \u; what is none is read as U+FFFD.
func unit(s []byte) (rune, int) {
	n := min(len(s), len(`\u0000`))
	if n < len(`\u0000`) || s[0] != '\\' || s[1] != 'u' {
		return unicode.ReplacementChar, n
	}
	r, err := strconv.ParseUint(string(s[2:n]), 16, 16)
	if err != nil {
		return unicode.ReplacementChar, n
	}
	return rune(r), n
}
