package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
	"listenq/internal/files"
	"listenq/internal/kernel"
	"listenq/internal/watch"
)

type checkFlags struct {
	listeners []string
	netns     string
	json      string
}

func newCheck(env Env) *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [--listener FILTER] -- COMMAND…",
		Short: "run a command, and fail if a listen queue overflowed meanwhile",
		Long: `Runs a command, such as a load test or a deploy, and looks at the listeners of this
machine meanwhile: did a queue of one of them overflow? The command has stdin and
stdout; the answer is on stderr.

  listenq check -- ab -n 10000 -c 200 http://127.0.0.1:8080/
  listenq check --listener :8080 -- ./load-test
  listenq check --json check.json -- make integration-test

Overflows are counted by the kernel, so that none is missed, for the network
namespaces that listenq can enter. Which listener it was is told by its own drops
(sk_drops), looked at every 10 to 100 ms: one that closes may take its last ones
with it. A filter is as in listenq ls.

Exit code: 1 if a queue overflowed, else that of the command (128 + N if signal N
ended it); 125 if check itself could not do its work.`,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		RunE: func(_ *cobra.Command, args []string) error {
			return runCheck(env, f, args)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return &checkError{&usageError{err.Error(), "flags of the command come after --: listenq check -- COMMAND…"}}
	})
	flags := cmd.Flags()
	flags.SetInterspersed(false)
	flags.StringArrayVar(&f.listeners, "listener", nil, "only those that match `FILTER`")
	flags.StringVar(&f.netns, "netns", "all", "network namespaces to look at: all that can be entered, or own")
	flags.StringVar(&f.json, "json", "", "write JSON (schema listenq/check/v1) to `FILE`; - is stdout")
	return cmd
}

func runCheck(env Env, f checkFlags, argv []string) error {
	if len(argv) == 0 {
		return &checkError{&usageError{"check needs a command", "listenq check -- COMMAND…"}}
	}
	filter, err := parseFilter(f.listeners)
	if err != nil {
		return &checkError{err}
	}
	options, err := (&hostFlags{netns: f.netns, noWalk: true}).options()
	if err != nil {
		return &checkError{err}
	}
	out, err := openAnswer(env, f.json)
	if err != nil {
		return &checkError{err}
	}
	defer out.Close()
	host, err := kernel.OpenHost(options)
	if err != nil {
		return &checkError{err}
	}
	defer host.Close()
	w := watch.New(host.Sample, watch.Options{Pace: checkPace, Window: time.Nanosecond, Sum: true})
	ended, err := runWatched(env, w, argv)
	if err != nil {
		return &checkError{err}
	}
	check := answer.NewCheck(w.Sums(), filter, answer.CheckCommand{Argv: ended.argv, Exit: ended.exit}, ended.took)
	warn(env.Stderr, check.Missing)
	show.Check(env.Stderr, check)
	if f.json != "" {
		if err := show.JSON(out, check); err != nil {
			return &checkError{fmt.Errorf("write answer: %w", err)}
		}
	}
	return checkStatus(&check)
}

// openAnswer opens what the JSON goes to, before the command runs: a mistake there
// is to be reported at once.
func openAnswer(env Env, path string) (io.WriteCloser, error) {
	switch path {
	case "":
		return nopCloser{io.Discard}, nil
	case "-":
		return nopCloser{env.Stdout}, nil
	}
	return files.Create(path, 0o666)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// checkPace is how often check looks: it takes at most 2 % of a core.
var checkPace = watch.Within(0.02, 10*time.Millisecond, 100*time.Millisecond)

// checkStatus is what the exit code of an answer says.
func checkStatus(c *answer.Check) error {
	switch {
	case c.Overflowed == nil:
		return commandStatus(exitCheck)
	case *c.Overflowed:
		return errBad
	case c.Command.Exit != 0:
		return commandStatus(c.Command.Exit)
	}
	return nil
}
