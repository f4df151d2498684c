package text

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Screen is where an answer is printed, in lines and paragraphs. Of what others chose (names
// of processes, output of commands) nothing steers the terminal, nor makes a line of its own:
// a line feed in it is escaped as all else is that Line escapes.
type Screen struct {
	Out    io.Writer
	Width  int // columns; 0: do not wrap
	Height int // lines; 0: as many as there are
	Colour bool
}

// Colour says when looks are used: "auto", "always" or "never".
type Colour string

// When looks are used. Auto is on a terminal, unless NO_COLOR is set (no-color.org) or TERM
// is dumb.
const (
	Auto   Colour = "auto"
	Always Colour = "always"
	Never  Colour = "never"
)

// NewScreen returns a Screen of the size of the terminal that w is; any other has no width.
func NewScreen(w io.Writer, c Colour) Screen {
	file, ok := Below(w).(*os.File)
	tty := ok && term.IsTerminal(int(file.Fd()))
	s := Screen{Out: w, Colour: c == Always}
	if tty {
		s.Width = 80
		if columns, lines, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			s.Width, s.Height = columns, lines
		}
		s.Colour = s.Colour || c != Never && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	if t, ok := w.(*Writer); ok && s.Colour {
		t.AllowLooks()
	}
	return s
}

// Below returns what a Writer writes to, and any other writer as it is.
func Below(w io.Writer) io.Writer {
	if t, ok := w.(*Writer); ok {
		return t.below
	}
	return w
}

// bufferSize is as much as a pipe takes at once (pipe(7)).
const bufferSize = 64 << 10

// Buffered is the Screen for a long answer. What is printed is there after flush.
func (s Screen) Buffered() (b Screen, flush func() error) {
	out := bufio.NewWriterSize(s.Out, bufferSize)
	s.Out = out
	return s, out.Flush
}

// Style draws words with a look, where looks are used.
func (s Screen) Style(l Look, words string) string {
	if !s.Colour {
		return words
	}
	return Style(l, words)
}

// safe returns what is printed of a text: of what is styled here, the looks too.
func (s Screen) safe(words string) string {
	if s.Colour {
		return Line(words)
	}
	return Plain(words)
}

// Line prints one line, whatever is in it.
func (s Screen) Line(format string, args ...any) {
	fmt.Fprintln(s.Out, s.safe(fmt.Sprintf(format, args...)))
}

// Blank prints an empty line.
func (s Screen) Blank() { fmt.Fprintln(s.Out) }

// Wrap prints a text after a lead, and what does not fit into the width below it, as far in
// as the lead is wide.
func (s Screen) Wrap(lead, words string) {
	for _, line := range Wrap(s.safe(lead), s.safe(words), s.Width) {
		fmt.Fprintln(s.Out, line)
	}
}
