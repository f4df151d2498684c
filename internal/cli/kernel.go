package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"listenq/internal/lab"
)

func newKernel(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "kernel",
		Short: "print how this kernel behaves when a queue is full",
		Long: `Probes how the running kernel behaves, by experiments in namespaces of their
own. Version numbers do not tell: distributions back-port. Then it prints the
settings of this machine that matter at a listen queue, and what they mean.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := lab.ProbeAll(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(env.Stdout, answer)
			}
			printKernel(newScreen(env.Stdout, colourFlag(cmd)), answer)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON (schema listenq/kernel/v1)")
	return cmd
}

func printKernel(s screen, k lab.Kernel) {
	fmt.Fprintf(s, "Linux %s\n", clean(k.Kernel))
	for _, f := range k.Facts {
		value := "unknown: " + f.UnknownBecause
		if f.Value != nil {
			value = fmt.Sprint(f.Value)
		}
		fmt.Fprintf(s, "\n%s: %s\n", s.style(bold, f.Name), clean(value))
		s.wrap("  ", f.Meaning)
		s.wrap("  ", s.style(faint, "how: "+f.How))
	}
	fmt.Fprintln(s, "\nsettings of this machine")
	for _, setting := range k.Settings {
		printSetting(s, setting)
	}
}

func printSetting(s screen, setting lab.Setting) {
	value := setting.Value
	if setting.UnknownBecause != "" {
		value = "unknown: " + setting.UnknownBecause
	}
	if value != setting.Experiments {
		value += " (experiments begin with " + setting.Experiments + ")"
	}
	fmt.Fprintf(s, "\n%s: %s\n", s.style(bold, setting.Name), clean(value))
	s.wrap("  ", setting.Meaning)
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
