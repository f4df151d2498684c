package cli

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"listenq/internal/queue"
	"listenq/internal/record"
	"listenq/internal/text"
)

// explainDir runs the command on a folder.
func explainDir(args ...string) (code int, stdout, stderr string) {
	var out, errors bytes.Buffer
	code = Main(Env{Args: append([]string{"explain"}, args...), Stdout: &out, Stderr: &errors, Version: "test"})
	return code, out.String(), errors.String()
}

// recorded is a recording of a host with a full listener.
func recorded(t *testing.T, samples int) string {
	t.Helper()
	var all []queue.Sample
	for i := range samples {
		all = append(all, queue.Sample{
			T: time.Duration(i+1) * time.Second, Time: time.Date(2026, 11, 20, 12, 0, i, 0, time.UTC), Kernel: "6.12.0",
			Namespaces: []queue.Namespace{{ID: 1, Host: true}},
			Listeners: []queue.Listener{{
				Address: netip.MustParseAddrPort("10.0.0.2:8080"), Netns: 1, Inode: 7, AcceptLen: 129, AcceptLimit: 128,
				Drops: queue.Count{N: uint64(100 * i), Known: true},
			}},
		})
	}
	path, err := record.WriteSamples(t.TempDir(), "incident", record.SamplesMeta{Tool: "listenq test", Host: "web-1\x1b[2J"}, all)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestExplainSamples finds what is wrong with the listeners of a recording.
func TestExplainSamples(t *testing.T) {
	dir := recorded(t, 3)
	code, out, errors := explainDir(dir)
	if code != exitBad || errors != "" {
		t.Errorf("exit code %d, stderr %q", code, errors)
	}
	for _, want := range []string{`recorded on web-1\x1b[2J from 2026-11-20 12:00:00 UTC`, "10.0.0.2:8080", "LQ0", "the recorded machine"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	if code, out, _ := explainDir("--json", dir); code != exitBad || !strings.Contains(out, `"schema": "listenq/doctor/v1"`) {
		t.Errorf("exit code %d, JSON:\n%s", code, out)
	}
	if code, out, _ := explainDir("--listener", ":80", dir); code != exitFine || strings.Contains(out, "LQ0") {
		t.Errorf("exit code %d for another listener:\n%s", code, out)
	}
}

func TestExplainSamplesErrors(t *testing.T) {
	cut := recorded(t, 3)
	samples := filepath.Join(cut, record.SamplesFile)
	words, err := os.ReadFile(samples)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(samples, words[:len(words)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"damaged", []string{cut}, record.SamplesFile + ":3"},
		{"no sample", []string{recorded(t, 0)}, "holds no sample"},
		{"two folders", []string{cut, cut}, "a recording is explained alone"},
		{"a flag of captures", []string{"--side", "server", recorded(t, 1)}, "are for captures"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if code, out, errors := explainDir(tt.args...); code != exitError || out != "" || !strings.Contains(errors, tt.want) {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, out, errors)
			}
		})
	}
}

// TestReading tells how far files are read, on a terminal alone and not after the end.
func TestReading(t *testing.T) {
	var out bytes.Buffer
	if r := newReading(&out); r.width != 0 {
		t.Errorf("a buffer is a terminal of %d columns", r.width)
	}
	r := &reading{progress: &progress{w: text.NewWriter(&out), width: 80, stop: make(chan struct{})}, size: 4e9, began: time.Now().Add(-time.Minute)}
	r.add(1e9)
	r.add(1e9) // too soon to be drawn
	if got, want := out.String(), "\r\x1b[Kread 1.0 GB of 4.0 GB, 25 %"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r.clear()
	out.Reset()
	r.drawn = time.Time{}
	if r.add(1e9); out.Len() > 0 {
		t.Errorf("drawn after the end: %q", out.String())
	}
}
