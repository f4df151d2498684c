package cli

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
	"listenq/internal/diagnose"
	"listenq/internal/text"
)

func newExplain(env Env) *cobra.Command {
	var f captureFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain FILE…|DIR|CODE…",
		Short: "explain what happened to each connection of a capture",
		Long: `Tells of capture files what became of each attempt to connect, why, how sure that
is, and gives a verdict for each listening address. Needs no rights.

  listenq explain eth0.pcap             pcap or pcapng, plain or gzip
  listenq explain client.pcap srv.pcap  both ends of the same connections
  tcpdump -w - … | listenq explain -    the standard input
  listenq explain DIR                   a recording of lab or top
  listenq explain LQ003                 the text of a finding of the doctor
  listenq explain                       all findings, a line each

It finds out whether a file was captured at the server, at the client or on the
way, and says how it knows; --side says it. What packets cannot tell is said, too.

Exit code: 0 no listen queue overflowed, 1 one did, likely or for certain, 2 an
error or a damaged file (what came before the damage is explained all the same),
130 interrupted.`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return diagnose.Codes(), cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s := text.NewScreen(env.Stdout, colourFlag(cmd))
			if slices.ContainsFunc(args, isCode) || len(args) == 0 {
				return explainCodes(env, s, asJSON, args)
			}
			if i := slices.IndexFunc(args, isFolder); i >= 0 {
				if len(args) > 1 {
					return &usageError{"a recording is explained alone", "listenq explain " + args[i]}
				}
				return explainRecording(cmd.Context(), env, s, f, asJSON, args[0])
			}
			c := captures{env: env, screen: s, flags: f, asJSON: asJSON, open: openCapture, files: args}
			return c.explain(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&asJSON, "json", false, "print JSON (schema listenq/explain/v1)")
	flags.BoolVar(&f.all, "all", false, "list each connection, not one of those alike")
	flags.StringVar(&f.side, "side", "", "where it was captured: client, server, both or between; one for all files, or one for each: client,server")
	flags.StringVar(&f.listener, "listener", "", "only this address, :port or address:port")
	flags.StringSliceVar(&f.outcomes, "outcome", nil, "only connections with this outcome")
	flags.DurationVar(&f.since, "since", 0, "look at packets from this time after the first on")
	flags.DurationVar(&f.until, "until", 0, "look at packets up to this time after the first")
	flags.StringVar(&f.annotate, "annotate", "", "write the captures with comments on their packets, for Wireshark, to this `FILE` (pcapng)")
	return cmd
}

// code is what the code of a finding looks like.
var code = regexp.MustCompile(`^(?i:lq)[0-9]+$`)

func isCode(arg string) bool { return code.MatchString(arg) }

func isFolder(arg string) bool {
	info, err := os.Stat(arg)
	return err == nil && info.IsDir()
}

// explainCodes prints the texts of findings.
func explainCodes(env Env, s text.Screen, asJSON bool, codes []string) error {
	rules, err := explained(codes)
	if err != nil {
		return err
	}
	if asJSON {
		return show.JSON(env.Stdout, answer.NewRules(rules))
	}
	show.Rules(s, rules, len(codes) == 0)
	return nil
}

// explained are the texts of those codes; of all, without one.
func explained(codes []string) ([]answer.Rule, error) {
	if len(codes) == 0 {
		codes = diagnose.Codes()
	}
	var rules []answer.Rule
	for _, code := range codes {
		code = strings.ToUpper(code)
		words, ok := diagnose.Explain(code)
		if !ok {
			return nil, unknownCode(code)
		}
		title, _, _ := strings.Cut(words, "\n")
		title = strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(title, "# "), code), ": ")
		rules = append(rules, answer.Rule{Code: code, Title: title, Text: words})
	}
	return rules, nil
}

func unknownCode(code string) error {
	codes := diagnose.Codes()
	return &usageError{fmt.Sprintf("no finding has the code %q", code),
		fmt.Sprintf("the codes are %s to %s: listenq explain lists them", slices.Min(codes), slices.Max(codes))}
}
