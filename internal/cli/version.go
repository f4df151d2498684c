package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
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
			return printJSON(env.Stdout, struct {
				Schema  string `json:"schema"`
				Version string `json:"version"`
				Go      string `json:"go"`
				Arch    string `json:"arch"`
			}{"listenq/version/v1", env.Version, runtime.Version(), runtime.GOARCH})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
