package cli

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"listenq/internal/text"
)

// How long a command that was interrupted has to end by itself, and to print what it has:
// an experiment is handed over and its namespaces are taken down.
const (
	grace    = 3 * time.Second
	labGrace = 15 * time.Second
)

// endOnSignal ends this program when it was interrupted and does not end by itself,
// whatever it is blocked in: a pipe that nobody reads, a file that does not answer. What it
// returns calls that off.
func endOnSignal(ctx context.Context, root *cobra.Command, env Env) (off func() bool) {
	return context.AfterFunc(ctx, func() {
		time.Sleep(graceOf(root, env.Args))
		if env.checks.Load() {
			return // until its command ends, to which it passes signals on
		}
		go reportInterrupted(env) // stderr may be what blocks
		time.Sleep(grace / 10)
		os.Exit(exitInterrupted)
	})
}

func reportInterrupted(env Env) { text.NewScreen(env.Stderr, "never").Line("listenq: interrupted") }

// graceOf is how long a command has.
func graceOf(root *cobra.Command, args []string) time.Duration {
	if cmd, _, err := root.Find(args); err == nil && slices.Contains([]string{"run", "burst", "kernel"}, cmd.Name()) {
		return labGrace
	}
	return grace
}
