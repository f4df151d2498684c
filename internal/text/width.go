package text

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Width counts the columns that a terminal needs for a text, without what only changes its
// look.
func Width(s string) int {
	if plain(s) {
		return len(s)
	}
	return ansi.StringWidth(s)
}

// Ellipsis stands for what was cut off.
const Ellipsis = "…"

// Cut returns a text in at most that many columns, with a mark in place of what is missing:
// "a long na…".
func Cut(s string, width int, mark string) string {
	if width <= 0 {
		return ""
	}
	return ansi.Truncate(s, width, mark)
}

// CutAddress returns an address in at most that many columns. Its port stays:
// "[2001:db8:…:443".
func CutAddress(address string, width int, mark string) string {
	port := strings.LastIndexByte(address, ':')
	if Width(address) <= width || port < 0 {
		return Cut(address, width, mark)
	}
	return Cut(address[:port], max(1, width-Width(address[port:])), mark) + address[port:]
}

// CutName returns "name[pid] +3" in at most that many columns. The name is cut as long as two
// characters of it stay.
func CutName(process string, width int, mark string) string {
	pid := strings.LastIndexByte(process, '[')
	if pid < 0 || width-Width(process[pid:]) < 2 {
		return Cut(process, width, mark)
	}
	return Cut(process[:pid], width-Width(process[pid:]), mark) + process[pid:]
}

// Pad fills a text up with blanks to that many columns; to the right it stands at their end.
func Pad(s string, width int, right bool) string {
	blanks := strings.Repeat(" ", max(0, width-Width(s)))
	if right {
		return blanks + s
	}
	return s + blanks
}

// Wrap breaks a text at blanks into lines of so many columns. The first stands behind a lead,
// the others as far in as it is wide. A word that is too long has a line of its own. With a
// width of 0 there is one line.
func Wrap(lead, words string, width int) []string {
	var lines []string
	room := width - Width(lead)
	for width > 0 && tooWide(words, room) {
		cut := strings.LastIndexByte(words[:min(len(words), byteAt(words, room+1))], ' ')
		if cut <= 0 {
			if cut = strings.IndexByte(words, ' '); cut <= 0 {
				break
			}
		}
		lines = append(lines, lead+words[:cut])
		lead, words = strings.Repeat(" ", Width(lead)), words[cut+1:]
	}
	return append(lines, lead+words)
}

// mostMeasured is how much of a text is looked at to find out whether it fits into a line.
const mostMeasured = 4 << 10

func tooWide(words string, room int) bool {
	return Width(words[:min(len(words), mostMeasured)]) > room
}

// byteAt returns the offset behind the first n columns of a text. Looks take none.
func byteAt(s string, n int) int {
	for i := 0; i < len(s); {
		if size := look(s[i:]); size > 0 {
			i += size
			continue
		}
		size := next(s[i:])
		if n -= Width(s[i : i+size]); n < 0 {
			return i
		}
		i += size
	}
	return len(s)
}
