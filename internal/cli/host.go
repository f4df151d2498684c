package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"listenq/internal/answer"
	"listenq/internal/kernel"
	"listenq/internal/queue"
	"listenq/internal/text"
)

// step is the time between two samples of an observation, of a long one more, so
// that it does not have more than mostSteps.
const (
	step      = 100 * time.Millisecond
	mostSteps = 1000
)

// hostFlags are those of all commands that look at this machine.
type hostFlags struct {
	netns       string
	noProcesses bool
	noWalk      bool
}

func (f *hostFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.netns, "netns", "all", "network namespaces to look at: all that can be entered, or own")
	flags.BoolVar(&f.noProcesses, "no-processes", false, "do not look for the processes that own the sockets")
	flags.BoolVar(&f.noWalk, "no-walk", false, "do not walk over all connections: no SYN queues and no waits, but quick where they are many")
}

// options are those of the kernel's reader.
func (f *hostFlags) options() (kernel.HostOptions, error) {
	if f.netns != "all" && f.netns != "own" {
		return kernel.HostOptions{}, &usageError{fmt.Sprintf("--netns takes all or own, not %q", f.netns), "one namespace: listenq ls netns:NAME"}
	}
	return kernel.HostOptions{Namespaces: f.netns == "all", Processes: !f.noProcesses, Requests: !f.noWalk, Waiting: !f.noWalk}, nil
}

func parseFilter(words []string) (queue.Filter, error) {
	f, err := queue.ParseFilter(words)
	if wrong, ok := errors.AsType[*queue.FilterError](err); ok {
		return f, &usageError{wrong.Error(), "the forms of a filter: listenq ls --help"}
	}
	return f, err
}

// stepOf is the time between two samples of an observation that takes so long.
func stepOf(d time.Duration) time.Duration { return max(step, d/mostSteps) }

// warn says what could not be looked at.
func warn(w io.Writer, missing []answer.Missing) {
	for _, m := range missing {
		words := m.What + ": " + m.Why
		if m.Hint != "" {
			words += " (" + m.Hint + ")"
		}
		text.NewScreen(w, "never").Wrap("listenq: warning: not seen: ", words)
	}
}
