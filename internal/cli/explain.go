package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"listenq/internal/diagnose"
)

func newExplain(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [CODE]…",
		Short: "print what a finding of the doctor means",
		Long: `Explains the findings of listenq doctor: what each means, what clients feel, how to
see it by hand, what to do and what not to do.

  listenq explain             all codes, a line each
  listenq explain LQ003       the whole text of one`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return diagnose.Codes(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := explained(args)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(env.Stdout, struct {
					Schema string     `json:"schema"`
					Rules  []ruleText `json:"rules"`
				}{"listenq/rules/v1", rules})
			}
			printRules(newScreen(env.Stdout, colourFlag(cmd)), rules, len(args) == 0)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON (schema listenq/rules/v1)")
	return cmd
}

// ruleText is what there is to say of one kind of finding.
type ruleText struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Text  string `json:"text"` // Markdown
}

// explained are the texts of those codes; of all, without one.
func explained(codes []string) ([]ruleText, error) {
	if len(codes) == 0 {
		codes = diagnose.Codes()
	}
	var rules []ruleText
	for _, code := range codes {
		code = strings.ToUpper(code)
		text, ok := diagnose.Explain(code)
		if !ok {
			return nil, unknownCode(code)
		}
		title, _, _ := strings.Cut(text, "\n")
		title = strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(title, "# "), code), ": ")
		rules = append(rules, ruleText{code, title, text})
	}
	return rules, nil
}

func unknownCode(code string) error {
	codes := diagnose.Codes()
	return &usageError{fmt.Sprintf("no finding has the code %q", code),
		fmt.Sprintf("the codes are %s to %s: listenq explain lists them", slices.Min(codes), slices.Max(codes))}
}

func printRules(s screen, rules []ruleText, titles bool) {
	for i, r := range rules {
		switch {
		case titles:
			s.wrap(s.style(bold, r.Code)+"  ", r.Title)
			continue
		case i > 0:
			fmt.Fprintln(s)
		}
		for line := range strings.Lines(r.Text) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(line, "#") {
				line = s.style(bold, line)
			}
			fmt.Fprintln(s, line)
		}
	}
}
