package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
)

func newVersion(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !asJSON {
				_, err := fmt.Fprintln(env.Stdout, "listenq", env.Version)
				return err
			}
			return show.JSON(env.Stdout, answer.Build{Schema: answer.BuildSchema, Version: env.Version, Go: runtime.Version(), Arch: runtime.GOARCH})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
