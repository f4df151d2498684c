package cli

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
	"listenq/internal/kernel"
	"listenq/internal/queue"
	"listenq/internal/text"
	"listenq/internal/watch"
)

type lsFlags struct {
	hostFlags
	window, again time.Duration
	all, asJSON   bool
}

// defaultLs are the flags of a bare `listenq`.
func defaultLs() lsFlags { return lsFlags{hostFlags: hostFlags{netns: "all"}, window: step} }

func newLs(env Env) *cobra.Command {
	f := defaultLs()
	cmd := &cobra.Command{
		Use:   "ls [FILTER]…",
		Short: "list the listeners of this machine, worst first",
		Long: `Lists the TCP sockets that listen: how full their queues are, what they drop, whose
they are. ACCEPT Q is length/limit: Linux drops when the length is over the limit, so
that it holds one more. SYN Q is requests, whose handshake is not finished. ? is not
known, - is none. A wide terminal, and --all, show more columns. Of many listeners a
terminal shows those in trouble and a screenful; a filter, a pipe and --all show all.

  listenq ls                     all, worst first
  listenq ls :8080               those at port 8080
  listenq ls nginx full          the full ones of nginx
  listenq ls --watch 1s --json   one document a line, every second

dropping: drops rose while it looked (--window)   full: over its limit now
stalled: one has waited for 2 s to be accepted    high: over 70 % of the limit

Filters; two of a kind are alternatives, of different kinds both must match:
` + indent(queue.FilterForms) + `

Exit code: 0, however full they are (listenq doctor judges), 2 an error, 130
interrupted.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runLs(cmd.Context(), env, colourFlag(cmd), f, args)
		},
	}
	f.register(cmd)
	return cmd
}

// register defines the flags of `ls`, which a bare `listenq` has, too.
func (f *lsFlags) register(cmd *cobra.Command) {
	f.hostFlags.register(cmd)
	flags := cmd.Flags()
	flags.DurationVar(&f.window, "window", step, "how long to look for drops; 0: look once, without drops within it")
	flags.DurationVar(&f.again, "watch", 0, "print again after each `INTERVAL`, until Ctrl-C")
	flags.BoolVar(&f.all, "all", false, "all rows and columns, however many and wide")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON (schema listenq/ls/v1); with --watch one document a line")
}

// gcOnce is the garbage, in percent of what is in use, that a process may have which
// prints once and ends: collecting it takes longer than the rest.
const gcOnce = 1000

// runLs prints the listeners that match, once or again and again.
func runLs(ctx context.Context, env Env, colour text.Colour, f lsFlags, args []string) error {
	filter, err := parseFilter(args)
	if err != nil {
		return err
	}
	options, err := f.options()
	switch {
	case err != nil:
		return err
	case f.window < 0:
		return &usageError{"--window must not be negative", ""}
	case f.again < 0 || f.again > 0 && f.again < 10*time.Millisecond:
		return &usageError{"--watch must be 10ms or longer", ""}
	}
	if f.again > 0 {
		options.Budget = watchBudget
	} else {
		debug.SetGCPercent(gcOnce)
	}
	host, err := kernel.OpenHost(options)
	if err != nil {
		return err
	}
	defer host.Close()
	l := lister{watch: watch.New(host.Sample, watch.Options{}), env: env, colour: colour, flags: f, filter: filter}
	return l.run(ctx)
}

// watchBudget is the share of a core that looking again and again may take.
const watchBudget = 0.01

// lister prints what a watch sees.
type lister struct {
	watch  *watch.Watch
	env    Env
	colour text.Colour
	flags  lsFlags
	filter queue.Filter
	warned []answer.Missing
}

func (l *lister) run(ctx context.Context) error {
	if err := l.watch.For(ctx, l.flags.window, stepOf(l.flags.window)); err != nil {
		return err
	}
	if l.flags.again == 0 {
		return l.print()
	}
	for tick := time.NewTicker(l.flags.again); ; {
		if err := l.print(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		l.watch.Restart()
		if err := l.watch.Take(); err != nil {
			return err
		}
	}
}

// print prints the answer as of now.
func (l *lister) print() (err error) {
	list := answer.NewListing(l.watch.Snapshot().View, l.filter)
	switch {
	case l.flags.asJSON && l.flags.again > 0:
		err = show.JSONLine(l.env.Stdout, list)
	case l.flags.asJSON:
		err = show.JSON(l.env.Stdout, list)
	default:
		err = l.printText(list)
	}
	if !slices.Equal(list.Missing, l.warned) {
		warn(l.env.Stderr, list.Missing)
		l.warned = list.Missing
	}
	return err
}

func (l *lister) printText(list answer.Listing) error {
	screen, flush := text.NewScreen(l.env.Stdout, l.colour).Buffered()
	if l.flags.again > 0 {
		screen.Line("%s", screen.Style(text.Bold, list.Time.Format(time.DateTime)))
	}
	show.Listing(screen, list, l.flags.all)
	if l.flags.again > 0 {
		screen.Blank()
	}
	return flush()
}
