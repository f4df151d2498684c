package lab

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"listenq/internal/answer"
	"listenq/internal/lab/script"
	"listenq/internal/vm"
)

// guestJobFile tells a guest what to do.
const guestJobFile = "/lab.json"

// guestRecordings begins the names of the files of recordings in what a guest
// tells; every other entry is a guestReport.
const guestRecordings = "recordings/"

type guestJob struct {
	Tool    string
	Command []string
	Scripts []guestScript
	Facts   bool  // tell all facts of the kernel, too
	Limit   int64 // bytes of a recording

	missing []answer.Missing // to every run
	machine bool             // its kernel has settings for the whole machine that experiments write
}

type guestScript struct {
	Name   string
	Text   []byte
	Dir    string
	Packed string // where the copies of its files are in the guest; "": there are none
}

// newGuestJob returns what a guest is to do, and what the scripts are to be shown there.
func newGuestJob(scripts []*script.Script, o GuestOptions) (job guestJob, files []shown, err error) {
	job = guestJob{Tool: o.Tool, Command: o.Command, Facts: o.Facts, Limit: o.Limit}
	for i, s := range scripts {
		f, err := show(s)
		if err != nil {
			return guestJob{}, files, fmt.Errorf("%s: %w", s.Name, err)
		}
		g := guestScript{Name: s.Name, Text: s.Text}
		if f.copies != nil {
			g.Dir, g.Packed = f.dir, fmt.Sprintf("/copies/%d.tar", i)
		}
		job.Scripts, files = append(job.Scripts, g), append(files, f)
	}
	return job, files, nil
}

// files are those that a guest needs for its job, and what they take of its memory, in
// MiB: there are an archive, and what is unpacked of it.
func (job guestJob) files(all []shown) (files []vm.File, memory int, err error) {
	text, err := json.Marshal(job)
	if err != nil {
		return nil, 0, fmt.Errorf("give the guest its job: %w", err)
	}
	files = []vm.File{{Path: guestJobFile, Mode: 0o600, Data: text}}
	for i, f := range all {
		if f.copies == nil {
			continue
		}
		info, err := f.copies.Stat()
		if err != nil {
			return nil, 0, fmt.Errorf("give the guest its files: %w", err)
		}
		memory += int(2*info.Size()>>20) + 1
		files = append(files, vm.File{Path: job.Scripts[i].Packed, Mode: 0o600, Host: fmt.Sprintf("/proc/self/fd/%d", f.copies.Fd())})
	}
	return files, memory, nil
}

// guestReport is one thing that a guest tells.
type guestReport struct {
	Progress *Progress      `json:",omitempty"`
	Facts    *answer.Kernel `json:",omitempty"`
	Run      *answer.Run    `json:",omitempty"` // of script number Script; Recording is its folder below guestRecordings
	Script   int
}

// reporter writes what a guest tells.
type reporter struct {
	mu sync.Mutex
	to *tar.Writer
}

// runGuest does the job of a guest: it probes the facts and runs the scripts.
func runGuest(ctx context.Context, to io.Writer) error {
	text, err := os.ReadFile(guestJobFile)
	if err != nil {
		return err
	}
	var job guestJob
	if err := json.Unmarshal(text, &job); err != nil {
		return fmt.Errorf("read %s: %w", guestJobFile, err)
	}
	out := &reporter{to: tar.NewWriter(to)}
	if why := vm.ClockJumps(); why != "" {
		job.missing = []answer.Missing{{What: "a clock that stands while the guest waits for files", Why: why}}
	}
	scripts, err := job.parse()
	if err != nil {
		return err
	}
	wide, err := machineWide(scripts)
	if err != nil {
		return fmt.Errorf("look for settings of the whole machine: %w", err)
	}
	job.machine = len(wide) > 0
	if err := job.runAll(ctx, scripts, out); err != nil {
		return err
	}
	if job.Facts {
		facts, err := probeAll(ctx, job.machine)
		if err != nil {
			return err
		}
		if err := out.tell(guestReport{Facts: &facts}); err != nil {
			return err
		}
	}
	return out.to.Close()
}

// runAll runs the scripts. The facts that they ask for are probed once.
func (job guestJob) runAll(ctx context.Context, scripts []*script.Script, out *reporter) error {
	known := knownFacts(ctx, scripts, job.machine)
	var all errgroup.Group
	all.SetLimit(job.jobs())
	for i, s := range scripts {
		all.Go(func() error { return job.run(ctx, i, s, known, out) })
	}
	return all.Wait()
}

func (job guestJob) parse() ([]*script.Script, error) {
	var scripts []*script.Script
	for _, g := range job.Scripts {
		s, err := script.Parse(g.Name, g.Text, Facts())
		if err != nil {
			return nil, err
		}
		s.Name, s.Dir = g.Name, g.Dir
		scripts = append(scripts, s)
	}
	return scripts, nil
}

// jobs is how many experiments run at the same time. An emulated guest has
// one CPU, and a clock on which waiting costs nothing: each has it for itself.
func (job guestJob) jobs() int {
	if vm.Emulated() || job.machine {
		return 1
	}
	return 4
}

func (job guestJob) run(ctx context.Context, i int, s *script.Script, known map[string]bool, out *reporter) error {
	folder, err := os.MkdirTemp("", "listenq-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	run, _ := Run(ctx, s, Options{Tool: job.Tool, Command: job.Command, Out: folder, Known: known, Limit: job.Limit, Progress: out.progress, machine: job.machine, packed: job.Scripts[i].Packed}) // the error is in the run
	run.Kernel = Release()
	run.Missing = append(run.Missing, job.missing...)
	if run.Recording != "" {
		recorded := run.Recording
		run.Recording = job.recordingName(i, filepath.Base(recorded))
		if as := filepath.Join(folder, run.Recording); as != recorded {
			err = os.Rename(recorded, as)
		}
	}
	if err != nil {
		return err
	}
	if err := out.files(folder); err != nil {
		return err
	}
	return out.tell(guestReport{Run: &run, Script: i})
}

// recordingName tells the recordings of scripts of the same name apart, as
// record.Create does where they are in one folder.
func (job guestJob) recordingName(i int, name string) string {
	n := 1
	for _, earlier := range job.Scripts[:i] {
		if earlier.Name == job.Scripts[i].Name {
			n++
		}
	}
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, n)
}

func (r *reporter) progress(p Progress) { _ = r.tell(guestReport{Progress: &p}) } // the next report fails, too

// tell writes a report as an entry of its own.
func (r *reporter) tell(told guestReport) error {
	text, err := json.Marshal(told)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.to.WriteHeader(&tar.Header{Name: "report", Mode: 0o644, Size: int64(len(text)), ModTime: time.Now()}); err != nil {
		return err
	}
	if _, err := r.to.Write(text); err != nil {
		return err
	}
	return r.to.Flush()
}

// files writes the files below a folder.
func (r *reporter) files(folder string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return filepath.WalkDir(folder, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return r.file(name, guestRecordings+strings.TrimPrefix(name, folder+"/"))
	})
}

func (r *reporter) file(name, as string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := r.to.WriteHeader(&tar.Header{Name: as, Mode: 0o644, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.CopyN(r.to, f, info.Size())
	return err
}
