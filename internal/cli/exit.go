package cli

import (
	"context"
	"errors"

	"listenq/internal/lab/sandbox"
)

// The exit codes; where two apply, the higher wins.
const (
	exitFine        = 0
	exitBad         = 1   // it ran, and the answer is bad
	exitError       = 2   // usage, or an error
	exitImpossible  = 3   // not possible here: a right or a kernel feature is missing
	exitInterrupted = 130 // by the user
)

// errBad says that the answer, already printed, is bad.
var errBad = errors.New("the answer is bad")

// usageError is a mistake on the command line.
type usageError struct{ message, hint string }

func (u *usageError) Error() string { return u.message }

func exitCode(err error) int {
	var forbidden *sandbox.Forbidden
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errBad):
		return exitBad
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &forbidden):
		return exitImpossible
	}
	return exitError
}
