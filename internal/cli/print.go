// Package cli is the command line: one file per command, and how answers,
// messages and exit codes look. It parses, calls one function, and prints.
//
// Rules of the output:
//   - stdout is the answer, stderr is everything else;
//   - messages are "listenq: error: …" and "listenq: hint: …", lower case, no full stop;
//   - the text and the JSON are made from the same struct;
//   - a terminal changes looks (colour, width), never content; of a long list it shows
//     what is bad and a screenful, and says how to see the rest;
//   - what others chose is data: it steers no terminal, begins no line and is no command;
//   - colour never carries a meaning alone.
package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/term"

	"listenq/internal/lab"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
	"listenq/internal/text"
	"listenq/internal/vm"
)

// Env is what the program is run with, so that tests can give their own.
type Env struct {
	Args           []string // without the program's name
	Stdout, Stderr io.Writer
	Version        string

	checks *atomic.Bool // a command of check runs
}

// screen is where an answer is printed, in lines and paragraphs. Of what others chose
// (names of processes, output of commands) nothing steers the terminal, nor makes a line
// of its own: a line feed in it is escaped as all else is that text.Line escapes.
type screen struct {
	out    io.Writer
	width  int // columns; 0: do not wrap
	height int // lines; 0: as many as there are
	colour bool
}

func newScreen(w io.Writer, colour string) screen {
	file, ok := underlying(w).(*os.File)
	tty := ok && term.IsTerminal(int(file.Fd()))
	s := screen{out: w, colour: colour == "always"}
	if tty {
		s.width = 80
		if columns, lines, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			s.width, s.height = columns, lines
		}
		plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || colour == "never"
		s.colour = s.colour || !plain
	}
	if t, ok := w.(*text.Writer); ok && s.colour {
		t.AllowLooks()
	}
	return s
}

// textBuffer is as much as a pipe takes at once (pipe(7)).
const textBuffer = 64 << 10

// buffered is the screen for a long answer. What is printed is there after flush.
func (s screen) buffered() (b screen, flush func() error) {
	out := bufio.NewWriterSize(s.out, textBuffer)
	s.out = out
	return s, out.Flush
}

// underlying is what is behind a writer of text: a command that check runs writes there
// directly.
func underlying(w io.Writer) io.Writer {
	if t, ok := w.(*text.Writer); ok {
		return t.Below()
	}
	return w
}

// The few looks that answers use.
const (
	bold   = text.Bold
	red    = text.Red
	green  = text.Green
	yellow = text.Yellow
	faint  = text.Faint
)

func (s screen) style(look text.Look, words string) string {
	if !s.colour {
		return words
	}
	return text.Style(look, words)
}

// safe is what is printed of a text: of what is styled here, the looks too.
func (s screen) safe(words string) string {
	if s.colour {
		return text.Line(words)
	}
	return text.Plain(words)
}

// line prints one line, whatever is in it.
func (s screen) line(format string, args ...any) {
	fmt.Fprintln(s.out, s.safe(fmt.Sprintf(format, args...)))
}

// blank prints an empty line.
func (s screen) blank() { fmt.Fprintln(s.out) }

// mostMeasured is how much of a text is looked at to tell whether it fits into a line.
const mostMeasured = 4 << 10

// wrap prints text after a lead, and what does not fit into the width below
// it, as far in as the lead is wide.
func (s screen) wrap(lead, words string) {
	lead, words = s.safe(lead), s.safe(words)
	room := s.width - printed(lead)
	for s.width > 0 && printed(words[:min(len(words), mostMeasured)]) > room {
		cut := strings.LastIndexByte(words[:min(len(words), byteAt(words, room+1))], ' ')
		if cut <= 0 {
			break
		}
		fmt.Fprintln(s.out, lead+words[:cut])
		lead, words = strings.Repeat(" ", printed(lead)), words[cut+1:]
	}
	fmt.Fprintln(s.out, lead+words)
}

// message prints an error and what to do about it. Behind the first line of an error that
// has several there may be words of others.
func message(w io.Writer, err error) {
	s := newScreen(w, "never")
	var mistakes script.Errors
	lines := strings.Split(strings.TrimRight(err.Error(), "\n"), "\n")
	switch {
	case errors.As(err, &mistakes): // those say where they are themselves
		for _, line := range lines {
			s.line("%s", line)
		}
	default:
		s.line("listenq: error: %s", lines[0])
		for _, line := range lines[1:] {
			s.line("  | %s", line)
		}
	}
	for _, hint := range hints(err) {
		s.line("listenq: hint: %s", hint)
	}
}

func hints(err error) []string {
	var usage *usageError
	var forbidden *sandbox.Forbidden
	var failure *lab.Failure
	var noGuest *vm.Unavailable
	var wrong *vm.WrongArch
	switch {
	case errors.As(err, &noGuest) && noGuest.Hint != "":
		return []string{noGuest.Hint}
	case errors.As(err, &wrong):
		return []string{fmt.Sprintf("--guest-program FILE, with a listenq for that (CGO_ENABLED=0 GOARCH=%s go build ./cmd/listenq)", wrong.KernelArch)}
	case errors.As(err, &usage) && usage.hint != "":
		return []string{usage.hint}
	case errors.As(err, &forbidden):
		return []string{forbidden.Way}
	case errors.As(err, &failure) && failure.Hint != "":
		return []string{failure.Hint}
	}
	return nil
}
