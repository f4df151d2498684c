// Package lab runs experiments: it reproduces a listen-queue overflow in
// namespaces of its own and tells what happened to each connection.
//
//	s, err := script.Parse("b2.lab", text, lab.Facts())
//	run, err := lab.Run(ctx, s, lab.Options{})
//
// Three processes of this program take part. The host side (Run) starts the
// inside in a sandbox, gives it the script as a job, and follows its reports.
// The inside (Inside) builds the network, carries out the steps, observes, and
// feeds the handshake model. The server (package server) is a process of its
// own, so that it can be stopped. Only the inside touches namespaces, and
// nothing of them is left when it ends.
package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/answer"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
	"listenq/internal/lab/server"
	"listenq/internal/record"
	"listenq/internal/vm"
)

// The first arguments with which this program is started again. A main
// function hands them to Reexec.
const (
	InsideArg = "lab-inside"
	ServerArg = "lab-server"
)

// Reexec runs a part of an experiment if the arguments (without the program's
// name) say that this process is one; then it returns its exit code.
func Reexec(args []string) (code int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	vm.Reexec(args) // and what a sandbox starts
	var err error
	switch args[0] {
	case InsideArg:
		code, err = 1, inside()
	case ServerArg:
		code, err = 1, server.Serve(os.NewFile(3, "orders"), os.NewFile(4, "answers"), os.NewFile(5, "sockets"))
	case GuestArg:
		code, err = 1, runGuest(context.Background(), os.Stdout)
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
	orders := os.NewFile(fdJob, "job")
	var j job
	decoder := json.NewDecoder(orders)
	if err := decoder.Decode(&j); err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, orders) // ends when the host side asks to stop
		stop()
	}()
	reports := json.NewEncoder(os.NewFile(fdReports, "reports"))
	end := j.carryOut(ctx, box, func(p Progress) { reports.Encode(report{Progress: &p}) }) // that nobody listens any more ends us anyway
	return reports.Encode(report{Done: &end})
}

// carryOut probes the facts that are asked for and runs the script, if there is one.
func (j job) carryOut(ctx context.Context, box *sandbox.Inside, tell func(Progress)) done {
	began := time.Now()
	end := done{Meta: record.Meta{Kernel: Release(), UserNS: box.UserNamespace(), NotIsolated: box.Shared(), Tick: answer.MS(j.Tick), Scenario: j.Name}}
	end.Run.Kernel = end.Meta.Kernel
	if end.Hidden = j.hidden(); end.Hidden != "" {
		return end
	}
	if j.Kernel {
		end.Defaults = readFresh() // before experiments change what new namespaces begin with
	}
	m := j.machine()
	probing := startProbes(ctx, box, m, j.Facts)
	if m != nil {
		probing.wait() // one experiment at a time
	}
	if j.Kernel {
		end.Looks = lookUnprivileged(box)
	}
	if len(j.Text) == 0 {
		end.Run.Facts, end.Run.Missing = probing.wait()
		return end
	}
	run, err := j.run(ctx, box, m, probing, &end.Meta, tell)
	run.Kernel = end.Run.Kernel
	run.Setup = answer.MS(time.Since(began) - run.Setup.Duration())
	if err != nil {
		run.Incomplete, run.Pass = true, false
		run.Error = err.Error()
		if errors.Is(err, context.Canceled) {
			run.Error = "interrupted"
		}
		if failure, ok := errors.AsType[*Failure](err); ok {
			run.Hint = failure.Hint
		}
		end.Meta.Incomplete = run.Error
	}
	end.Run = run
	return end
}

// run runs the script. In the result Setup is, for now, how long the steps took.
func (j job) run(ctx context.Context, box *sandbox.Inside, m *machine, probing *probes, meta *record.Meta, tell func(Progress)) (answer.Run, error) {
	s, err := script.Parse(j.Name, j.Text, Facts())
	if err != nil {
		return answer.Run{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	to := recordingTo{os.NewFile(fdPackets, record.PacketsFile), os.NewFile(fdEvents, record.EventsFile), &room{j.Limit, j.Limit, stop}, j.Tool, j.Started}
	e, err := newExperiment(box, m, s, to, j.Tick, tell)
	facts, missing := probing.wait()
	for _, name := range neededFacts(s) {
		if value, known := j.Known[name]; known {
			facts[name] = value
		}
	}
	if err != nil {
		return answer.Run{}, err
	}
	if why := cmp.Or(lacking(s.Require, facts, missing), uninstalled(box, s)); why != "" {
		return answer.Run{Scenario: s.Name, Title: s.Title, Facts: facts, Skipped: why}, e.close()
	}
	e.facts = facts
	began := time.Now()
	err = e.run(ctx)
	if err == nil && j.Stay {
		err = e.stay(ctx)
	}
	run := e.result()
	run.Setup = answer.MS(time.Since(began))
	run.Missing = append(missing, run.Missing...)
	meta.Network = e.net.String()
	meta.Sysctls, _ = e.net.sysctls()
	meta.TCPInfo = e.obs.infoFields()
	return run, errors.Join(err, e.close())
}

// Release is the running kernel's, as in uname -r.
func Release() string { return uname(func(u *unix.Utsname) []byte { return u.Release[:] }) }

// version is the running kernel's build, as in uname -v: distributions name the
// exact version there.
func version() string { return uname(func(u *unix.Utsname) []byte { return u.Version[:] }) }

func uname(field func(*unix.Utsname) []byte) string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(field(&name))
}
