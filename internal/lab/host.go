// Package lab runs experiments: it reproduces a listen-queue overflow in namespaces of its own
// and reports what happened to each connection.
//
//	s, err := script.Parse("b2.lab", text, facts.All())
//	run, err := lab.Run(ctx, s, lab.Options{})
//
// This is the host side. It starts the inside (package inside) in a sandbox, gives it the script
// as a job (package job), and follows its reports. The server (package server) is a process of
// its own, so that it can be stopped. Only the inside touches namespaces, and nothing of them
// is left when it ends.
package lab

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"listenq/internal/answer"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/job"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
	"listenq/internal/lab/settings"
	"listenq/internal/record"
	"listenq/internal/vm"
)

// Options are how to run an experiment.
type Options struct {
	Tool     string             // name and version, for the recording
	Command  []string           // the command line, for the recording
	Out      string             // where the recording's folder is made; "": among the temporary files
	Tick     time.Duration      // between two samples; 0: 10 ms
	Limit    int64              // bytes of the recording, at which the experiment ends; 0: DefaultLimit
	Stay     bool               // keep the namespaces after the last step until ctx ends
	Known    map[string]bool    // facts of this kernel that were probed before, and need not be again
	Progress func(job.Progress) // called as the experiment goes on; may be nil

	Machine bool   // settings of the whole machine may be written: it is a guest, and this its only experiment
	Packed  string // path of the copies of the script's files, where its folder is not at hand; "": it is
}

// shown is what the commands of a script are to see of its folder.
func (o Options) shown(s *script.Script) (job.Files, error) {
	if o.Packed == "" {
		return job.Show(s)
	}
	copies, err := os.Open(o.Packed)
	return job.Files{Dir: s.Dir, Copies: copies}, err
}

// errNotStarted marks an error before there was anything to record. It says
// nothing: what it is joined with does.
var errNotStarted = errors.New("")

// stopTimeout is how long an experiment that was asked to stop may take to
// hand over what it has.
const stopTimeout = 10 * time.Second

// Run runs a script in namespaces of its own. What went wrong is in the
// result's Error as well as in the error: *sandbox.Forbidden where the host does
// not allow namespaces, ctx's error when it was interrupted. Whatever had been
// recorded by then is kept.
func Run(ctx context.Context, s *script.Script, o Options) (answer.Run, error) {
	began := time.Now()
	failed := func(err error) (answer.Run, error) {
		return answer.Run{Scenario: s.Name, Title: s.Title, Error: err.Error()}, err
	}
	files, err := o.shown(s)
	if err != nil {
		return failed(err)
	}
	defer files.Close()
	folder, err := record.Create(o.Out, s.Name, s.Text)
	if err != nil {
		return failed(err)
	}
	j := job.Job{Name: s.Name, Text: s.Text, Tool: o.Tool, Tick: cmp.Or(o.Tick, job.DefaultTick), Started: began, Facts: facts.Needed(s), Known: o.Known, NetCore: settings.Core(s), LongQueues: os.Geteuid() == 0, Machine: o.Machine, Limit: cmp.Or(o.Limit, job.DefaultLimit), Stay: o.Stay}
	j.Facts = slices.DeleteFunc(j.Facts, func(name string) bool { _, known := o.Known[name]; return known })
	end, err := runInside(ctx, j, files, o.Progress, folder.Packets, folder.Events)
	switch {
	case end.Hidden == "":
	case os.Geteuid() == 0:
		j.Bare, j.NetCore, j.LongQueues = true, nil, false
		end, err = runInside(ctx, j, files, o.Progress, folder.Packets, folder.Events)
	default:
		end.Run.Scenario, end.Run.Title = s.Name, s.Title
		end.Run.Skipped = "it sets " + end.Hidden + ", which this kernel hides in the namespaces of ordinary users; root can run it"
	}
	if end.Run.Skipped != "" && err == nil {
		return end.Run, folder.Discard()
	}
	end.Meta.Started, end.Meta.Tool, end.Meta.Command = began, o.Tool, o.Command
	run := end.Run
	if errors.Is(err, errNotStarted) {
		run, err := failed(err)
		return run, errors.Join(err, folder.Discard())
	}
	run.Recording = folder.Path
	run.Duration = answer.MS(time.Since(began))
	if err != nil {
		run.Scenario, run.Title, run.Error, run.Incomplete = s.Name, s.Title, err.Error(), true
		end.Meta.Incomplete = err.Error()
	}
	if closed := folder.Close(end.Meta, run); closed != nil && err == nil {
		run.Error, run.Incomplete, err = closed.Error(), true, closed
	}
	return run, err
}

