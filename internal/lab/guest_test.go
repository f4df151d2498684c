package lab

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
	"listenq/internal/record"
	"listenq/internal/vm"
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
	s, err := script.Parse(name, scenarios.Text(name), Facts())
	if err != nil {
		t.Fatal(err)
	}
	s.Name = name
	return s
}

func TestRunOn(t *testing.T) {
	k := fetchedKernel(t)
	fails, err := script.Parse("fails.lab", []byte("server backlog 1 accept never\nconnect a\nexpect a.outcome == \"reset\"\n"), Facts())
	if err != nil {
		t.Fatal(err)
	}
	fails.Name = "fails"
	var lines []string
	out := t.TempDir()
	got, err := RunOn(t.Context(), k, []*script.Script{builtInScript(t, "b2-abort-on-overflow"), fails}, GuestOptions{
		Out: out, Progress: func(p Progress) { lines = append(lines, p.Kernel+" "+p.Scenario) },
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
	if len(lines) == 0 || lines[0] != k.Release+" b2-abort-on-overflow" {
		t.Errorf("progress: %q", lines)
	}
	stored, err := os.ReadFile(filepath.Join(b2.Recording, record.ResultFile))
	if err != nil || filepath.Dir(b2.Recording) != out || !strings.Contains(string(stored), b2.Recording) {
		t.Errorf("recording %s: %v", b2.Recording, err)
	}
}

// told is what a guest says, as a tar archive.
func told(t testing.TB, entries map[string]any) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, v := range entries {
		text, ok := v.(string)
		if !ok {
			encoded, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			text = string(encoded)
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
	}
	w.Close()
	return b.Bytes()
}

func TestWhatAGuestSaysIsNotTrusted(t *testing.T) {
	for name, entries := range map[string]map[string]any{
		"a recording elsewhere": {"report": guestReport{Run: &record.Run{Recording: "../elsewhere"}}},
		"a file elsewhere":      {guestRecordings + "../../elsewhere": "x"},
		"no JSON":               {"report": "{"},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			in := newGuestReader("6.1", []*script.Script{{Name: "a"}}, GuestOptions{Out: filepath.Join(out, "recordings")})
			os.Mkdir(in.options.Out, 0o755)
			if err := in.read(bytes.NewReader(told(t, entries))); err == nil {
				t.Error("taken")
			}
			if files, _ := filepath.Glob(filepath.Join(out, "else*")); len(files) > 0 {
				t.Errorf("wrote %s", files)
			}
		})
	}
}

func TestGuestThatEndsEarly(t *testing.T) {
	in := newGuestReader("6.1", []*script.Script{{Name: "a", Title: "first"}, {Name: "b"}}, GuestOptions{Out: t.TempDir()})
	if err := in.read(bytes.NewReader(told(t, map[string]any{"report": guestReport{Run: &record.Run{Scenario: "b", Pass: true}, Script: 1}}))); err != nil {
		t.Fatal(err)
	}
	runs := in.result(&vm.Died{Release: "6.1", Why: "panicked"}).Runs
	if runs[0].Skipped != "the guest ended before it began" || runs[0].Title != "first" || !runs[1].Pass {
		t.Errorf("%+v", runs)
	}
}

func FuzzGuestReader(f *testing.F) {
	f.Add(told(f, map[string]any{"report": guestReport{Progress: &Progress{Scenario: "a"}}}))
	f.Add(told(f, map[string]any{"report": guestReport{Run: &record.Run{Scenario: "a", Recording: "a"}}, guestRecordings + "a/x": "y"}))
	f.Add(told(f, map[string]any{"report": guestReport{Facts: &Kernel{Kernel: "6.1"}, Script: -1}}))
	f.Fuzz(func(t *testing.T, said []byte) {
		in := newGuestReader("6.1", []*script.Script{{Name: "a"}}, GuestOptions{Out: t.TempDir(), Progress: func(Progress) {}})
		_ = in.read(bytes.NewReader(said))
		if runs := in.result(nil).Runs; len(runs) != 1 {
			t.Errorf("%d runs", len(runs))
		}
	})
}

// BenchmarkFirstStep is from the start of QEMU to the first step of an experiment.
func BenchmarkFirstStep(b *testing.B) {
	k, s := fetchedKernel(b), builtInScript(b, "b2-abort-on-overflow")
	var first time.Duration
	for b.Loop() {
		began, seen := time.Now(), false
		_, err := RunOn(b.Context(), k, []*script.Script{s}, GuestOptions{Out: b.TempDir(), Progress: func(Progress) {
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
