// Package cli is the command line: one file per command, and how answers,
// messages and exit codes look. It parses, calls one function, and prints.
//
// Rules of the output:
//   - stdout is the answer, stderr is everything else;
//   - messages are "listenq: error: …" and "listenq: hint: …", lower case, no full stop;
//   - the text and the JSON are made from the same struct;
//   - a terminal changes looks (colour, width), never content; of a long list it shows
//     what is bad and a screenful, and says how to see the rest;
//   - colour never carries a meaning alone.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"

	"listenq/internal/lab"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
	"listenq/internal/vm"
)

// Env is what the program is run with, so that tests can give their own.
type Env struct {
	Args           []string // without the program's name
	Stdout, Stderr io.Writer
	Version        string
}

// screen is where an answer is printed.
type screen struct {
	io.Writer
	width  int // columns; 0: do not wrap
	height int // lines; 0: as many as there are
	colour bool
}

func newScreen(w io.Writer, colour string) screen {
	below := w
	if a, ok := w.(*answer); ok {
		below = a.Writer
	}
	file, ok := below.(*os.File)
	tty := ok && term.IsTerminal(int(file.Fd()))
	s := screen{Writer: w, colour: colour == "always"}
	if !tty {
		return s
	}
	s.width = 80
	if columns, lines, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
		s.width, s.height = columns, lines
	}
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || colour == "never"
	s.colour = s.colour || !plain
	return s
}

// The few looks that answers use.
const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
)

func (s screen) style(look, text string) string {
	if !s.colour || look == "" || text == "" {
		return text
	}
	return "\x1b[" + look + "m" + text + "\x1b[0m"
}

// wrap prints text after a lead, and what does not fit into the width below
// it, as far in as the lead is wide.
func (s screen) wrap(lead, text string) {
	room := s.width - printed(lead)
	for s.width > 0 && printed(text) > room {
		cut := strings.LastIndexByte(text[:min(len(text), byteAt(text, room+1))], ' ')
		if cut <= 0 {
			break
		}
		fmt.Fprintln(s, lead+text[:cut])
		lead, text = strings.Repeat(" ", printed(lead)), text[cut+1:]
	}
	fmt.Fprintln(s, lead+text)
}

// clean takes control characters, and those that turn the direction of text,
// out of what others chose (names of processes, output of commands), so that it
// cannot steer the terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return '·'
		}
		return r
	}, text)
}

// message prints an error and what to do about it.
func message(w io.Writer, err error) {
	text := strings.TrimRight(clean(err.Error()), "\n")
	if _, ok := errors.AsType[script.Errors](err); !ok { // those say where they are themselves
		text = "listenq: error: " + text
	}
	fmt.Fprintln(w, text)
	for _, hint := range hints(err) {
		fmt.Fprintf(w, "listenq: hint: %s\n", hint)
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
