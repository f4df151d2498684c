package lab

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"listenq/internal/lab/script"
	"listenq/internal/record"
	"listenq/internal/vm"
)

// GuestArg is the first argument with which this program runs experiments in a
// guest, on another kernel.
const GuestArg = "lab-guest"

// GuestOptions are how to run experiments on another kernel.
type GuestOptions struct {
	Tool     string         // name and version, for the recordings
	Command  []string       // the command line, for the recordings
	Out      string         // folder for the recordings; it must exist
	Program  string         // a static listenq for the kernel's architecture; "": this program
	Facts    bool           // find out all facts of the kernel, after the experiments
	Limit    int64          // bytes of a recording; 0: DefaultLimit
	Memory   int            // of the guest, in MiB; 0: vm.DefaultMemory
	Progress func(Progress) // called as the experiments go on; may be nil
}

// OnKernel is what came of experiments on a kernel.
type OnKernel struct {
	Kernel Kernel       // its facts, if they were asked for
	Runs   []record.Run // in the order of the scripts
}

// RunOn boots a kernel and runs scripts on it. Each
// script has a run, whatever happens: those that were not begun say so in
// Skipped. The error is that of the guest (see vm.Guest.Run) or, where the guest
// came to its end, nil: what went wrong in a run is in its Error.
func RunOn(ctx context.Context, k *vm.Kernel, scripts []*script.Script, o GuestOptions) (OnKernel, error) {
	in := newGuestReader(k.Release, scripts, o)
	job, shown, err := newGuestJob(scripts, o)
	defer func() {
		for _, files := range shown {
			files.close()
		}
	}()
	if err != nil {
		return in.result(err), err
	}
	files, memory, err := job.files(shown)
	if err != nil {
		return OnKernel{}, err
	}
	reports, give, err := os.Pipe()
	if err != nil {
		return OnKernel{}, fmt.Errorf("start the guest: %w", err)
	}
	defer reports.Close()
	var stderr bytes.Buffer
	guest := vm.Guest{
		Kernel: k, Program: o.Program, Args: []string{vm.Self, GuestArg}, Memory: cmp.Or(o.Memory, vm.DefaultMemory) + memory, Limit: guestLimit(scripts),
		Files:  files,
		Stdout: give, Stderr: &stderr,
	}
	var code int
	ended := make(chan error, 1)
	go func() {
		defer give.Close()
		var err error
		code, err = guest.Run(ctx)
		ended <- err
	}()
	told := in.read(reports)
	io.Copy(io.Discard, reports)
	if err = <-ended; err == nil && (told != nil || code != 0) {
		said := errors.New(strings.TrimSpace(stderr.String()))
		err = fmt.Errorf("the experiments on Linux %s ended unexpectedly (exit code %d): %w", k.Release, code, errors.Join(told, said))
	}
	return in.result(err), err
}

// What a guest may take on this machine's clock, however slowly it is emulated
// on however busy a machine: it is there to end one that hangs.
const (
	guestBoot    = 3 * time.Minute
	guestStretch = 10
)

func guestLimit(scripts []*script.Script) time.Duration {
	limit := guestBoot
	for _, s := range scripts {
		limit += guestStretch * (s.Takes + time.Second)
	}
	return limit
}

// guestReader takes what a guest tells.
type guestReader struct {
	options GuestOptions
	release string
	scripts []*script.Script
	all     OnKernel
	done    map[int]bool // by place in scripts
}

func newGuestReader(release string, scripts []*script.Script, o GuestOptions) *guestReader {
	r := &guestReader{options: o, release: release, scripts: scripts, done: map[int]bool{}}
	r.all.Kernel = Kernel{Schema: "listenq/kernel/v1", Kernel: release}
	r.all.Runs = make([]record.Run, len(scripts))
	return r
}

// read reads reports to their end. What a guest says is not trusted.
func (r *guestReader) read(from io.Reader) error {
	for in := tar.NewReader(from); ; {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what the guest tells: %w", err)
		}
		if err := r.take(h, in); err != nil {
			return fmt.Errorf("read what the guest tells: %s: %w", h.Name, err)
		}
	}
}

func (r *guestReader) take(h *tar.Header, content io.Reader) error {
	if name, ok := strings.CutPrefix(h.Name, guestRecordings); ok {
		return r.store(name, h, content)
	}
	var told guestReport
	if err := json.NewDecoder(content).Decode(&told); err != nil {
		return err
	}
	switch {
	case told.Progress != nil && r.options.Progress != nil:
		told.Progress.Kernel = r.release
		r.options.Progress(*told.Progress)
	case told.Facts != nil:
		r.all.Kernel = *told.Facts
	case told.Run != nil && told.Script >= 0 && told.Script < len(r.scripts):
		return r.keep(told.Script, *told.Run)
	}
	return nil
}

// store writes one file of a recording.
func (r *guestReader) store(name string, h *tar.Header, content io.Reader) error {
	root, err := os.OpenRoot(r.options.Out)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// keep keeps a run, with its recording's place on this machine.
func (r *guestReader) keep(script int, run record.Run) error {
	r.all.Runs[script], r.done[script] = run, true
	if run.Recording == "" {
		return nil
	}
	if !filepath.IsLocal(run.Recording) {
		return errors.New("a recording outside of its folder")
	}
	run.Recording = filepath.Join(r.options.Out, run.Recording)
	r.all.Runs[script] = run
	return record.WriteResult(run)
}

// result is what is known when the guest has ended, with err if it did not end
// as it should have.
func (r *guestReader) result(err error) OnKernel {
	why := "there was no guest to run it"
	if errors.Is(err, context.Canceled) {
		why = "interrupted before it began"
	} else if _, died := errors.AsType[*vm.Died](err); died {
		why = "the guest ended before it began"
	}
	for i, s := range r.scripts {
		if !r.done[i] {
			r.all.Runs[i] = record.Run{Scenario: s.Name, Title: s.Title, Kernel: r.release, Skipped: why}
		}
	}
	return r.all
}
