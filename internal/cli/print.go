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
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"listenq/internal/lab/job"
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

// message prints an error and what to do about it. Behind the first line of an error that
// has several there may be words of others.
func message(w io.Writer, err error) {
	s := text.NewScreen(w, "never")
	var mistakes script.Errors
	lines := strings.Split(strings.TrimRight(err.Error(), "\n"), "\n")
	switch {
	case errors.As(err, &mistakes): // those say where they are themselves
		for _, line := range lines {
			s.Line("%s", line)
		}
	default:
		s.Line("listenq: error: %s", lines[0])
		for _, line := range lines[1:] {
			s.Line("  | %s", line)
		}
	}
	for _, hint := range hints(err) {
		s.Line("listenq: hint: %s", hint)
	}
}

func hints(err error) []string {
	var usage *usageError
	var forbidden *sandbox.Forbidden
	var failure *job.Failure
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
