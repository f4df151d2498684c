package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// words are what some flags take, for completion by the shell.
var words = map[string][]string{
	"accept": {"never", "all", "every", "after"},
	"color":  {"auto", "always", "never"},
	"netns":  {"all", "own"},
	"side":   {"client", "server", "both", "between"},
	"theme":  {"auto", "mono"},
}

// paths are flags that take a file or, with ShellCompDirectiveFilterDirs, a folder.
var paths = map[string]cobra.ShellCompDirective{
	"annotate":      cobra.ShellCompDirectiveDefault,
	"guest-program": cobra.ShellCompDirectiveDefault,
	"kernel":        cobra.ShellCompDirectiveDefault,
	"modules":       cobra.ShellCompDirectiveDefault,
	"out":           cobra.ShellCompDirectiveFilterDirs,
	"replay":        cobra.ShellCompDirectiveFilterDirs,
}

// complete lets the shell complete the values of the flags of a command and of those below it.
func complete(cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		values, directive := words[f.Name], cobra.ShellCompDirectiveNoFileComp
		if f.Name == "outcome" {
			values = outcomes()
		}
		if d, ok := paths[f.Name]; ok || f.Name == "json" && f.Value.Type() == "string" {
			directive = d
		} else if values == nil {
			return
		}
		if err := cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(values, directive)); err != nil {
			panic(err) // the flag is not there, or has one already
		}
	})
	for _, c := range cmd.Commands() {
		complete(c)
	}
}
