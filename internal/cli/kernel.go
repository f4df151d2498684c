package cli

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"listenq/internal/answer"
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
				return printJSON(env.Stdout, found)
			}
			printKernel(text.NewScreen(env.Stdout, colourFlag(cmd)), found, how)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON (schema listenq/kernel/v1)")
	other.define(cmd.Flags(), "tell of this kernel: a vmlinuz, a kernel package, or host")
	cmd.Flags().BoolVar(&how, "how", false, "print how each fact was found out, too")
	return cmd
}

// facts finds out the facts of the kernel that the flags name.
func (f kernelsFlags) facts(ctx context.Context, env Env) (answer.Kernel, error) {
	if len(f.kernels) > 1 {
		return answer.Kernel{}, &usageError{"kernel tells of one kernel", "for several side by side: listenq lab run --kernel A --kernel B --json"}
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

func printKernel(s text.Screen, k answer.Kernel, how bool) {
	s.Wrap("", strings.TrimSpace("Linux "+k.Kernel+" "+k.Version))
	group := ""
	for _, f := range k.Facts {
		if f.Group != group {
			group = f.Group
			s.Blank()
			s.Line("%s", s.Style(text.Bold, group))
		}
		printFact(s, f, k.Missing, how)
	}
	s.Blank()
	s.Line("%s", s.Style(text.Bold, "settings"))
	for _, setting := range k.Settings {
		printSetting(s, setting)
	}
}

// valueWidth is the column of values; a longer one has a line of its own.
const valueWidth = 6

// printValue prints a value, and the text beside it.
func printValue(s text.Screen, value, meaning string) {
	value = text.Plain(value)
	if text.Width(value) > valueWidth {
		s.Line("  %s", value)
		value = ""
	}
	s.Wrap(fmt.Sprintf("  %-*s  ", valueWidth, value), meaning)
}

// printFact prints a fact. Why experiments could not be run was said already.
func printFact(s text.Screen, f answer.Fact, said []answer.Missing, how bool) {
	value, words := "?", f.Name+": "+f.Meaning
	if f.Value != nil {
		value = fmt.Sprint(f.Value)
	} else if !slices.ContainsFunc(said, func(m answer.Missing) bool { return m.Why == f.UnknownBecause }) {
		words += " Unknown: " + f.UnknownBecause + "."
	}
	printValue(s, value, words)
	if how {
		s.Wrap(strings.Repeat(" ", valueWidth+4), s.Style(text.Faint, "how: "+f.How))
	}
}

func printSetting(s text.Screen, setting answer.Setting) {
	value, words := setting.Value, setting.Name+": "+setting.Meaning
	if setting.UnknownBecause != "" {
		value, words = "?", words+" Unknown: "+setting.UnknownBecause+"."
	}
	if value != setting.Experiments {
		words += " Experiments begin with " + setting.Experiments + "."
	}
	printValue(s, value, words)
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
