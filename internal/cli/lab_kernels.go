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
		return worse(show.JSON(env.Stdout, matrix.Experiments), untold(err))
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
	results := make([]guest.OnKernel, len(kernels))
	errs := make([]error, len(kernels))
	var all errgroup.Group
	all.SetLimit(runtime.NumCPU())
	for i, k := range kernels {
		all.Go(func() error {
			results[i], errs[i] = runOnKernel(ctx, env, f, k, out, fmt.Sprintf("%d-%s", i+1, releaseOf(k)), scripts, step)
			return nil
		})
	}
	all.Wait()
	matrix := &show.Kernels{Experiments: answer.NewExperiments(nil), Scripts: scripts}
	var worst error
	for i, r := range results {
		matrix.Kernels = append(matrix.Kernels, r.Kernel)
		matrix.Runs = append(matrix.Runs, r.Runs...)
		worst = worse(worst, errs[i])
		for _, run := range r.Runs {
			switch {
			case run.Error != "":
				worst = worse(worst, &runError{errors.New(run.Error)})
			case !run.Pass && run.Skipped == "":
				worst = worse(worst, errBad)
			}
		}
	}
	return matrix, worst
}

func releaseOf(k *vm.Kernel) string {
	if k == nil {
		return hostKernel
	}
	return k.Release
}

// runOnKernel runs the scripts on one kernel, whose recordings are in a folder of
// that name below parent.
func runOnKernel(ctx context.Context, env Env, f runFlags, k *vm.Kernel, parent, name string, scripts []*script.Script, step func(job.Progress)) (guest.OnKernel, error) {
	out, err := record.MakeFolder(parent, name)
	if err != nil {
		return guest.OnKernel{Runs: make([]answer.Run, len(scripts))}, err
	}
	defer out.Discard() // unless there is a recording in it
	command := append([]string{"listenq"}, env.Args...)
	if k != nil {
		return guest.Run(ctx, k, scripts, guest.Options{
			Tool: "listenq " + env.Version, Command: command, Out: out,
			Limit: int64(f.limit) << 20, Program: f.kernels.program, Memory: f.kernels.memory, Facts: f.asJSON, Progress: step,
		})
	}
	f.out = out.Path
	runs, err := runAll(ctx, env, f, scripts, step)
	result := guest.OnKernel{Kernel: answer.Kernel{Kernel: facts.Release()}, Runs: runs}
	if f.asJSON {
		facts, probed := lab.ProbeAll(ctx)
		result.Kernel, err = facts, worse(err, probed)
	}
	return result, err
}
