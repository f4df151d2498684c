package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Main runs the command line and returns the exit code.
func Main(env Env) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	answer := &answer{Writer: env.Stdout}
	env.Stdout = answer
	root := newRoot(env)
	root.SetArgs(env.Args)
	err := worse(root.ExecuteContext(ctx), answer.err)
	switch {
	case err == nil, told(err):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(env.Stderr, "listenq: interrupted")
	default:
		message(env.Stderr, err)
	}
	return exitCode(err)
}

// answer is stdout; it keeps the first error of writing to it, as a full disk
// must not pass for a good answer.
type answer struct {
	io.Writer
	err error
}

func (a *answer) Write(b []byte) (int, error) {
	n, err := a.Writer.Write(b)
	if err != nil && a.err == nil {
		a.err = fmt.Errorf("write answer: %w", err)
	}
	return n, err
}

func newRoot(env Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "listenq",
		Short: "find, explain and reproduce TCP listen-queue overflow",
		Long: `listenq finds, explains and reproduces TCP listen-queue overflow on Linux.

  listenq                 the listeners of this machine, worst first (listenq ls)
  listenq top             the same, live
  listenq doctor          what is wrong, what clients feel, and what to do
  listenq check -- CMD    run a command; fail if a listen queue overflowed meanwhile
  listenq explain FILE    what happened to each connection of a capture
  listenq lab run b2      an experiment in namespaces of its own, and what happened
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
			if len(args) == 0 {
				return runLs(cmd.Context(), env, colourFlag(cmd), defaultLs(), nil)
			}
			return subcommand(cmd, args)
		},
	}
	root.SetVersionTemplate("listenq {{.Version}}\n")
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.PersistentFlags().String("color", "auto", "auto, always or never")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err.Error(), "the flags: " + cmd.CommandPath() + " --help"}
	})
	root.AddCommand(newLs(env), newDoctor(env), newCheck(env), newExplain(env), newLab(env), newKernel(env), newVersion(env))
	root.AddCommand(newTop(env))
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	return root
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

func colourFlag(cmd *cobra.Command) string {
	value, _ := cmd.Flags().GetString("color") // defined on the root: cannot be missing
	return value
}
