package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"listenq/internal/cli/show"
	"listenq/internal/record"
	"listenq/internal/text"
)

// kept is how many recordings stay among the temporary files, besides those of the run.
const kept = 20

func newLabClean(env Env) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "remove recordings of earlier runs from the temporary files",
		Long: `Removes the recordings that runs without --out have left among the temporary files
(TMPDIR), yours alone, and lists them. One that is being written stays. Runs without
--out remove by themselves what is older than the last ` + fmt.Sprint(kept) + `.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cleanLab(text.NewScreen(env.Stdout, colourFlag(cmd)), dry)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "list them, and remove nothing")
	return cmd
}

func cleanLab(s text.Screen, dry bool) error {
	left, err := record.FindLeft()
	if err != nil {
		return err
	}
	var freed int64
	removed := "removed"
	if dry {
		removed = "would remove"
	}
	for _, l := range left {
		if !dry {
			if err := l.Remove(); err != nil {
				return err
			}
		}
		freed += l.Size
		s.Line("%s %s  %s  %.1f MiB", removed, l.Path, l.Made.Format("2006-01-02 15:04"), float64(l.Size)/(1<<20))
	}
	if len(left) == 0 {
		s.Line("no recordings of earlier runs")
		return nil
	}
	s.Line("%s %s, %.1f MiB", removed, show.Plural(len(left), "recording"), float64(freed)/(1<<20))
	return nil
}

// keepLast removes recordings among the temporary files but the newest: those of a run, and
// some before it. That it cannot is no fault of the run.
func keepLast(env Env, ofRun int) {
	left, err := record.FindLeft()
	old := left[min(len(left), ofRun+kept):]
	for _, l := range old {
		err = errors.Join(err, l.Remove())
	}
	s := text.NewScreen(env.Stderr, "never")
	switch {
	case err != nil:
		s.Line("listenq: warning: recordings of earlier runs stay: %v", err)
	case len(old) > 0:
		s.Line("listenq: removed %s of earlier runs: the last %d stay (--out FOLDER keeps all)", show.Plural(len(old), "recording"), kept)
	}
}
