package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"listenq/internal/kernel"
	"listenq/internal/queue"
	"listenq/internal/record"
	"listenq/internal/text"
	"listenq/internal/tui"
	"listenq/internal/watch"
)

type topFlags struct {
	hostFlags
	interval    time.Duration
	ascii       bool
	theme       string
	replay, out string
}

// shortestInterval is the least that --interval takes.
const shortestInterval = 100 * time.Millisecond

func newTop(env Env) *cobra.Command {
	var f topFlags
	cmd := &cobra.Command{
		Use:   "top [FILTER…]",
		Short: "watch the listeners of this machine, live",
		Long: `Shows the listeners of this machine, worst first, and again every second: both
queues, the last minute of each, drops, whose they are, and what is wrong.
Press ? for the keys.

  listenq top                      all listeners
  listenq top :8080 nginx          those of nginx at port 8080
  listenq top --interval 200ms     shorter bursts are seen
  listenq top --replay DIR         a recording, which S saves

On exit it prints the worst listener and the drops seen, and where the last
recording is. Without a terminal it does what ls --watch does.

A filter is made of words, as in listenq ls:
` + indent(queue.FilterForms),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if _, err := parseFilter(args); err != nil {
				return err
			}
			in, out := terminals(env)
			if in == nil || out == nil {
				return withoutTerminal(cmd, env, f, args)
			}
			if os.Getenv("TERM") == "dumb" {
				return &usageError{"a screen cannot be drawn on this terminal (TERM=dumb)", "listenq ls --watch 1s, or another TERM"}
			}
			return runTop(cmd, env, f, args, in, out)
		},
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.DurationVar(&f.interval, "interval", time.Second, "the time between samples, from 100ms")
	flags.BoolVar(&f.ascii, "ascii", false, "draw with ASCII alone (default: as the locale says)")
	flags.StringVar(&f.theme, "theme", "auto", "`COLOURS`: auto asks the terminal for its background; dark, light, or mono: none")
	flags.StringVar(&f.replay, "replay", "", "show the recording in the folder `DIR` instead of this machine")
	flags.StringVar(&f.out, "out", "", "folder for recordings (default: a fresh one among the temporary files)")
	return cmd
}

func (f *topFlags) check() error {
	switch {
	case f.interval < shortestInterval:
		return &usageError{fmt.Sprintf("--interval takes a time from %s on, not %s", shortestInterval, f.interval), ""}
	case !slices.Contains(tui.Themes, tui.Theme(f.theme)):
		return &usageError{fmt.Sprintf("--theme takes auto, dark, light or mono, not %q", f.theme), ""}
	}
	return nil
}

// terminals are stdin and stdout where they are terminals.
func terminals(env Env) (in, out *os.File) {
	if file, ok := text.Below(env.Stdout).(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		out = file
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		in = os.Stdin
	}
	return in, out
}

func runTop(cmd *cobra.Command, env Env, f topFlags, filter []string, in, out *os.File) error {
	o := tui.Options{
		Interval: f.interval, Filter: filter, CPU: ownCPU, In: in, Out: out,
		ASCII: f.ascii || !localeIsUTF8(), Theme: tui.Theme(f.theme),
	}
	if colourFlag(cmd) == text.Never {
		o.Theme = tui.Mono
	}
	o.Title, _ = os.Hostname() // without it the header names the kernel alone
	if f.replay != "" {
		collectSooner()
		recording, err := record.ReadSamples(f.replay)
		if err != nil {
			return err
		}
		o.Replay, o.Title = recording.All, strings.TrimSpace(recording.Meta.Host+" "+filepath.Base(f.replay))
	} else {
		host, err := f.open()
		if err != nil {
			return err
		}
		defer host.Close()
		o.Source, o.Scope, o.Save = host.Sample, watched, saver(f.out, env.Version, o.Title)
	}
	summary, err := tui.Run(cmd.Context(), o)
	if err != nil {
		return err
	}
	printSeen(text.NewScreen(env.Stdout, colourFlag(cmd)), summary)
	return nil
}

func (f *topFlags) open() (*kernel.Host, error) {
	options, err := f.options()
	if err != nil {
		return nil, err
	}
	options.Budget = watchBudget
	return kernel.OpenHost(options)
}

// watched are the processes that top looks at closely with each sample: a stopped one is not
// merely stuck.
var watched = watch.Scope{Most: 8, Waiting: true}

func saver(parent, version, host string) func([]queue.Sample) (string, error) {
	return func(all []queue.Sample) (string, error) {
		return record.WriteSamples(parent, "top", record.SamplesMeta{Tool: "listenq " + version, Host: host}, all)
	}
}

// printSeen prints a summary in two lines.
func printSeen(s text.Screen, summary tui.Summary) {
	if summary.Screen != "" {
		for line := range strings.SplitSeq(summary.Screen, "\n") {
			s.Line("%s", line)
		}
	}
	s.Line("%s", worstSeen(summary))
	if summary.Recording == "" {
		s.Line("recording: none (S saves one)")
		return
	}
	s.Line("recording: %s (see it again: listenq top --replay %s)", summary.Recording, summary.Recording)
}

func worstSeen(summary tui.Summary) string {
	t := summary.Worst
	if t == nil {
		return "worst: no listener was seen"
	}
	drops := "unknown"
	if summary.Drops.Known {
		drops = fmt.Sprint(summary.Drops.N)
	}
	limit := "unknown"
	if t.Listener.AcceptLimit != queue.NoLimit {
		limit = fmt.Sprint(t.Listener.AcceptLimit)
	}
	name := ""
	if len(t.Listener.Processes) > 0 {
		name = fmt.Sprintf(" %s[%d]", t.Listener.Processes[0].Name, t.Listener.Processes[0].PID)
	}
	return fmt.Sprintf("worst: %s%s, at most %d/%s; drops seen: %s, in %s", t.Listener.Address, name, t.AcceptMax, limit,
		drops, summary.Watched.Round(time.Second))
}

// ownCPU is the processor time that this program has used so far.
func ownCPU() time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// localeIsUTF8 reports whether the terminal is said to take UTF-8 (setlocale(3):
// the first that is set decides).
func localeIsUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := os.Getenv(name); value != "" {
			value = strings.ToLower(value)
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return false
}

// withoutTerminal says that there is none, and prints what can be printed.
func withoutTerminal(cmd *cobra.Command, env Env, f topFlags, filter []string) error {
	if f.replay != "" {
		return &usageError{"--replay needs a terminal", ""}
	}
	text.NewScreen(env.Stderr, "never").Line("listenq: no terminal: this is listenq ls --watch %s", f.interval)
	return runLs(cmd.Context(), env, colourFlag(cmd), lsFlags{hostFlags: f.hostFlags, window: step, again: f.interval}, filter)
}

func indent(words string) string {
	return "  " + strings.ReplaceAll(words, "\n", "\n  ")
}
