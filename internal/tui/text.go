package tui

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"listenq/internal/queue"
)

// visible writes what cannot be printed the way Go quotes it: what others chose (names
// of processes, of namespaces) must not steer the terminal.
func visible(text string, ascii bool) string {
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case strconv.IsPrint(r) && (!ascii || r < utf8.RuneSelf):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[n:]
	}
	return b.String()
}

// fit cuts text, with the looks in it, to so many cells.
func (t *theme) fit(text string, width int) string {
	if width <= 0 {
		return ""
	}
	return ansi.Truncate(text, width, t.more)
}

// fitAddress cuts an address in the middle: its port stays.
func (t *theme) fitAddress(text string, width int) string {
	port := strings.LastIndexByte(text, ':')
	if port < 0 || ansi.StringWidth(text) <= width {
		return t.fit(text, width)
	}
	return t.fit(text[:port], max(width-ansi.StringWidth(text[port:]), 1)) + text[port:]
}

// pad fills text up to so many cells.
func pad(text string, width int, right bool) string {
	space := strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
	if right {
		return space + text
	}
	return text + space
}

// wrap breaks plain text at spaces, into lines of so many cells behind a lead.
func wrap(lead, text string, width int) []string {
	indent := strings.Repeat(" ", ansi.StringWidth(lead))
	var lines []string
	for _, line := range strings.Split(ansi.Wrap(text, max(width-len(indent), 10), ""), "\n") {
		lines = append(lines, lead+line)
		lead = indent
	}
	return lines
}

// unknown is how what was not looked at is shown, none what there is none of.
const (
	unknown = "?"
	none    = "-"
)

func countText(c queue.Count) string {
	if !c.Known {
		return unknown
	}
	return strconv.FormatUint(c.N, 10)
}

func rateText(r queue.Rate) string {
	switch {
	case !r.Known:
		return unknown
	case r.PerSecond >= 100:
		return fmt.Sprintf("%.0f", r.PerSecond)
	}
	return fmt.Sprintf("%.1f", r.PerSecond)
}

func lengthText(l *queue.Listener) string {
	if l.AcceptLimit == queue.NoLimit {
		return strconv.Itoa(l.AcceptLen) + "/" + unknown
	}
	return fmt.Sprintf("%d/%d", l.AcceptLen, l.AcceptLimit)
}

// processText names the process of a listener, and says how many more there are.
func processText(l *queue.Listener, ascii bool) string {
	switch {
	case l.Processes == nil:
		return unknown
	case len(l.Processes) == 0:
		return none
	}
	text := fmt.Sprintf("%s[%d]", visible(l.Processes[0].Name, ascii), l.Processes[0].PID)
	if more := len(l.Processes) - 1; more > 0 {
		text += fmt.Sprintf(" +%d", more)
	}
	return text
}

// netnsText names a namespace: by its name, else by its number.
func netnsText(n *queue.Namespace, id queue.NetnsID, ascii bool) string {
	switch {
	case n != nil && n.Name != "":
		return visible(n.Name, ascii)
	case n != nil && n.Host:
		return "host"
	}
	return strconv.FormatUint(uint64(id), 10)
}
