package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
	"listenq/internal/lab"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/guest"
	"listenq/internal/lab/job"
	"listenq/internal/lab/script"
	"listenq/internal/record"
	"listenq/internal/text"
	"listenq/internal/vm"
)

// hostKernel names the running kernel among those of --kernel.
const hostKernel = "host"

// kernelsFlags say on which kernels experiments run.
type kernelsFlags struct {
	kernels []string
	modules string
	program string
	memory  int
}

// define defines the flags; what says what is done with a kernel.
func (f *kernelsFlags) define(flags *pflag.FlagSet, what string) {
	flags.StringArrayVar(&f.kernels, "kernel", nil, what)
	flags.StringVar(&f.modules, "modules", "", "the kernel's modules: a folder or a package (default: beside it, or the usual place)")
	flags.StringVar(&f.program, "guest-program", "", "the static listenq for the guests, where their architecture is another (default: this one)")
	flags.IntVar(&f.memory, "guest-memory", vm.DefaultMemory, "memory of a guest, in MiB")
}

// open reads the kernels; nil stands for the running one.
func (f kernelsFlags) open(ctx context.Context) ([]*vm.Kernel, error) {
	var kernels []*vm.Kernel
	for _, path := range f.kernels {
		if path == hostKernel {
			kernels = append(kernels, nil)
			continue
		}
		k, err := vm.Open(ctx, path, f.modules)
		if err != nil {
			return nil, err
		}
		kernels = append(kernels, k)
	}
	return kernels, nil
}

// runMatrix runs the scripts on the kernels that were named.
func runMatrix(ctx context.Context, env Env, colour text.Colour, f runFlags, args []string, scripts []*script.Script) error {
	if f.keep {
		return &usageError{"--keep leaves an experiment standing, and a guest ends with it", "leave out --kernel"}
	}
	progress := newProgress(env.Stderr)
	matrix, err := runOnKernels(ctx, env, f, scripts, progress.step)
	progress.clear()
	switch {
	case matrix == nil:
		return err
	case f.asJSON:
		return worseOf(show.JSON(env.Stdout, matrix.Experiments), unsaid(err))
	case len(args) > 0 && len(matrix.Kernels) == 1:
		show.Runs(text.NewScreen(env.Stdout, colour), matrix.Runs)
	default:
		show.Matrix(text.NewScreen(env.Stdout, colour), matrix)
	}
	return err
}

// runOnKernels runs the scripts on every kernel, as many side by side as there
// are cores: an emulated guest takes one.
func runOnKernels(ctx context.Context, env Env, f runFlags, scripts []*script.Script, step func(job.Progress)) (*show.Kernels, error) {
	kernels, err := f.kernels.open(ctx)
	if err != nil {
		return nil, err
	}
	out := f.out
	if out == "" {
		folder, err := record.MakeFolder("", "kernels")
		if err != nil {
			return nil, err
		}
		defer folder.Discard() // unless there is a recording in it
		out = folder.Path
	}
	m := matrix{env: env, flags: f, out: out, scripts: scripts, step: step}
	results := make([]guest.OnKernel, len(kernels))
	errs := make([]error, len(kernels))
	var all errgroup.Group
	all.SetLimit(runtime.NumCPU())
	for i, k := range kernels {
		all.Go(func() error {
			results[i], errs[i] = m.run(ctx, k, fmt.Sprintf("%d-%s", i+1, releaseOf(k)))
			return nil
		})
	}
	all.Wait()
	answered := &show.Kernels{Experiments: answer.NewExperiments(nil), Scripts: scripts}
	var worst error
	for i, r := range results {
		answered.Kernels = append(answered.Kernels, r.Kernel)
		answered.Runs = append(answered.Runs, r.Runs...)
		worst = worseOf(worst, errs[i])
		for _, run := range r.Runs {
			switch {
			case run.Error != "":
				worst = worseOf(worst, &runError{errors.New(run.Error)})
			case !run.Pass && run.Skipped == "":
				worst = worseOf(worst, errBad)
			}
		}
	}
	return answered, worst
}

func releaseOf(k *vm.Kernel) string {
	if k == nil {
		return hostKernel
	}
	return k.Release
}

// matrix is scripts that are run on several kernels.
type matrix struct {
	env     Env
	flags   runFlags
	out     string // the folder of all recordings
	scripts []*script.Script
	step    func(job.Progress)
}

// run runs the scripts on one kernel; nil is the running one. Its recordings are in a folder
// of that name.
func (m *matrix) run(ctx context.Context, k *vm.Kernel, name string) (guest.OnKernel, error) {
	out, err := record.MakeFolder(m.out, name)
	if err != nil {
		return guest.OnKernel{Runs: make([]answer.Run, len(m.scripts))}, err
	}
	defer out.Discard() // unless there is a recording in it
	f := m.flags
	command := append([]string{"listenq"}, m.env.Args...)
	if k != nil {
		return guest.Run(ctx, k, m.scripts, guest.Options{
			Tool: "listenq " + m.env.Version, Command: command, Out: out,
			Limit: int64(f.limit) << 20, Program: f.kernels.program, Memory: f.kernels.memory, Facts: f.asJSON, Progress: m.step,
		})
	}
	f.out = out.Path
	runs, err := runAll(ctx, m.env, f, m.scripts, m.step)
	result := guest.OnKernel{Kernel: answer.Kernel{Kernel: facts.Release()}, Runs: runs}
	if f.asJSON {
		facts, probed := lab.ProbeAll(ctx)
		result.Kernel, err = facts, worseOf(err, probed)
	}
	return result, err
}
