package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
	"listenq/internal/kernel"
	"listenq/internal/queue"
	"listenq/internal/text"
	"listenq/internal/watch"
)

func newDoctor(env Env) *cobra.Command {
	var f hostFlags
	var period time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [FILTER]…",
		Short: "say what is wrong with this machine's listeners, and what to do",
		Long: `Looks at the listeners for 2 s and says what is wrong, worst first: the evidence,
what clients feel, what to change in that very program, and how to check it by
hand. It changes nothing.

  listenq doctor                 all listeners
  listenq doctor :8080           those at port 8080
  listenq doctor --for 30s       longer: for what happens now and then
  listenq explain LQ003          the whole text about one kind of finding

A filter is as in listenq ls. As root it sees the processes of all users and all
network namespaces.

Exit code: 0 nothing wrong, or notices alone; 1 a warning or something critical;
2 an error; 130 interrupted.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := parseFilter(args)
			if err != nil {
				return err
			}
			options, err := f.options()
			switch {
			case err != nil:
				return err
			case period < step:
				return &usageError{"--for must be 100ms or longer", ""}
			}
			host, err := kernel.OpenHost(options)
			if err != nil {
				return err
			}
			defer host.Close()
			c := doctorRun{env: env, colour: colourFlag(cmd), asJSON: asJSON, period: period, filter: filter}
			c.watch = watch.New(host.Sample, watch.Options{Scope: watch.Scope{Most: mostInspected}})
			return c.run(cmd.Context())
		},
	}
	f.register(cmd)
	cmd.Flags().DurationVar(&period, "for", leastVigil, "how long to look")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON (schema listenq/doctor/v1)")
	return cmd
}

// doctorRun is one call of doctor.
type doctorRun struct {
	watch  *watch.Watch
	env    Env
	colour text.Colour
	asJSON bool
	period time.Duration // how long it looks
	filter queue.Filter
}

// run looks and prints the diagnosis. One that is cut short prints what was found so far.
func (c *doctorRun) run(ctx context.Context) error {
	end := showVigil(ctx, c.env.Stderr, c.watch, c.period, c.filter)
	watched := c.watch.For(ctx, c.period, stepOf(c.period))
	end()
	s := c.watch.Snapshot()
	if watched != nil && (!errors.Is(watched, context.Canceled) || s == nil || s.Samples < 2) {
		return watched
	}
	d := answer.NewDiagnosis(s.View, s.Findings, c.filter)
	var err error
	if c.asJSON {
		err = show.DiagnosisJSON(c.env.Stdout, d)
	} else {
		show.Diagnosis(text.NewScreen(c.env.Stdout, c.colour), d)
	}
	if d.Bad() {
		err = worseOf(err, errBad)
	}
	return worseOf(err, watched)
}

// mostInspected is how many processes doctor looks at closely.
const mostInspected = 256
