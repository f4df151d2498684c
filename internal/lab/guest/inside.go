package guest

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
	"listenq/internal/lab"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/job"
	"listenq/internal/lab/script"
	"listenq/internal/lab/settings"
	"listenq/internal/vm"
)

// orderFile holds the job of a guest.
const orderFile = "/lab.json"

// recordings begins the names of the files of recordings in what a guest
// writes; every other entry is a report.
const recordings = "recordings/"

type order struct {
	Tool    string
	Command []string
	Scripts []orderedScript
	Facts   bool  // report all facts of the kernel, too
	Limit   int64 // bytes of a recording

	missing []answer.Missing // to every run
	machine bool             // its kernel has settings for the whole machine that experiments write
}

type orderedScript struct {
	Name   string
	Text   []byte
	Dir    string
	Packed string // where the copies of its files are in the guest; "": there are none
}

// newOrder returns what a guest is to do, and what the scripts are to be shown there.
func newOrder(scripts []*script.Script, o Options) (todo order, files []job.Files, err error) {
	todo = order{Tool: o.Tool, Command: o.Command, Facts: o.Facts, Limit: o.Limit}
	for i, s := range scripts {
		f, err := job.Show(s)
		if err != nil {
			return order{}, files, fmt.Errorf("%s: %w", s.Name, err)
		}
		g := orderedScript{Name: s.Name, Text: s.Text}
		if f.Copies != nil {
			g.Dir, g.Packed = f.Dir, fmt.Sprintf("/copies/%d.tar", i)
		}
		todo.Scripts, files = append(todo.Scripts, g), append(files, f)
	}
	return todo, files, nil
}

// files are those that a guest needs for its job, and what they take of its memory, in
// MiB: there are an archive, and what is unpacked of it.
func (j order) files(all []job.Files) (files []vm.File, memory int, err error) {
	text, err := json.Marshal(j)
	if err != nil {
		return nil, 0, fmt.Errorf("give the guest its job: %w", err)
	}
	files = []vm.File{{Path: orderFile, Mode: 0o600, Data: text}}
	for i, f := range all {
		if f.Copies == nil {
			continue
		}
		info, err := f.Copies.Stat()
		if err != nil {
			return nil, 0, fmt.Errorf("give the guest its files: %w", err)
		}
		memory += int(2*info.Size()>>20) + 1
		files = append(files, vm.File{Path: j.Scripts[i].Packed, Mode: 0o600, Host: fmt.Sprintf("/proc/self/fd/%d", f.Copies.Fd())})
	}
	return files, memory, nil
}

// report is one message of a guest.
type report struct {
	Progress *job.Progress  `json:",omitempty"`
	Facts    *answer.Kernel `json:",omitempty"`
	Run      *answer.Run    `json:",omitempty"` // of script number Script; Recording is its folder below recordings
	Script   int
}

// reporter writes the reports of a guest.
type reporter struct {
	mu sync.Mutex
	to *tar.Writer
}

// serve does the job of a guest: it probes the facts and runs the scripts.
func serve(ctx context.Context, to io.Writer) error {
	text, err := os.ReadFile(orderFile)
	if err != nil {
		return err
	}
	var j order
	if err := json.Unmarshal(text, &j); err != nil {
		return fmt.Errorf("read %s: %w", orderFile, err)
	}
	out := &reporter{to: tar.NewWriter(to)}
	if why := vm.ClockJumps(); why != "" {
		j.missing = []answer.Missing{{What: "a clock that stands while the guest waits for files", Why: why}}
	}
	scripts, err := j.parse()
	if err != nil {
		return err
	}
	wide, err := settings.MachineWide(scripts)
	if err != nil {
		return fmt.Errorf("look for settings of the whole machine: %w", err)
	}
	j.machine = len(wide) > 0
	if err := j.runAll(ctx, scripts, out); err != nil {
		return err
	}
	if j.Facts {
		facts, err := lab.ProbeWith(ctx, j.machine)
		if err != nil {
			return err
		}
		if err := out.write(report{Facts: &facts}); err != nil {
			return err
		}
	}
	return out.to.Close()
}

// runAll runs the scripts. The facts that they ask for are probed once.
func (j order) runAll(ctx context.Context, scripts []*script.Script, out *reporter) error {
	known := lab.KnownFacts(ctx, scripts, j.machine)
	var all errgroup.Group
	all.SetLimit(j.jobs())
	for i, s := range scripts {
		all.Go(func() error { return j.run(ctx, i, s, known, out) })
	}
	return all.Wait()
}

func (j order) parse() ([]*script.Script, error) {
	var scripts []*script.Script
	for _, g := range j.Scripts {
		s, err := script.Parse(g.Name, g.Text, facts.All())
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
func (j order) jobs() int {
	if vm.Emulated() || j.machine {
		return 1
	}
	return 4
}

func (j order) run(ctx context.Context, i int, s *script.Script, known map[string]bool, out *reporter) error {
	folder, err := os.MkdirTemp("", "listenq-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	run, _ := lab.Run(ctx, s, lab.Options{Tool: j.Tool, Command: j.Command, Out: folder, Known: known, Limit: j.Limit, Progress: out.progress, Machine: j.machine, Packed: j.Scripts[i].Packed}) // the error is in the run
	run.Kernel = facts.Release()
	run.Missing = append(run.Missing, j.missing...)
	if run.Recording != "" {
		recorded := run.Recording
		run.Recording = j.recordingName(i, filepath.Base(recorded))
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
	return out.write(report{Run: &run, Script: i})
}

// recordingName numbers the recordings of scripts of the same name, as
// record.Create does where they are in one folder.
func (j order) recordingName(i int, name string) string {
	n := 1
	for _, earlier := range j.Scripts[:i] {
		if earlier.Name == j.Scripts[i].Name {
			n++
		}
	}
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, n)
}

func (r *reporter) progress(p job.Progress) { _ = r.write(report{Progress: &p}) } // the next report fails, too

// write writes a report as an entry of its own.
func (r *reporter) write(message report) error {
	text, err := json.Marshal(message)
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
		return r.file(name, recordings+strings.TrimPrefix(name, folder+"/"))
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

// Reexec does the work of a guest if the arguments (without the program's name) say that this
// process is one; then it returns its exit code.
func Reexec(args []string) (code int, ok bool) {
	if len(args) == 0 || args[0] != Arg {
		return 0, false
	}
	if err := serve(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "listenq:", err)
		return 1, true
	}
	return 0, true
}
