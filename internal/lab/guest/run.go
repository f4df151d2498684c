package guest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"listenq/internal/answer"
	"listenq/internal/files"
	"listenq/internal/lab/job"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
	"listenq/internal/vm"
)

// Arg is the first argument with which this program runs experiments in a
// guest, on another kernel.
const Arg = "lab-guest"

// Options are how to run experiments on another kernel.
type Options struct {
	Tool     string             // name and version, for the recordings
	Command  []string           // the command line, for the recordings
	Out      *files.Dir         // for the recordings
	Program  string             // a static listenq for the kernel's architecture; "": this program
	Facts    bool               // find out all facts of the kernel, after the experiments
	Limit    int64              // bytes of a recording; 0: DefaultLimit
	Memory   int                // of the guest, in MiB; 0: vm.DefaultMemory
	Progress func(job.Progress) // called as the experiments go on; may be nil
}

// OnKernel is what came of experiments on a kernel.
type OnKernel struct {
	Kernel answer.Kernel // its facts, if they were asked for
	Runs   []answer.Run  // in the order of the scripts
}

// Run boots a kernel and runs scripts on it. Each
// script has a run, whatever happens: those that were not begun say so in
// Skipped. The error is that of the guest (see vm.Guest.Run) or, where the guest
// came to its end, nil: what went wrong in a run is in its Error.
func Run(ctx context.Context, k *vm.Kernel, scripts []*script.Script, o Options) (OnKernel, error) {
	in := newReader(k.Release, scripts, o)
	defer in.close()
	j, shown, err := newOrder(scripts, o)
	defer func() {
		for _, f := range shown {
			f.Close()
		}
	}()
	if err != nil {
		return in.result(err), err
	}
	needed, memory, err := j.files(shown)
	if err != nil {
		return OnKernel{}, err
	}
	reports, give, err := os.Pipe()
	if err != nil {
		return OnKernel{}, fmt.Errorf("start the guest: %w", err)
	}
	defer reports.Close()
	var stderr sandbox.Tail
	guest := vm.Guest{
		Kernel: k, Program: o.Program, Args: []string{vm.Self, Arg}, Memory: cmp.Or(o.Memory, vm.DefaultMemory) + memory, Limit: limitOf(scripts),
		Files:  needed,
		Stdout: give, Stderr: &stderr,
	}
	var walls []string // that do not stand around it
	guest.Started = func() { walls = guest.Walls.Missing() }
	var code int
	ended := make(chan error, 1)
	go func() {
		defer give.Close()
		var err error
		code, err = guest.Run(ctx)
		ended <- err
	}()
	unread := in.read(reports)
	io.Copy(io.Discard, reports)
	if err = <-ended; err == nil && (unread != nil || code != 0) {
		said := errors.New(strings.TrimSpace(stderr.String()))
		err = fmt.Errorf("the experiments on Linux %s ended unexpectedly (exit code %d): %w", k.Release, code, errors.Join(unread, said))
	}
	for i := range in.all.Runs {
		for _, why := range walls {
			in.all.Runs[i].Missing = append(in.all.Runs[i].Missing, answer.Missing{What: "a wall around the guest", Why: why})
		}
	}
	return in.result(err), err
}

// What a guest may take on this machine's clock, however slowly it is emulated
// on however busy a machine: it is there to end one that hangs.
const (
	boot    = 3 * time.Minute
	stretch = 10
)

func limitOf(scripts []*script.Script) time.Duration {
	limit := boot
	for _, s := range scripts {
		limit += stretch * (s.Takes + time.Second)
	}
	return limit
}
