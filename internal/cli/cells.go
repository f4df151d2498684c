package cli

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// printed counts the columns of a text, without what only changes its look.
func printed(text string) int {
	if plain(text) {
		return len(text)
	}
	return ansi.StringWidth(text)
}

// plain reports whether a text is printable ASCII, as nearly all are: tables are long.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// byteAt returns the offset behind the first n columns of a text.
func byteAt(text string, n int) int {
	for i, r := range text {
		if n -= printed(string(r)); n < 0 {
			return i
		}
	}
	return len(text)
}

// cut is a text in at most that many columns: "a long na…".
func cut(text string, width int) string { return ansi.Truncate(text, width, "…") }

// cutAddress is an address in at most that many columns, with its port:
// "[2001:db8:…:443".
func cutAddress(address string, width int) string {
	port := strings.LastIndexByte(address, ':')
	if printed(address) <= width || port < 0 {
		return cut(address, width)
	}
	return cut(address[:port], max(1, width-printed(address[port:]))) + address[port:]
}

// pad fills a text up with blanks to that many columns.
func pad(text string, width int, right bool) string {
	blanks := strings.Repeat(" ", max(0, width-printed(text)))
	if right {
		return blanks + text
	}
	return text + blanks
}
