package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/semaphore"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
	"listenq/internal/lab"
	"listenq/internal/lab/job"
	"listenq/internal/lab/script"
	"listenq/internal/text"
)

type runFlags struct {
	all, asJSON, keep bool
	out               string
	jobs, limit       int
	kernels           kernelsFlags
}

func newLabRun(env Env) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [NAME|FILE]…",
		Short: "run experiments and report what happened",
		Long: `Runs experiments, each in namespaces of its own, and tells for each connection
what happened and why. Without a name it runs all that take under 3 s.

  listenq lab run b2                 by id or name
  listenq lab run my.lab             a script of your own
  listenq lab run --all              everything, in parallel
  listenq lab run --out rec b2       recordings into the folder rec
  listenq lab run b2 --kernel host --kernel linux-image-5.10.deb
                                     on this kernel and on another, side by side

--kernel takes a vmlinuz file, a Debian or Ubuntu kernel package, or "host". Each
kernel but this one boots in a throw-away virtual machine (QEMU), without disk
and network, and runs this very program; what differs is printed with the fact of
the kernel that decides it.

An experiment that requires a fact of the kernel which is false here is skipped: it
has neither passed nor failed, and says why.

Exit code: 0 every expectation holds, 1 one does not, 2 an error in the script or
in its run, 3 namespaces are not allowed here, 130 interrupted.`,
		ValidArgsFunction: completeScenarios,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runLab(cmd.Context(), env, colourFlag(cmd), f, args)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "run every built-in experiment, the long ones too")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON (schema listenq/lab/v1)")
	flags.BoolVar(&f.keep, "keep", false, "leave the namespaces standing after the last step, until Ctrl-C")
	flags.StringVar(&f.out, "out", "", "folder for the recordings (default: a fresh one for each run among the temporary files)")
	flags.IntVar(&f.limit, "limit", job.DefaultLimit>>20, "MiB that a recording may have; the experiment ends there, incomplete")
	f.kernels.define(flags, "run on this kernel: a vmlinuz, a kernel package, or host; may be repeated")
	flags.IntVarP(&f.jobs, "jobs", "j", 8*runtime.NumCPU(), "how many experiments run at the same time")
	flags.Lookup("jobs").DefValue = "8 for each CPU" // help and manual are the same on each machine
	return cmd
}

// maxLimit is the largest recording, in MiB: a TiB.
const maxLimit = 1 << 20

func runLab(ctx context.Context, env Env, colour text.Colour, f runFlags, args []string) error {
	if f.all && len(args) > 0 {
		return &usageError{"--all and names exclude each other", "listenq lab run --all, or listenq lab run " + args[0]}
	}
	if f.jobs < 1 {
		return &usageError{"--jobs must be 1 or more", ""}
	}
	if f.limit < 1 || f.limit > maxLimit {
		return &usageError{fmt.Sprintf("--limit must be from 1 to %d (MiB)", maxLimit), ""}
	}
	scripts, err := load(ctx, args, f.all)
	if err != nil {
		return err
	}
	if f.keep && len(scripts) != 1 {
		return &usageError{fmt.Sprintf("--keep leaves one experiment standing, and these are %d", len(scripts)), "name one: listenq lab list"}
	}
	if len(f.kernels.kernels) > 0 {
		return runMatrix(ctx, env, colour, f, args, scripts)
	}
	progress := newProgress(env.Stderr)
	runs, err := runAll(ctx, env, f, scripts, progress.step)
	progress.clear()
	screen := text.NewScreen(env.Stdout, colour)
	switch {
	case f.asJSON:
		err = worseOf(show.JSON(env.Stdout, answer.NewExperiments(runs)), unsaid(err))
	case exitCode(err) == exitImpossible && !slices.ContainsFunc(runs, func(run answer.Run) bool { return run.Recording != "" }):
	case len(args) > 0:
		show.Runs(screen, runs)
	default:
		show.Summary(screen, runs)
	}
	if f.out == "" {
		keepLast(env, len(runs))
	}
	return err
}

// runAll runs the scripts, the longest first, and returns their results in
// the order given, with the error that decides the exit code.
func runAll(ctx context.Context, env Env, f runFlags, scripts []*script.Script, step func(job.Progress)) ([]answer.Run, error) {
	runs := make([]answer.Run, len(scripts))
	errs := make([]error, len(scripts))
	order := make([]int, len(scripts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(scripts[b].Takes - scripts[a].Takes) })
	room := semaphore.NewWeighted(int64(f.jobs))
	var all sync.WaitGroup
	for _, i := range order {
		options := lab.Options{Tool: "listenq " + env.Version, Command: append([]string{"listenq"}, env.Args...), Out: f.out, Limit: int64(f.limit) << 20, Stay: f.keep, Progress: step}
		if err := room.Acquire(ctx, 1); err != nil {
			runs[i] = answer.Run{Scenario: scripts[i].Name, Title: scripts[i].Title, Skipped: "interrupted before it began"}
			errs[i] = err
			continue
		}
		all.Go(func() {
			defer room.Release(1)
			runs[i], errs[i] = lab.Run(ctx, scripts[i], options)
		})
	}
	all.Wait()
	var worst error
	for i, err := range errs {
		switch {
		case err == nil && !runs[i].Pass && runs[i].Skipped == "":
			err = errBad
		case exitCode(err) == exitError:
			err = &runError{err}
		}
		worst = worseOf(worst, err)
	}
	return runs, worst
}

// unsaid returns an error as one that is to be printed, where no text of runs is.
func unsaid(err error) error {
	if ofRun, ok := errors.AsType[*runError](err); ok {
		return ofRun.err
	}
	return err
}

// worseOf returns the error with the higher exit code.
func worseOf(a, b error) error {
	if exitCode(b) > exitCode(a) {
		return b
	}
	return a
}
