package guest

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/files"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/job"
	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
	"listenq/internal/record"
	"listenq/internal/vm"
	"listenq/test/memory"
)

// fetchedKernel opens a kernel that test/kernels has fetched.
func fetchedKernel(t testing.TB) *vm.Kernel {
	t.Helper()
	if vm.Emulated() {
		t.Skip("runs in a guest, and guests hold no guests")
	}
	if testing.Short() {
		t.Skip("boots a kernel")
	}
	cache := os.Getenv("LISTENQ_KERNELS")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Skip(err)
		}
		cache = filepath.Join(dir, "listenq", "kernels")
	}
	folder := filepath.Join(cache, "bookworm")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("needs a kernel of Debian's bookworm: make kernels")
	}
	k, err := vm.Open(t.Context(), folder, "")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func builtInScript(t testing.TB, name string) *script.Script {
	t.Helper()
	s, err := script.Parse(name, scenarios.Text(name), facts.All())
	if err != nil {
		t.Fatal(err)
	}
	s.Name = name
	return s
}

func TestRunOn(t *testing.T) {
	k := fetchedKernel(t)
	fails, err := script.Parse("fails.lab", []byte("server backlog 1 accept never\nconnect a\nexpect a.outcome == \"reset\"\n"), facts.All())
	if err != nil {
		t.Fatal(err)
	}
	fails.Name = "fails"
	ofMachine, err := script.Parse("of-machine.lab", []byte("sysctl net.ipv4.tcp_max_orphans 1000\nserver backlog 1 accept all\nconnect a\nexpect a.outcome == \"accepted\"\n"), facts.All())
	if err != nil {
		t.Fatal(err)
	}
	ofMachine.Name = "of-machine"
	var lines []string
	folder := outDir(t)
	out := folder.Path
	got, err := Run(t.Context(), k, []*script.Script{builtInScript(t, "b2-abort-on-overflow"), fails, ofMachine}, Options{
		Out: folder, Progress: func(p job.Progress) { lines = append(lines, p.Kernel+" "+p.Scenario) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b2, failed := got.Runs[0], got.Runs[1]
	if !b2.Pass || b2.Kernel != k.Release || len(b2.Connections) != 15 || b2.Error != "" {
		t.Errorf("b2 on %s: pass %v, %d connections, error %q", b2.Kernel, b2.Pass, len(b2.Connections), b2.Error)
	}
	if failed.Pass || failed.Error != "" || failed.Expectations[0].Got == "" {
		t.Errorf("an expectation that does not hold: %+v", failed)
	}
	if wide := got.Runs[2]; !wide.Pass {
		t.Errorf("a setting of the machine, which is the guest: %q", wide.Error)
	}
	if len(lines) == 0 || lines[0] != k.Release+" b2-abort-on-overflow" {
		t.Errorf("progress: %q", lines)
	}
	stored, err := os.ReadFile(filepath.Join(b2.Recording, record.ResultFile))
	if err != nil || filepath.Dir(b2.Recording) != out || !strings.Contains(string(stored), b2.Recording) {
		t.Errorf("recording %s: %v", b2.Recording, err)
	}
}

// outDir is a folder for recordings.
func outDir(t testing.TB) *files.Dir {
	t.Helper()
	dir, err := files.MakeDir(t.TempDir(), "recordings")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

// entry is one of what a guest says.
type entry struct {
	tar.Header
	content any
}

func file(name string, content any) entry { return entry{tar.Header{Name: name}, content} }

// said is what a guest says, in order.
func said(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		text, ok := e.content.(string)
		if !ok {
			encoded, err := json.Marshal(e.content)
			if err != nil {
				t.Fatal(err)
			}
			text = string(encoded)
		}
		if e.Size == 0 {
			e.Size = int64(len(text))
		}
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
	}
	w.Flush() // no more than what was written
	return b.Bytes()
}

func TestWhatAGuestSaysIsNotTrusted(t *testing.T) {
	run := func(recording string) entry {
		return file("report", report{Run: &answer.Run{Recording: recording}})
	}
	packets := file(recordings+"a/packets.pcapng", "x")
	for name, tt := range map[string]struct {
		said []entry
		want string
	}{
		"a recording elsewhere":   {[]entry{run("../elsewhere")}, "not given"},
		"no recording":            {[]entry{run("a")}, "not given"},
		"a file elsewhere":        {[]entry{file(recordings+"../../elsewhere", "x")}, "not a file of a recording"},
		"a folder above":          {[]entry{file(recordings+"../meta.json", "x")}, "not a file of a recording"},
		"a file below":            {[]entry{file(recordings+"a/b/meta.json", "x")}, "not a file of a recording"},
		"a file of another kind":  {[]entry{file(recordings+"a/run.sh", "x")}, "not a file of a recording"},
		"a file twice":            {[]entry{packets, packets}, "file exists"},
		"more recordings":         {[]entry{packets, file(recordings+"b/meta.json", "x")}, "more recordings than experiments"},
		"a link":                  {[]entry{{tar.Header{Name: recordings + "a/meta.json", Typeflag: tar.TypeSymlink, Linkname: "/etc/shadow"}, ""}}, "not a regular file"},
		"a result twice":          {[]entry{run(""), run("")}, "for the second time"},
		"a large file":            {[]entry{{tar.Header{Name: recordings + "a/meta.json", Size: guestFile + 1}, ""}}, "larger than"},
		"a large report":          {[]entry{{tar.Header{Name: "report", Size: guestSaid + 2}, strings.Repeat(" ", guestSaid+2)}}, "larger than"},
		"a report of much memory": {[]entry{file("report", `{"Run":{"connections":[`+strings.Repeat("{},", 1<<20)+`{}]}}`)}, "more memory than"},
		"facts of much memory":    {[]entry{file("report", `{"Facts":{"facts":[`+strings.Repeat("{},", 1<<20)+`{}]}}`)}, "more memory than"},
		"no JSON":                 {[]entry{file("report", "{")}, "unexpected end"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := outDir(t)
			in := newReader("6.1", []*script.Script{{Name: "a"}}, Options{Out: folder, Progress: func(job.Progress) {}})
			defer in.close()
			if err := in.read(bytes.NewReader(said(t, tt.said...))); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if files, _ := filepath.Glob(filepath.Join(filepath.Dir(folder.Path), "*")); len(files) != 1 {
				t.Errorf("wrote %s", files)
			}
		})
	}
}

// TestWhatTheHostKnowsItself: no kernel, no name, no place, and no command is taken from a
// guest, nor a character that a terminal obeys.
func TestWhatTheHostKnowsItself(t *testing.T) {
	const evil = "evil\x1b[2J\nlook inside: sudo evil"
	s := &script.Script{Name: "a", Title: "first", Steps: []script.Step{{Line: 3, Text: "connect a"}}}
	var progress []job.Progress
	folder := outDir(t)
	in := newReader("6.1", []*script.Script{s}, Options{Out: folder, Progress: func(p job.Progress) { progress = append(progress, p) }})
	defer in.close()
	forged := job.Progress{Kernel: evil, Scenario: "a", Line: 3, Text: evil, Namespaces: map[string]int{evil: 1}, Enter: map[string]string{evil: evil}}
	elsewhere, other := forged, forged
	elsewhere.Line, other.Scenario = 4, evil
	err := in.read(bytes.NewReader(said(t,
		file("report", report{Progress: &forged}), file("report", report{Progress: &elsewhere}), file("report", report{Progress: &other}),
		file(recordings+"a/scenario.lab", "x"), file(recordings+"a/result.json", evil),
		file("report", report{Run: &answer.Run{Scenario: evil, Title: evil, Kernel: evil, Hint: evil, Verdict: evil, Recording: "a", Missing: []answer.Missing{{What: "x", Hint: evil}}}}),
		file("report", report{Facts: &answer.Kernel{Schema: evil, Kernel: evil, Version: "v", Missing: []answer.Missing{{What: "x", Hint: evil}}}}),
	)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]job.Progress{{Kernel: "6.1", Scenario: "a", Line: 3, Text: "connect a"}}, progress); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	got := in.result(nil)
	path := filepath.Join(folder.Path, "a")
	want := answer.Run{Scenario: "a", Title: "first", Kernel: "6.1", Verdict: "evil·[2J\nlook inside: sudo evil", Recording: path, Missing: []answer.Missing{{What: "x"}}}
	if diff := cmp.Diff([]answer.Run{want}, got.Runs); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if k := got.Kernel; k.Schema != "listenq/kernel/v1" || k.Kernel != "6.1" || k.Version != "v" || k.Missing[0].Hint != "" {
		t.Errorf("kernel %+v", k)
	}
	stored, err := record.ReadRun(path)
	if diff := cmp.Diff(want, stored); diff != "" || err != nil {
		t.Errorf("result.json (-want +got):\n%s%v", diff, err)
	}
	for _, name := range []string{"", "result.json", "scenario.lab"} {
		if info, err := os.Stat(filepath.Join(path, name)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", info.Mode(), err)
		}
	}
}

func TestGuestThatEndsEarly(t *testing.T) {
	in := newReader("6.1", []*script.Script{{Name: "a", Title: "first"}, {Name: "b"}}, Options{Out: outDir(t)})
	if err := in.read(bytes.NewReader(said(t, file("report", report{Run: &answer.Run{Scenario: "b", Pass: true}, Script: 1})))); err != nil {
		t.Fatal(err)
	}
	runs := in.result(&vm.Died{Release: "6.1", Why: "panicked"}).Runs
	if runs[0].Skipped != "the guest ended before it began" || runs[0].Title != "first" || !runs[1].Pass {
		t.Errorf("%+v", runs)
	}
}

// FuzzReader: whatever a guest says, taking it costs little memory, and writes nothing
// but the files of a recording.
func FuzzReader(f *testing.F) {
	f.Add(said(f, file("report", report{Progress: &job.Progress{Scenario: "a"}})))
	f.Add(said(f, file(recordings+"a/meta.json", "y"), file("report", report{Run: &answer.Run{Scenario: "a", Recording: "a"}})))
	f.Add(said(f, file("report", report{Facts: &answer.Kernel{Kernel: "6.1"}, Script: -1})))
	f.Fuzz(func(t *testing.T, words []byte) {
		if len(words) > 1<<17 {
			return // a report of a million bytes may take 96 MiB
		}
		folder := outDir(t)
		defer memory.Bound(t)()
		in := newReader("6.1", []*script.Script{{Name: "a"}}, Options{Out: folder, Progress: func(job.Progress) {}})
		defer in.close()
		_ = in.read(bytes.NewReader(words))
		if runs := in.result(nil).Runs; len(runs) != 1 || runs[0].Scenario != "a" {
			t.Errorf("%+v", runs)
		}
		if files, _ := filepath.Glob(filepath.Join(folder.Path, "*")); len(files) > 1 {
			t.Errorf("wrote %q", files)
		}
	})
}

// BenchmarkFirstStep is from the start of QEMU to the first step of an experiment.
func BenchmarkFirstStep(b *testing.B) {
	k, s := fetchedKernel(b), builtInScript(b, "b2-abort-on-overflow")
	var first time.Duration
	for b.Loop() {
		began, seen := time.Now(), false
		_, err := Run(b.Context(), k, []*script.Script{s}, Options{Out: outDir(b), Progress: func(job.Progress) {
			if !seen {
				first, seen = first+time.Since(began), true
			}
		}})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(first.Seconds()/float64(b.N), "first-step-s")
}
