package cli

import (
	"context"
	"runtime/debug"

	"github.com/spf13/cobra"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
	"listenq/internal/lab"
	"listenq/internal/lab/guest"
	"listenq/internal/text"
)

func newKernel(env Env) *cobra.Command {
	var asJSON, how bool
	var other kernelsFlags
	cmd := &cobra.Command{
		Use:   "kernel",
		Short: "print how this kernel behaves when a queue is full",
		Long: `Finds out how the running kernel behaves, by experiments in namespaces of their
own: version numbers do not tell, as distributions back-port. Then what can be
seen of it: its counters, the reasons that it gives to tracers, the eBPF programs
that it takes (each is loaded and attached for a moment, and does nothing), what
users without rights see, and the settings that matter at a listen queue.

  listenq kernel                     of this kernel
  listenq kernel --kernel image.deb  of another one, booted in a virtual machine`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := other.facts(cmd.Context(), env)
			if err != nil {
				return err
			}
			warn(env.Stderr, found.Missing)
			if asJSON {
				return show.JSON(env.Stdout, found)
			}
			show.Kernel(text.NewScreen(env.Stdout, colourFlag(cmd)), found, how)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON (schema listenq/kernel/v1)")
	other.define(cmd.Flags(), "of this kernel: a vmlinuz, a kernel package, or host")
	cmd.Flags().BoolVar(&how, "how", false, "print how each fact was found out, too")
	return cmd
}

// facts finds out the facts of the kernel that the flags name.
func (f kernelsFlags) facts(ctx context.Context, env Env) (answer.Kernel, error) {
	if len(f.kernels) > 1 {
		return answer.Kernel{}, &usageError{"kernel takes one kernel", "for several side by side: listenq lab run --kernel A --kernel B --json"}
	}
	kernels, err := f.open(ctx)
	if err != nil {
		return answer.Kernel{}, err
	}
	if len(kernels) == 0 || kernels[0] == nil {
		return lab.ProbeAll(ctx)
	}
	progress := newProgress(env.Stderr)
	defer progress.clear()
	found, err := guest.Run(ctx, kernels[0], nil, guest.Options{Facts: true, Program: f.program, Memory: f.memory})
	return found.Kernel, err
}

// Version is what was built: the tag if the build named one, else the revision.
func Version(tag string) string {
	if tag != "" {
		return tag
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return "0.1.0-dev+" + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return "0.1.0-dev"
}
