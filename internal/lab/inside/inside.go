package inside

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"listenq/internal/answer"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/job"
	"listenq/internal/lab/observe"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
	"listenq/internal/lab/server"
	"listenq/internal/lab/settings"
	"listenq/internal/record"
)

// ServerArg is the first argument with which this program is started again as a server.
const ServerArg = "lab-server"

// Reexec runs a part of an experiment if the arguments (without the program's
// name) say that this process is one; then it returns its exit code.
func Reexec(args []string) (code int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	var err error
	switch args[0] {
	case job.InsideArg:
		code, err = 1, inside()
	case ServerArg:
		code, err = 1, server.Serve(os.NewFile(3, "orders"), os.NewFile(4, "answers"), os.NewFile(5, "sockets"))
	default:
		return 0, false
	}
	if err == nil {
		return 0, true
	}
	fmt.Fprintln(os.Stderr, "listenq:", err)
	return code, true
}

// inside is the program in the sandbox: it does one job.
func inside() error {
	box, err := sandbox.Enter()
	if err != nil {
		return err
	}
	orders := os.NewFile(job.FDJob, "job")
	var j job.Job
	decoder := json.NewDecoder(orders)
	if err := decoder.Decode(&j); err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, orders) // ends when the host side asks to stop
		stop()
	}()
	reports := json.NewEncoder(os.NewFile(job.FDReports, "reports"))
	end := task{j, box, func(p job.Progress) { reports.Encode(job.Report{Progress: &p}) }}.carryOut(ctx) // that nobody listens any more ends us anyway
	return reports.Encode(job.Report{Done: &end})
}

// task is a job and what it is carried out with.
type task struct {
	job.Job
	box    *sandbox.Inside
	report func(job.Progress)
}

// carryOut probes the facts that are asked for and runs the script, if there is one.
func (j task) carryOut(ctx context.Context) job.Done {
	began := time.Now()
	end := job.Done{Meta: record.Meta{Kernel: facts.Release(), UserNS: j.box.UserNamespace(), NotIsolated: j.box.Shared(), Tick: answer.MS(j.Tick), Scenario: j.Name}}
	end.Run.Kernel = end.Meta.Kernel
	if end.Hidden = hidden(j.Job); end.Hidden != "" {
		return end
	}
	if j.Kernel {
		end.Defaults = facts.ReadFresh() // before experiments change what new namespaces begin with
	}
	m := machineOf(j.Job)
	probing := startProbes(ctx, j.box, m, j.Facts)
	if m != nil {
		probing.wait() // one experiment at a time
	}
	if j.Kernel {
		end.Looks = facts.Unprivileged(j.box)
	}
	if len(j.Text) == 0 {
		end.Run.Facts, end.Run.Missing = probing.wait()
		return end
	}
	run, err := j.run(ctx, m, probing, &end.Meta)
	run.Kernel = end.Run.Kernel
	run.Setup = answer.MS(time.Since(began) - run.Setup.Duration())
	if err != nil {
		run.Incomplete, run.Pass = true, false
		run.Error = err.Error()
		if errors.Is(err, context.Canceled) {
			run.Error = "interrupted"
		}
		if failure, ok := errors.AsType[*job.Failure](err); ok {
			run.Hint = failure.Hint
		}
		end.Meta.Incomplete = run.Error
	}
	end.Run = run
	return end
}

// run runs the script. In the result Setup is, for now, how long the steps took.
func (j task) run(ctx context.Context, m *settings.Machine, probing *probes, meta *record.Meta) (answer.Run, error) {
	s, err := script.Parse(j.Name, j.Text, facts.All())
	if err != nil {
		return answer.Run{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	to := recordingTo{os.NewFile(job.FDPackets, record.PacketsFile), os.NewFile(job.FDEvents, record.EventsFile), observe.NewRoom(j.Limit, stop), j.Tool, j.Started}
	e, err := newExperiment(j.box, m, s, to, j.Tick, j.report)
	known, missing := probing.wait()
	for _, name := range facts.Needed(s) {
		if value, before := j.Known[name]; before {
			known[name] = value
		}
	}
	if err != nil {
		return answer.Run{}, err
	}
	if why := cmp.Or(facts.Lacking(s.Require, known, missing), uninstalled(j.box, s)); why != "" {
		return answer.Run{Scenario: s.Name, Title: s.Title, Facts: known, Skipped: why}, e.close()
	}
	e.facts = known
	began := time.Now()
	err = e.run(ctx)
	if err == nil && j.Stay {
		err = e.stay(ctx)
	}
	run := e.result()
	run.Setup = answer.MS(time.Since(began))
	run.Missing = append(missing, run.Missing...)
	meta.Network = e.net.String()
	meta.Sysctls, _ = e.net.Sysctls()
	meta.TCPInfo = e.obs.InfoFields()
	return run, errors.Join(err, e.close())
}

// hidden returns a setting that the job needs and that is not there: one of its script or,
// if there is another way to run it, the limit of all queues where it is lower than what
// experiments begin with, as before Linux 5.4.
func hidden(j job.Job) string {
	if name := settings.Hidden(j.NetCore); name != "" || !j.LongQueues || settings.Hidden([]string{facts.Somaxconn}) == "" {
		return name
	}
	if limit, err := facts.LongestQueue(); err == nil && limit < settings.LeastSomaxconn {
		return facts.Somaxconn
	}
	return ""
}

// giveSettings gives the settings of the server's namespace to the model.
func (e *experiment) giveSettings() error {
	all, err := e.net.Sysctls()
	for name, value := range all["server"] {
		e.obs.Setting(name, value)
	}
	return err
}

// machineOf is what the job may set beyond its own namespaces; nil: nothing.
func machineOf(j job.Job) *settings.Machine {
	if !j.Machine {
		return nil
	}
	return settings.NewMachine(os.NewFile(job.FDMachine, "first network namespace"))
}
