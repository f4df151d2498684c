package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/agext/levenshtein"
	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"listenq/internal/text"
)

// Main runs the command line and returns the exit code. All that it prints goes through
// a text.Writer.
func Main(env Env) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	answer, messages := text.NewWriter(env.Stdout), text.NewWriter(env.Stderr)
	env.Stdout, env.Stderr, env.checks = answer, messages, new(atomic.Bool)
	root := newRoot(env)
	root.SetArgs(env.Args)
	defer endOnSignal(ctx, root, env)()
	err := root.ExecuteContext(ctx)
	if failed := answer.Flush(); failed != nil {
		err = worseOf(err, fmt.Errorf("write answer: %w", failed))
	}
	switch {
	case err == nil, silent(err):
	case errors.Is(err, context.Canceled):
		reportInterrupted(env)
	default:
		message(env.Stderr, err)
	}
	_ = messages.Flush() // there is nowhere to report it
	return exitCode(err)
}

func newRoot(env Env) *cobra.Command {
	f := defaultLs()
	root := &cobra.Command{
		Use:   "listenq [FILTER]…",
		Short: "find, explain and reproduce TCP listen-queue overflow",
		Long: `listenq finds, explains and reproduces TCP listen-queue overflow on Linux.

  listenq [FILTER]…       the listeners of this machine, worst first (ls)
  listenq top             the same, live
  listenq doctor          what is wrong, what clients feel, and what to do
  listenq check -- CMD    run a command; fail if a listen queue overflowed
  listenq explain FILE    what happened to each connection of a capture
  listenq lab run b2      an experiment in namespaces of its own
  listenq kernel          how this kernel behaves when a queue is full`,
		Version: env.Version,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if c := colourFlag(cmd); c != "auto" && c != "always" && c != "never" {
				return &usageError{fmt.Sprintf("--color takes auto, always or never, not %q", c), ""}
			}
			return nil
		},
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && meansCommand(cmd, args[0]) {
				return subcommand(cmd, args)
			}
			return runLs(cmd.Context(), env, colourFlag(cmd), f, args)
		},
	}
	f.register(root)
	root.SetVersionTemplate("listenq {{.Version}}\n")
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.PersistentFlags().String("color", "auto", "auto, always or never")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err.Error(), "the flags: " + cmd.CommandPath() + " --help"}
	})
	root.AddCommand(newLs(env), newDoctor(env), newCheck(env), newExplain(env), newLab(env), newKernel(env), newVersion(env))
	root.AddCommand(newTop(env), newSchema(env))
	ours(root)
	complete(root)
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	return root
}

// meansCommand reports whether a word that is no command was to be one: it differs from one in a
// letter or two. Other words are filters, as of `ls`, which takes any.
func meansCommand(cmd *cobra.Command, word string) bool {
	return slices.ContainsFunc(cmd.Commands(), func(c *cobra.Command) bool {
		return c.IsAvailableCommand() && levenshtein.Distance(word, c.Name(), nil) <= min(2, len(c.Name())/3)
	})
}

// helpWidth is how wide help may be: a terminal of 80 columns.
const helpWidth = 80

// laidOut reports whether a paragraph of a help text has its lines as they are: examples and
// columns.
func laidOut(paragraph string) bool {
	return strings.HasPrefix(paragraph, "  ") || strings.Contains(paragraph, "   ")
}

// folded folds the paragraphs of a help text that are not laid out.
func folded(help string) string {
	paragraphs := strings.Split(help, "\n\n")
	for i, p := range paragraphs {
		if !laidOut(p) {
			paragraphs[i] = ansi.Wordwrap(strings.Join(strings.Fields(p), " "), helpWidth, "")
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// ours puts our words in the place of cobra's, and folds the descriptions of flags.
func ours(root *cobra.Command) {
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", helpWidth)))
	show := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		c.Long = folded(c.Long)
		show(c, args)
	})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Short = "explain a command"
		case "completion":
			c.Short = "print what makes a shell complete commands and their flags"
		}
	}
	var help func(c *cobra.Command)
	help = func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		c.Flags().Lookup("help").Usage = "print this text"
		for _, below := range c.Commands() {
			help(below)
		}
	}
	help(root)
	root.InitDefaultVersionFlag() // which there is only of a program that has a version
	if f := root.Flags().Lookup("version"); f != nil {
		f.Usage = "print the version"
	}
}

// subcommand answers a group's bare name with its help, and a wrong word with
// the likely one.
func subcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	cmd.SuggestionsMinimumDistance = 2
	hint := "see " + cmd.CommandPath() + " --help"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean: " + cmd.CommandPath() + " " + strings.Join(near, ", ") + "?"
	}
	return &usageError{fmt.Sprintf("unknown command %q", args[0]), hint}
}

func colourFlag(cmd *cobra.Command) text.Colour {
	value, _ := cmd.Flags().GetString("color") // defined on the root: cannot be missing
	return text.Colour(value)
}