// runInside starts this program again in a sandbox and follows its reports to the end.
func runInside(ctx context.Context, j job.Job, files job.Files, progress func(job.Progress), packets, events *os.File) (job.Done, error) {
	orders, giveOrders, err := os.Pipe()
	if err != nil {
		return job.Done{}, fmt.Errorf("start the lab: %w", err)
	}
	defer giveOrders.Close()
	reports, giveReports, err := os.Pipe()
	if err != nil {
		return job.Done{}, fmt.Errorf("start the lab: %w", err)
	}
	defer reports.Close()
	given := []*os.File{orders, giveReports, packets, events}
	if j.Machine {
		first, err := os.Open("/proc/self/ns/net")
		if err != nil {
			return job.Done{}, fmt.Errorf("start the lab: %w", err)
		}
		defer first.Close()
		given, j.Bare = append(given, first), true // to enter it takes a right there
	}
	var stderr bytes.Buffer
	box, err := sandbox.Start(sandbox.Spec{
		Args:      []string{job.InsideArg},
		Files:     given,
		Copies:    files.Copies,
		Dir:       files.Dir,
		Stderr:    &stderr,
		Bare:      j.Bare,
		Throwaway: vm.Emulated(), // to emulation the instructions of a copy are new, and cost a second to translate
	})
	orders.Close()
	giveReports.Close()
	if err != nil {
		return job.Done{}, fmt.Errorf("%w%w", errNotStarted, err)
	}
	stop := context.AfterFunc(ctx, func() {
		giveOrders.Close()
		time.AfterFunc(stopTimeout, box.Kill)
	})
	defer stop()
	if err := json.NewEncoder(giveOrders).Encode(j); err != nil && ctx.Err() == nil {
		box.Kill()
		return job.Done{}, errors.Join(fmt.Errorf("give the lab its job: %w", err), box.Wait())
	}
	end, err := follow(reports, box.Pid(), progress)
	if err != nil {
		box.Kill()
	}
	ended := box.Wait()
	if err != nil {
		return end, lost(ctx, err, ended, stderr.String())
	}
	return end, failure(ctx, end)
}

// maxReports bounds what the inside may report, in bytes: a hundred times what 10,000
// connections need.
const maxReports = 1 << 30

// follow reads reports until the last.
func follow(reports io.Reader, pid int, progress func(job.Progress)) (job.Done, error) {
	for decoder := json.NewDecoder(io.LimitReader(reports, maxReports)); ; {
		var r job.Report
		if err := decoder.Decode(&r); err != nil {
			return job.Done{}, err
		}
		if r.Done != nil {
			return *r.Done, nil
		}
		if progress == nil || r.Progress == nil {
			continue
		}
		r.Progress.Enter = map[string]string{}
		for name, fd := range r.Progress.Namespaces {
			r.Progress.Enter[name] = enterCommand(pid, fd)
		}
		progress(*r.Progress)
	}
}

// lost explains why the reports ended before the last one.
func lost(ctx context.Context, err, ended error, stderr string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("the lab ended unexpectedly: %w (%v)\n%s", err, ended, stderr)
}

// failure is what the inside says went wrong.
func failure(ctx context.Context, d job.Done) error {
	switch {
	case ctx.Err() != nil && d.Run.Incomplete:
		return ctx.Err()
	case d.Run.Error != "":
		return &job.Failure{Message: d.Run.Error, Hint: d.Run.Hint}
	}
	return nil
}

// enterCommand is how to run a command in a namespace that process pid holds open.
func enterCommand(pid, fd int) string {
	return fmt.Sprintf("nsenter --target %d --user --net=/proc/%d/fd/%d", pid, pid, fd)
}
