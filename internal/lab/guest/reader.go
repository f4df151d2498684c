package guest

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/files"
	"listenq/internal/lab/job"
	"listenq/internal/lab/script"
	"listenq/internal/record"
	"listenq/internal/vm"
)

// What is taken of a guest, which may say anything.
const (
	guestSaid  = 32 << 20  // bytes of one report
	guestFile  = 512 << 20 // bytes of one file of a recording: more than the memory that a guest has by default
	guestTotal = 4 << 30   // bytes of all
)

// reader reads the archive that a guest writes. The host's side knows itself what kernel and
// what scripts these are, where recordings lie and what may be done; of that nothing
// is taken from the guest, nor a command for anybody to run.
type reader struct {
	options    Options
	release    string
	scripts    []*script.Script
	all        OnKernel
	done       map[int]bool          // by place in scripts
	recordings map[string]*files.Dir // by the name that the guest gives them
}

func newReader(release string, scripts []*script.Script, o Options) *reader {
	r := &reader{options: o, release: release, scripts: scripts, done: map[int]bool{}, recordings: map[string]*files.Dir{}}
	r.all.Kernel = answer.Kernel{Schema: answer.KernelSchema, Kernel: release}
	r.all.Runs = make([]answer.Run, len(scripts))
	return r
}

func (r *reader) close() {
	for _, dir := range r.recordings {
		dir.Close()
	}
}

// read reads reports to their end.
func (r *reader) read(from io.Reader) error {
	limited := &io.LimitedReader{R: from, N: guestTotal}
	for in := tar.NewReader(limited); ; {
		h, err := in.Next()
		if err == io.EOF && limited.N > 0 {
			return nil
		}
		if limited.N <= 0 {
			err = fmt.Errorf("more than %d bytes", guestTotal)
		}
		if err != nil {
			return fmt.Errorf("read the guest's reports: %w", err)
		}
		if err := r.take(h, in); err != nil {
			return fmt.Errorf("read the guest's reports: %s: %w", h.Name, err)
		}
	}
}

func (r *reader) take(h *tar.Header, content io.Reader) error {
	if h.Typeflag != tar.TypeReg {
		return errors.New("not a regular file")
	}
	if name, ok := strings.CutPrefix(h.Name, recordings); ok {
		return r.store(name, h.Size, content)
	}
	var message words
	text, err := files.ReadAll(content, guestSaid, "the report")
	if err == nil {
		err = json.Unmarshal(text, &message)
	}
	if err != nil {
		return err
	}
	switch {
	case message.Progress != nil:
		return r.progress(message.Progress)
	case message.Facts != nil:
		return r.facts(message.Facts)
	case message.Run != nil && message.Script >= 0 && message.Script < len(r.scripts):
		return r.keep(message.Script, message.Run)
	}
	return nil
}

// words is a report whose parts are not decoded yet.
type words struct {
	Progress, Facts, Run json.RawMessage
	Script               int
}

// progress passes on where a script is. What its line says the host knows.
func (r *reader) progress(text []byte) error {
	var message job.Progress
	if err := answer.Decode(text, "JSON", &message); err != nil || r.options.Progress == nil {
		return err
	}
	for _, s := range r.scripts {
		if i := slices.IndexFunc(s.Steps, func(step script.Step) bool { return step.Line == message.Line }); i >= 0 && s.Name == message.Scenario {
			r.options.Progress(job.Progress{Kernel: r.release, Scenario: s.Name, Line: message.Line, Text: s.Steps[i].Text, AtMost: message.AtMost})
			return nil
		}
	}
	return nil
}

// facts keeps what the guest found out about its kernel.
func (r *reader) facts(text []byte) error {
	kernel := answer.Kernel{}
	if err := answer.Decode(text, "JSON", &kernel); err != nil {
		return err
	}
	kernel.Schema, kernel.Kernel = r.all.Kernel.Schema, r.release
	for i := range kernel.Missing {
		kernel.Missing[i].Hint = ""
	}
	r.all.Kernel = kernel
	return nil
}

// store writes one file of a recording. The result is not taken: keep writes it.
func (r *reader) store(name string, size int64, content io.Reader) error {
	folder, name, _ := strings.Cut(name, "/")
	switch {
	case folder == "" || folder == "." || folder == ".." || !slices.Contains(record.Files(), name):
		return errors.New("not a file of a recording")
	case size > guestFile:
		return fmt.Errorf("larger than %d bytes", guestFile)
	case name == record.ResultFile:
		return nil
	}
	dir, err := r.recording(folder)
	if err != nil {
		return err
	}
	f, err := dir.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.LimitReader(content, guestFile))
	return errors.Join(err, f.Close())
}

// recording is the folder of a recording, which is made with its first file.
func (r *reader) recording(name string) (*files.Dir, error) {
	if dir, made := r.recordings[name]; made {
		return dir, nil
	}
	if len(r.recordings) >= len(r.scripts) {
		return nil, errors.New("more recordings than experiments")
	}
	dir, err := r.options.Out.MakeDir(name)
	if err == nil {
		r.recordings[name] = dir
	}
	return dir, err
}

// keep keeps a run, with its recording's place on this machine.
func (r *reader) keep(script int, text []byte) error {
	if r.done[script] {
		return errors.New("the result of an experiment for the second time")
	}
	run, err := record.DecodeRun(text)
	if err != nil {
		return err
	}
	run.Kernel, run.Scenario, run.Title, run.Hint = r.release, r.scripts[script].Name, r.scripts[script].Title, ""
	for i := range run.Missing {
		run.Missing[i].Hint = ""
	}
	name := run.Recording
	run.Recording = ""
	if dir, made := r.recordings[name]; made {
		run.Recording = dir.Path
		err = record.WriteResult(dir, run)
	} else if name != "" {
		err = errors.New("the result of a recording that was not given")
	}
	r.all.Runs[script], r.done[script] = run, true
	return err
}

// result is what is known when the guest has ended, with err if it did not end
// as it should have.
func (r *reader) result(err error) OnKernel {
	why := "there was no guest to run it"
	if errors.Is(err, context.Canceled) {
		why = "interrupted before it began"
	} else if _, died := errors.AsType[*vm.Died](err); died {
		why = "the guest ended before it began"
	}
	for i, s := range r.scripts {
		if !r.done[i] {
			r.all.Runs[i] = answer.Run{Scenario: s.Name, Title: s.Title, Kernel: r.release, Skipped: why}
		}
	}
	return r.all
}
