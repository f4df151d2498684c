package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/lab/job"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
)

func TestExitCode(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"fine", nil, 0},
		{"bad answer", errBad, 1},
		{"usage", &usageError{"no", ""}, 2},
		{"failure", &job.Failure{Message: "no"}, 2},
		{"forbidden", fmt.Errorf("start: %w", &sandbox.Forbidden{Err: os.ErrPermission}), 3},
		{"interrupted", context.Canceled, 130},
		{"the worse of two", worseOf(errBad, context.Canceled), 130},
		{"the worse of two, turned", worseOf(errors.New("x"), errBad), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := exitCode(tt.err); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	forbidden := &sandbox.Forbidden{Setting: "user.max_user_namespaces", Value: "0", Way: "sysctl user.max_user_namespaces=10000", Err: os.ErrPermission}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"plain", errors.New("no such thing"), "listenq: error: no such thing\n"},
		{"hint", &usageError{"unknown word", "see --help"}, "listenq: error: unknown word\nlistenq: hint: see --help\n"},
		{"forbidden", forbidden, "listenq: error: namespaces are not allowed here: user.max_user_namespaces is 0: permission denied\nlistenq: hint: sysctl user.max_user_namespaces=10000\n"},
		{"hostile", errors.New("a\x1b]0;title\x07b"), "listenq: error: a\\x1b]0;title\\ab\n"},
		{"lines of others", errors.New("the lab ended\nlistenq: hint: sudo rm\x1b[A"), "listenq: error: the lab ended\n  | listenq: hint: sudo rm\\x1b[A\n"},
		{"a mistake", fmt.Errorf("x: %w", script.Errors{{File: "a.lab", Line: 1, Column: 1, Message: "no"}}), "x: a.lab:1:1: no\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			message(&out, tt.err)
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}
