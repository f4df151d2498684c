package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"listenq/docs/reference/schema"
	"listenq/internal/answer"
	"listenq/internal/text"
)

func newSchema(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [NAME]",
		Short: "print the JSON Schema of a document",
		Long: `Prints the JSON Schema (draft 2020-12) of a document that --json prints. Later versions
may add fields, which a reader should ignore; none is changed or removed.

  listenq schema           the documents, and what prints them
  listenq schema ls/v1     the schema of listenq ls --json`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return schema.Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				printSchemas(text.NewScreen(env.Stdout, colourFlag(cmd)))
				return nil
			}
			name := strings.TrimPrefix(args[0], schemaPrefix)
			words, err := schema.Text(name)
			if err != nil {
				return &usageError{fmt.Sprintf("no document has the schema %q", args[0]), "listenq schema lists them"}
			}
			_, err = env.Stdout.Write(words)
			return err
		},
	}
}

// schemaPrefix is what the schemas of all documents begin with.
const schemaPrefix = "listenq/"

func printSchemas(s text.Screen) {
	for _, d := range answer.Documents {
		s.Line("%-14s %s", strings.TrimPrefix(d.Schema, schemaPrefix), d.By)
	}
}
