package inside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"listenq/internal/answer"
	"listenq/internal/capture"
	"listenq/internal/lab/client"
	"listenq/internal/lab/job"
	"listenq/internal/lab/network"
	"listenq/internal/lab/observe"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
	"listenq/internal/lab/settings"
	"listenq/internal/lab/wire"
)

// experiment is one run of a script: its namespaces, its processes and what is
// seen of them. Its methods belong to the goroutine that runs the steps.
type experiment struct {
	script  *script.Script
	facts   map[string]any
	box     *sandbox.Inside
	machine *settings.Machine // nil: its settings stay as they are
	report  func(job.Progress)

	clock    network.Clock
	net      *network.Network
	obs      *observe.Observer
	stopTick func() error

	servers  []*running
	assigned map[string]netip.AddrPort // of each client that the script will make
	clients  []*connection
	byName   map[string]*connection
	groups   map[string][]string
	holds    []*wire.Hold
	filters  *filters
	routes   *wire.Routes // that the server has lost
	floods   *floods
	commands []answer.Command
	results  map[string]script.Exec

	observations []answer.Observation
	observed     script.Observed // of the last observe step

	expectations []answer.Expectation
	missing      []answer.Missing // what a step could not see
	line         int              // of the step under way
	prescribed   time.Duration    // spent on what the script or a kernel timer prescribes
}

// connection is a client of the lab's own.
type connection struct {
	name string
	observe.Pair
	*client.Conn
}

// recordingTo is where the frames and events of an experiment go.
type recordingTo struct {
	packets, events io.Writer
	room            *observe.Room
	tool            string
	started         time.Time
}

// newExperiment builds everything up to the first step.
func newExperiment(box *sandbox.Inside, m *settings.Machine, s *script.Script, to recordingTo, tick time.Duration, report func(job.Progress)) (*experiment, error) {
	e := &experiment{
		script: s, box: box, machine: m, report: report, floods: newFloods(),
		byName: map[string]*connection{}, groups: map[string][]string{}, results: map[string]script.Exec{},
	}
	var err error
	if e.clock, err = network.NewClock(); err != nil {
		return nil, err
	}
	if e.net, err = network.New(box, m, s); err != nil {
		return nil, err
	}
	e.filters = newFilters(e.net)
	packets, err := capture.NewWriter(to.packets, to.started, to.tool, e.net.Interfaces()...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write recording: %w", err), e.net.Close())
	}
	e.assigned = assignPorts(s, e.net.Client.Addr)
	if e.obs, err = observe.New(e.clock, e.net, len(e.assigned), packets, to.events, to.room); err != nil {
		return nil, errors.Join(err, e.net.Close())
	}
	e.net.Start(e.clock, e.obs.Tap)
	if err := e.giveSettings(); err != nil {
		return nil, errors.Join(err, e.net.Close())
	}
	e.stopTick = e.obs.Tick(tick)
	return e, nil
}

// run carries out the steps. It ends early with an error, or with ctx.
func (e *experiment) run(ctx context.Context) error {
	if err := e.knowSettings(); err != nil {
		return err
	}
	for _, step := range e.script.Steps {
		e.begin(step)
		err := e.do(ctx, step)
		for _, check := range []func() error{e.obs.Failed, e.net.Alive, e.serversAlive, ctx.Err} {
			if err == nil {
				err = check()
			}
		}
		if err != nil {
			return &stepError{e.script.Name, step, err}
		}
	}
	return e.endFloods(ctx)
}

// begin says that a step begins.
func (e *experiment) begin(step script.Step) {
	e.line = step.Line
	e.obs.Step(step.Line, step.Text)
	p := job.Progress{Scenario: e.script.Name, Line: step.Line, Text: step.Text}
	switch do := step.Do.(type) {
	case script.Wait:
		p.AtMost = do.For
	case script.WaitUntil:
		p.AtMost = do.AtMost
	}
	e.report(p)
}

// close ends what the experiment started and takes its network down.
func (e *experiment) close() error {
	errs := []error{e.floods.stop(), e.stopTick(), e.net.Stop(), e.obs.Finish()} // first, so that the recording ends with the script
	errs = append(errs, e.filters.close())
	for _, c := range e.clients {
		c.Abandon()
	}
	for _, s := range e.servers {
		s.kill()
	}
	return errors.Join(append(errs, e.net.Close(), e.machine.Restore())...)
}

// stepError says at which step an experiment failed.
type stepError struct {
	script string
	script.Step
	err error
}

func (e *stepError) Error() string {
	return fmt.Sprintf("%s.lab:%d: %s: %v", e.script, e.Line, e.Text, e.err)
}
func (e *stepError) Unwrap() error { return e.err }
