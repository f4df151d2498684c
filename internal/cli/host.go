package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"listenq/internal/answer"
	"listenq/internal/kernel"
	"listenq/internal/queue"
)

// step is the time between two samples of an observation, of a long one more, so
// that it does not have more than mostSteps.
const (
	step      = 100 * time.Millisecond
	mostSteps = 1000
)

// always is a history's memory that forgets nothing of an observation.
const always = 1000 * time.Hour

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

// observer looks at a host again and again, and keeps what it saw.
type observer struct {
	source  func(*queue.Sample) error
	history *queue.History
}

// look takes one sample.
func (o *observer) look() error {
	var s queue.Sample
	if err := o.source(&s); err != nil {
		return err
	}
	o.history.Take(&s)
	return nil
}

// watch takes samples for that long, the first at once and the last at its end. After each but
// the first, looked is called.
func (o *observer) watch(ctx context.Context, d time.Duration, looked func(*queue.History)) error {
	if err := o.look(); err != nil {
		return err
	}
	every := max(step, d/mostSteps)
	for end := time.Now().Add(d); time.Until(end) > 0; {
		if err := pause(ctx, min(every, time.Until(end))); err != nil {
			return err
		}
		if err := o.look(); err != nil {
			return err
		}
		looked(o.history)
	}
	return nil
}

// pause waits, or until the user has had enough.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// warn says what could not be looked at.
func warn(w io.Writer, missing []answer.Missing) {
	for _, m := range missing {
		text := m.What + ": " + m.Why
		if m.Hint != "" {
			text += " (" + m.Hint + ")"
		}
		newScreen(w, "never").wrap("listenq: warning: not seen: ", text)
	}
}
