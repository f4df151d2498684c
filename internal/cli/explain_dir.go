package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
	"listenq/internal/judge"
	"listenq/internal/record"
	"listenq/internal/text"
	"listenq/internal/watch"
)

// explainRecording explains what a recording holds: what an experiment has shown, what is
// wrong with the listeners of a host; of one that was cut short, its packets.
func explainRecording(ctx context.Context, env Env, s text.Screen, f captureFlags, asJSON bool, dir string) error {
	collectSooner()
	has := func(name string) bool { return record.Has(dir, name) }
	switch {
	case has(record.SamplesFile):
		return explainSamples(env, s, f, asJSON, dir)
	case has(record.ResultFile) && !f.packets():
		return explainRun(env, s, asJSON, dir)
	case has(record.PacketsFile):
		if !has(record.ResultFile) {
			text.NewScreen(env.Stderr, "never").Line("listenq: %s has no %s: its packets alone are explained", dir, record.ResultFile)
		}
		open := func(context.Context, string) (*os.File, error) { return record.Open(dir, record.PacketsFile) }
		c := captures{env: env, screen: s, flags: f, asJSON: asJSON, open: open, files: []string{filepath.Join(dir, record.PacketsFile)}}
		return c.explain(ctx)
	}
	return &usageError{fmt.Sprintf("%s is no recording: it has neither %s nor %s nor %s", dir, record.ResultFile, record.PacketsFile, record.SamplesFile),
		"listenq lab run --out DIR makes recordings; for captures name the files"}
}

// recordingMemory is how much memory a recording may take, most of it garbage of its JSON.
const recordingMemory = 384 << 20

// collectSooner makes the garbage collector hold to recordingMemory, as far as that goes,
// unless somebody has set GOMEMLIMIT.
func collectSooner() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(recordingMemory)
	}
}

// explainRun prints the result of an experiment as it was printed then.
func explainRun(env Env, s text.Screen, asJSON bool, dir string) error {
	run, err := record.ReadRun(dir)
	if err != nil {
		return err
	}
	run.Recording = dir
	if asJSON {
		err = show.JSON(env.Stdout, answer.NewExperiments([]answer.Run{run}))
	} else {
		long, flush := s.Buffered()
		show.Run(long, run)
		err = flush()
	}
	if overflowed(&run) {
		err = worseOf(err, errBad)
	}
	return err
}

// overflowed reports that a listen queue was full when a packet came.
func overflowed(run *answer.Run) bool {
	full := []judge.Cause{judge.AcceptQueueFull, judge.SynQueueFull, judge.SynQueueReserve}
	return slices.ContainsFunc(run.Connections, func(c answer.RunConnection) bool {
		return slices.Contains(full, c.Cause) && c.Confidence != judge.Possible
	}) || slices.ContainsFunc(run.Folded, func(f answer.Folded) bool {
		return slices.ContainsFunc(full, func(c judge.Cause) bool { return f.Causes[c] > 0 })
	})
}

// explainSamples diagnoses what is wrong with the listeners that a recording of top shows.
func explainSamples(env Env, s text.Screen, f captureFlags, asJSON bool, dir string) error {
	if f.side != "" || f.annotate != "" || len(f.outcomes) > 0 || f.since != 0 || f.until != 0 {
		return &usageError{"this recording holds no packets: --side, --outcome, --since, --until and --annotate are for captures", ""}
	}
	samples, err := record.ReadSamples(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &usageError{fmt.Sprintf("%s is no recording: %v", dir, err), ""}
	case err != nil:
		return err
	case len(samples.All) == 0:
		return fmt.Errorf("read %s: the recording holds no sample", record.SamplesFile)
	}
	var words []string
	if f.listener != "" {
		words = []string{f.listener}
	}
	filter, err := parseFilter(words)
	if err != nil {
		return err
	}
	last := watch.Recorded(samples.All, 0, 0).At(len(samples.All) - 1)
	samples.All = nil // no longer needed, and large
	d := answer.NewDiagnosis(last.View, last.Findings, filter)
	d.Recorded = true
	if asJSON {
		err = show.DiagnosisJSON(env.Stdout, d)
	} else {
		long, flush := s.Buffered()
		show.Samples(long, &samples, d)
		err = flush()
	}
	if d.Bad() {
		err = worseOf(err, errBad)
	}
	return err
}
