package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
	"listenq/internal/files"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
	"listenq/internal/text"
)

func newLab(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "reproduce listen-queue overflow, isolated and explained",
		Long: `Experiments in namespaces of their own: a client, a wire and a server. Nothing
of this machine is touched, no root is needed where user namespaces are allowed.

  listenq lab list               what there is
  listenq lab show b2            the script of one
  listenq lab run b2             run it; what happened to each connection
  listenq lab run my.lab         run a script of your own
  listenq lab run                all quick ones
  listenq lab burst              the largest burst that a server takes
  listenq lab clean              remove recordings of earlier runs`,
		Args: cobra.ArbitraryArgs,
		RunE: subcommand,
	}
	cmd.AddCommand(newLabList(env), newLabShow(env), newLabRun(env), newLabBurst(env), newLabClean(env))
	return cmd
}

func newLabList(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the built-in experiments",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := builtIn(scenarios.ByTopic())
			if err != nil {
				return err
			}
			var rows []answer.Scenario
			for _, s := range all {
				id, _, _ := strings.Cut(s.Name, "-")
				rows = append(rows, answer.Scenario{ID: id, Name: s.Name, Title: s.Title, Topic: scenarios.Topic(s.Name), Source: s.Source, Expected: answer.MS(s.Takes)})
			}
			if asJSON {
				return show.JSON(env.Stdout, answer.NewScenarios(rows))
			}
			show.Scenarios(text.NewScreen(env.Stdout, colourFlag(cmd)), rows)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON (schema listenq/scenarios/v1)")
	return cmd
}

func newLabShow(env Env) *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME",
		Short:             "print the script of a built-in experiment",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeScenarios,
		RunE: func(_ *cobra.Command, args []string) error {
			names, err := match(args)
			if err != nil {
				return err
			}
			for i, name := range names {
				if i > 0 {
					fmt.Fprintln(env.Stdout)
				}
				if len(names) > 1 {
					fmt.Fprintf(env.Stdout, "# --- %s.lab\n", name)
				}
				env.Stdout.Write(scenarios.Text(name))
			}
			return nil
		},
	}
}

func completeScenarios(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return scenarios.Names(), cobra.ShellCompDirectiveDefault
}

func builtIn(names []string) ([]*script.Script, error) {
	var all []*script.Script
	for _, name := range names {
		s, err := script.Parse(name+".lab", scenarios.Text(name), facts.All())
		if err != nil {
			return nil, err
		}
		s.Name = name
		all = append(all, s)
	}
	return all, nil
}

// match finds built-in experiments by name or id.
func match(words []string) ([]string, error) {
	var names []string
	for _, word := range words {
		found := scenarios.Match(word)
		if len(found) == 0 {
			return nil, unknownScenario(word)
		}
		names = append(names, found...)
	}
	return names, nil
}

func unknownScenario(word string) error {
	// What was typed may be the beginning of a name.
	distance := func(name string) int {
		return min(levenshtein.Distance(word, name, nil), levenshtein.Distance(word, name[:min(len(word), len(name))], nil))
	}
	near := slices.MinFunc(scenarios.Names(), func(a, b string) int { return distance(a) - distance(b) })
	hint := "listenq lab list prints them all"
	if distance(near) <= len(word)/2 {
		hint = fmt.Sprintf("did you mean %q? %s", near, hint)
	}
	return &usageError{fmt.Sprintf("no experiment and no file is called %q", word), hint}
}

// load finds the experiments of a command line: files, names, ids. Nothing
// means all that are quick.
func load(ctx context.Context, words []string, all bool) ([]*script.Script, error) {
	if len(words) == 0 {
		found, err := builtIn(scenarios.Names())
		return slices.DeleteFunc(found, func(s *script.Script) bool { return !all && s.Takes > quick }), err
	}
	var found []*script.Script
	for _, word := range words {
		if s, err := loadFile(ctx, word); err != nil {
			return nil, err
		} else if s != nil {
			found = append(found, s)
			continue
		}
		names, err := match([]string{word})
		if err != nil {
			return nil, err
		}
		scripts, err := builtIn(names)
		if err != nil {
			return nil, err
		}
		found = append(found, scripts...)
	}
	return found, nil
}

// readScript reads a script, which may come from a pipe.
func readScript(ctx context.Context, path string) ([]byte, error) {
	file, err := openNamed(ctx, path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return files.ReadAll(file, script.MaxSize, path)
}

// quick is what `lab run` without a name runs.
const quick = 3 * time.Second

// loadFile reads a script from a file; nil if the word names none.
func loadFile(ctx context.Context, word string) (*script.Script, error) {
	isPath := strings.ContainsRune(word, filepath.Separator) || strings.HasSuffix(word, ".lab")
	info, err := os.Stat(word)
	switch {
	case !isPath && (err != nil || len(scenarios.Match(word)) > 0):
		return nil, nil
	case err != nil:
		return nil, &usageError{fmt.Sprintf("read script: %v", err), "listenq lab list prints the built-in experiments"}
	case info.IsDir():
		return nil, &usageError{fmt.Sprintf("read script: %s is a folder", word), ""}
	case info.Size() > script.MaxSize:
		return nil, &usageError{fmt.Sprintf("read script: %s is larger than %d bytes", word, script.MaxSize), ""}
	}
	words, err := readScript(ctx, word)
	if err != nil {
		return nil, fmt.Errorf("read script: %w", err)
	}
	s, err := script.Parse(text.Plain(word), words, facts.All())
	if err != nil {
		return nil, err
	}
	s.Name = strings.TrimSuffix(filepath.Base(word), ".lab")
	s.Dir, err = filepath.Abs(filepath.Dir(word))
	return s, err
}
