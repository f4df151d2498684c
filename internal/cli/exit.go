package cli

import (
	"context"
	"errors"
	"fmt"

	"listenq/internal/lab/sandbox"
	"listenq/internal/vm"
)

// The exit codes; where two apply, the higher wins.
const (
	exitFine        = 0
	exitBad         = 1   // it ran, and the answer is bad
	exitError       = 2   // usage, or an error
	exitImpossible  = 3   // not possible here: a right or a kernel feature is missing
	exitCheck       = 125 // check could not do its work; what is below is its command's
	exitInterrupted = 130 // by the user
)

// errBad says that the answer, already printed, is bad.
var errBad = errors.New("the answer is bad")

// usageError is a mistake on the command line.
type usageError struct{ message, hint string }

func (u *usageError) Error() string { return u.message }

// checkError is an error of check itself.
type checkError struct{ err error }

func (e *checkError) Error() string { return e.err.Error() }
func (e *checkError) Unwrap() error { return e.err }

// runError is an error of an experiment, which the text of its run contains.
type runError struct{ err error }

func (e *runError) Error() string { return e.err.Error() }
func (e *runError) Unwrap() error { return e.err }

// commandStatus is the exit code of a command that check ran, and so of listenq.
type commandStatus int

func (c commandStatus) Error() string { return fmt.Sprintf("the command exits with %d", int(c)) }

// silent reports whether an error is an exit code alone: the answer says the rest.
func silent(err error) bool {
	_, status := errors.AsType[commandStatus](err)
	_, ofRun := errors.AsType[*runError](err)
	return status || ofRun || errors.Is(err, errBad)
}

func exitCode(err error) int {
	var forbidden *sandbox.Forbidden
	var noGuest *vm.Unavailable
	var check *checkError
	var status commandStatus
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &check):
		return exitCheck
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, errBad):
		return exitBad
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &forbidden), errors.As(err, &noGuest):
		return exitImpossible
	}
	return exitError
}
