// Command picture draws what `listenq top` leaves on a terminal as SVG: it reads what the
// terminal was given, and takes the screen that Q prints at the end.
//
//	script -qc './listenq top' /dev/null | go run ./test/picture >docs/pictures/top.svg
package main

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"log"
	"os"
	"regexp"
	"strings"

	"listenq/internal/text"
)

// What a character takes, in pixels of the picture.
const (
	cellWidth, lineHeight = 8.4, 18
	fontSize, margin      = 14, 14
)

// leaves is how a terminal is made to leave the other screen (xterm, DECSET 1049).
const leaves = "\x1b[?1049l"

func main() {
	log.SetFlags(0)
	given, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	lines, err := screen(given)
	if err != nil {
		log.Fatalf("picture: %v", err)
	}
	if _, err := io.WriteString(os.Stdout, draw(lines)); err != nil {
		log.Fatal(err)
	}
}

// screen returns the lines of the last screen.
func screen(given []byte) ([]string, error) {
	_, after, ok := bytes.Cut(given, []byte(leaves))
	if !ok {
		return nil, fmt.Errorf("the terminal was never given a screen")
	}
	all := strings.ReplaceAll(string(after), "\r", "")
	frame, _, ok := strings.Cut(all, "\nworst: ")
	if !ok {
		return nil, fmt.Errorf("no screen was left behind")
	}
	lines := strings.Split(frame, "\n")
	for i, l := range lines {
		lines[i] = other.ReplaceAllString(l, "")
	}
	return lines, nil
}

// Sequences that set looks, and all others.
var (
	looks = regexp.MustCompile("\x1b\\[([0-9;]*)m")
	other = regexp.MustCompile("\x1b(\\[[0-9;?>=]*[A-Zac-ln-z~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|[=>78])")
)

// draw draws lines in the colours of a dark terminal.
func draw(lines []string) string {
	widest := 0
	for _, l := range lines {
		widest = max(widest, text.Width(l))
	}
	width, height := 2*margin+int(float64(widest)*cellWidth), 2*margin+len(lines)*lineHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="%d">`+"\n", width, height, width, fontSize)
	b.WriteString(`<title>listenq top</title>` + "\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="6" fill="#14171c"/>`+"\n", width, height)
	for i, l := range lines {
		line(&b, l, margin+(i+1)*lineHeight-5)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// line draws one line, piece by piece of one look.
func line(b *strings.Builder, l string, y int) {
	x, look := 0, ""
	for l != "" {
		piece, rest, next := l, "", look
		if at := looks.FindStringSubmatchIndex(l); at != nil {
			piece, rest, next = l[:at[0]], l[at[1]:], l[at[2]:at[3]]
		}
		if strings.TrimSpace(piece) != "" {
			span(b, piece, x, y, look)
		}
		x += text.Width(piece)
		l, look = rest, next
	}
}

func span(b *strings.Builder, piece string, x, y int, look string) {
	fill, weight := "#d7dce2", ""
	for _, code := range strings.Split(look, ";") {
		switch text.Look(code) {
		case text.Bold:
			weight = ` font-weight="bold"`
		case text.Faint:
			fill = "#8b939e"
		case text.Red:
			fill = "#ff7a72"
		case text.Yellow:
			fill = "#e6c062"
		case text.Reverse:
			fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="#d7dce2"/>`+"\n", left(x), y-lineHeight+5, float64(text.Width(piece))*cellWidth, lineHeight)
			fill = "#14171c"
		}
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%d" fill="%s"%s textLength="%.1f" xml:space="preserve">%s</text>`+"\n",
		left(x), y, fill, weight, float64(text.Width(piece))*cellWidth, html.EscapeString(piece))
}

func left(x int) float64 { return margin + float64(x)*cellWidth }
