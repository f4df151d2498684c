package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"listenq/internal/diagnose"
	"listenq/internal/kernel"
	"listenq/internal/queue"
	"listenq/internal/record"
)

func newDoctor(env Env) *cobra.Command {
	var f hostFlags
	var period time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [FILTER]…",
		Short: "say what is wrong with the listeners of this machine, and what to do",
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
				return &usageError{"--for takes a duration from 100ms", ""}
			}
			host, err := kernel.OpenHost(options)
			if err != nil {
				return err
			}
			defer host.Close()
			o := observer{source: host.Sample, history: queue.NewHistory(always)}
			return consult(cmd.Context(), env, colourFlag(cmd), asJSON, &o, period, filter)
		},
	}
	f.register(cmd)
	cmd.Flags().DurationVar(&period, "for", 2*time.Second, "how long to look")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON (schema listenq/doctor/v1)")
	return cmd
}

// consult looks for that long and prints the diagnosis. One that is cut short
// tells what was found so far.
func consult(ctx context.Context, env Env, colour string, asJSON bool, o *observer, period time.Duration, f queue.Filter) error {
	watched := o.watch(ctx, period)
	if watched != nil && (!errors.Is(watched, context.Canceled) || o.history.Samples() < 2) {
		return watched
	}
	inspect(o.history)
	d := newDiagnosis(o.history, f)
	var err error
	if asJSON {
		err = d.printJSON(env.Stdout)
	} else {
		printDiagnosis(newScreen(env.Stdout, colour), d)
	}
	if d.bad() {
		err = worse(err, errBad)
	}
	return worse(err, watched)
}

// mostInspected is how many processes doctor looks at closely.
const mostInspected = 256

// inspect looks closely at the processes of the listeners as of the last sample, the
// worst first. One that has ended meanwhile stays as it was.
func inspect(h *queue.History) {
	trends := h.Trends()
	left := mostInspected
	for i := range trends {
		processes := trends[i].Listener.Processes
		for j := range processes[:min(left, len(processes))] {
			left--
			p := processes[j]
			if kernel.Inspect(&p) == nil {
				processes[j] = p
			}
		}
	}
}

// diagnosis is the answer of `doctor`.
type diagnosis struct {
	Schema     string              `json:"schema"`
	Time       time.Time           `json:"time"`
	Kernel     string              `json:"kernel,omitempty"`
	Window     record.Milliseconds `json:"window_ms"`
	Samples    int                 `json:"samples"`
	Listeners  int                 `json:"listeners"`
	Namespaces int                 `json:"namespaces"`
	Findings   []finding           `json:"findings"`
	Missing    []record.Missing    `json:"missing,omitempty"`

	filter   string
	recorded bool // of a machine that may be another one
	seen     seen
}

// seen is of how many listeners that were looked at what is known.
type seen struct{ limits, drops, requests, owners int }

// finding is one thing that is wrong.
type finding struct {
	Code      string            `json:"code"`
	Severity  diagnose.Severity `json:"severity"`
	Listener  *listener         `json:"listener,omitempty"`
	Netns     queue.NetnsID     `json:"netns,omitempty"`
	NetnsName string            `json:"-"`
	Title     string            `json:"title"`
	Evidence  []string          `json:"evidence"`
	Effect    string            `json:"effect"`
	Fix       []string          `json:"fix"`
	Check     []string          `json:"check"`
}

func newDiagnosis(h *queue.History, f queue.Filter) diagnosis {
	last, trends := h.Last(), h.Trends()
	d := diagnosis{
		Schema: "listenq/doctor/v1", Time: last.Time, Kernel: last.Kernel, Window: record.MS(window(h, trends)), Samples: h.Samples(),
		Namespaces: len(last.Namespaces), Findings: []finding{}, Missing: newMissing(last.Missing), filter: f.String(),
	}
	spaces := map[queue.NetnsID]bool{}
	for i := range trends {
		if f.Match(&trends[i]) {
			d.Listeners++
			d.seen.add(&trends[i])
			spaces[trends[i].Listener.Netns] = true
		}
	}
	names := map[queue.NetnsID]*queue.Namespace{}
	for i := range last.Namespaces {
		names[last.Namespaces[i].ID] = &last.Namespaces[i]
	}
	for _, found := range diagnose.Diagnose(h) {
		if l := found.Listener; l != nil && f.Match(l) || l == nil && (f.Empty() || spaces[found.Netns]) {
			d.Findings = append(d.Findings, newFinding(names[found.Netns], &found))
		}
	}
	return d
}

func (n *seen) add(t *queue.Trend) {
	add := func(counter *int, known bool) {
		if known {
			*counter++
		}
	}
	add(&n.limits, t.Listener.AcceptLimit != queue.NoLimit)
	add(&n.drops, t.Dropped.Known)
	add(&n.requests, t.Listener.SynLen.Known)
	add(&n.owners, t.Listener.Processes != nil)
}

// lacking reports whether something was not seen of each of that many.
func (n *seen) lacking(listeners int) bool {
	return min(n.limits, n.drops, n.requests, n.owners) < listeners
}

func newFinding(in *queue.Namespace, f *diagnose.Finding) finding {
	row := finding{
		Code: f.Code, Severity: f.Severity, Netns: f.Netns, NetnsName: netnsName(in, f.Netns),
		Title: f.Title, Evidence: slices.Clone(f.Evidence), Effect: f.Effect, Fix: slices.Clone(f.Fix), Check: slices.Clone(f.Check),
	}
	if f.Listener != nil {
		row.Listener = new(newListener(f.Listener))
	}
	return row
}

// bad reports whether somebody should do something.
func (d *diagnosis) bad() bool {
	return slices.ContainsFunc(d.Findings, func(f finding) bool { return f.Severity != diagnose.Notice })
}
