package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"listenq/internal/cli/show"
	"listenq/internal/lab"
	"listenq/internal/lab/script"
	"listenq/internal/text"
)

type burstFlags struct {
	exec, accept, send, out string
	sysctls                 []string
	backlog, clients, want  int
	asJSON                  bool
}

func newLabBurst(env Env) *cobra.Command {
	var f burstFlags
	cmd := &cobra.Command{
		Use:   "burst",
		Short: "find the largest burst that a server takes without a drop",
		Long: `Finds by bisection how many clients can connect to a server at the same moment
without a packet dropped, what is dropped first beyond that, and how late those
clients are. Every try is an experiment with a fresh server.

  listenq lab burst --backlog 128                  a server that is busy then
  listenq lab burst --backlog 128 --accept all     one that accepts at once
  listenq lab burst --exec "redis-server --port {port} --bind {host}"
  listenq lab burst --exec "python3 -m http.server" --accept never
  listenq lab burst --want 1000                    the smallest backlog for that

In a burst every SYN arrives before the first final ACK, and each client sends a
line when it is connected. The burst has no drop if no SYN, ACK or data was
dropped and no connection was late.

Exit code: 0 found, 1 no backlog is enough for --want, 2 an error, 3 namespaces
are not allowed here, 130 interrupted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.exec != "" && !cmd.Flags().Changed("accept") {
				f.accept = ""
			}
			if err := f.check(cmd.Flags().Changed("backlog")); err != nil {
				return err
			}
			return findBurst(cmd.Context(), env, colourFlag(cmd), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.exec, "exec", "", "the server's `COMMAND`, with {port} and {host} for its address (default: a server of our own)")
	flags.IntVar(&f.backlog, "backlog", 128, "what our server gives to listen()")
	flags.StringVar(&f.accept, "accept", lab.Never, "when our server accepts during the burst: never, all, every D, after D, or N; a command is stopped by never")
	flags.IntVar(&f.clients, "clients", 2000, "the largest burst that is tried")
	flags.IntVar(&f.want, "want", 0, "find the smallest backlog for a burst of `N`, too")
	flags.StringVar(&f.send, "send", "hello\n", "what each client sends when it is connected")
	flags.StringArrayVar(&f.sysctls, "sysctl", nil, "a kernel setting of the experiments, `NAME=VALUE`")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON (schema listenq/burst/v1)")
	flags.StringVar(&f.out, "out", "", "folder for the recordings (default: a fresh one among the temporary files)")
	return cmd
}

// check refuses flags that make no sense, or not together.
func (f *burstFlags) check(backlog bool) error {
	refuse := func(message, hint string) error { return &usageError{message, hint} }
	switch {
	case f.clients < 1 || f.clients > script.MaxConnections:
		return refuse(fmt.Sprintf("--clients must be from 1 to %d", script.MaxConnections), "")
	case f.want < 0 || f.want > script.MaxConnections:
		return refuse(fmt.Sprintf("--want must be from 1 to %d", script.MaxConnections), "")
	case f.exec != "" && backlog:
		return refuse("--exec and --backlog exclude each other", "a command chooses its backlog itself")
	case f.exec != "" && f.want > 0:
		return refuse("--exec and --want exclude each other", "a command chooses its backlog itself; ask without --exec, and configure that backlog")
	case f.exec != "" && f.accept != "" && f.accept != lab.Never:
		return refuse("a command accepts as it likes: only --accept never, which stops it, goes with --exec", "")
	case f.want > 0 && f.accept != lab.Never:
		return refuse("--want is for --accept never", "a server that accepts meanwhile takes as many, and more when it is quick enough")
	}
	for _, setting := range f.sysctls {
		if name, value, ok := strings.Cut(setting, "="); !ok || name == "" || value == "" {
			return refuse(fmt.Sprintf("--sysctl takes NAME=VALUE, not %q", setting), "--sysctl net.ipv4.tcp_syncookies=0")
		}
	}
	return nil
}

func findBurst(ctx context.Context, env Env, colour text.Colour, f burstFlags) error {
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the working directory: %w", err)
	}
	progress := newProgress(env.Stderr)
	options := lab.BurstOptions{
		Options: lab.Options{Tool: "listenq " + env.Version, Command: append([]string{"listenq"}, env.Args...), Out: f.out, Progress: progress.step},
		Exec:    f.exec, Dir: dir, Backlog: f.backlog, Accept: f.accept, Send: f.send, Clients: f.clients, Want: f.want,
	}
	for _, setting := range f.sysctls {
		options.Sysctls = append(options.Sysctls, strings.Replace(setting, "=", " ", 1))
	}
	found, err := lab.FindBurst(ctx, options)
	progress.clear()
	if err == nil && found.Want != nil && !found.Want.Verified {
		err = errBad
	}
	switch {
	case f.asJSON:
		err = worseOf(show.JSON(env.Stdout, found), err)
	case found.Tried > 0:
		show.Burst(text.NewScreen(env.Stdout, colour), found)
	}
	return err
}
