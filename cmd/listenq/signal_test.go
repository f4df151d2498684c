package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const waits = `# Waits.
sysctl net.ipv4.tcp_syncookies 0
server backlog 1 accept never
connect a
connect b c overlapping
wait 60s
`

// TestInterrupt presses Ctrl-C in the middle: the answer so far is printed, the
// recording kept and marked.
func TestInterrupt(t *testing.T) {
	cmd, out := startWaiting(t)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitLastStep(t, out)
	interrupt(t, cmd, &stderr)
	if !strings.Contains(stdout.String(), "half-open, cause: accept-queue-full") {
		t.Errorf("stdout lacks what was seen:\n%s", stdout.String())
	}
	var meta struct{ Incomplete string }
	text, err := os.ReadFile(filepath.Join(out, "waits", "meta.json"))
	if err == nil {
		err = json.Unmarshal(text, &meta)
	}
	if err != nil || meta.Incomplete == "" {
		t.Errorf("meta.json is not marked incomplete: %v\n%s", err, text)
	}
}

// interrupt presses Ctrl-C and checks how the program ends.
func interrupt(t *testing.T, cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
	if !ok || exit.ExitCode() != 130 {
		t.Errorf("exit %v, want code 130", exit)
	}
	if !strings.Contains(stderr.String(), "listenq: interrupted") {
		t.Errorf("stderr: %s", stderr.String())
	}
}

// TestKilled kills the program in the middle: nothing of the experiment is
// left, and the host is as it was.
func TestKilled(t *testing.T) {
	before := host(t)
	cmd, out := startWaiting(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitLastStep(t, out)
	if n := len(labProcesses(t)); n < 3 {
		t.Errorf("%d processes at work; the test cannot tell when they are gone", n)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for deadline := time.Now().Add(10 * time.Second); len(labProcesses(t)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still there: %v", labProcesses(t))
		}
	}
	if diff := cmp.Diff(before, host(t)); diff != "" {
		t.Errorf("the host changed (-before +after):\n%s", diff)
	}
}

// startWaiting prepares a run of an experiment that waits at its end.
func startWaiting(t *testing.T) (cmd *exec.Cmd, out string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "waits.lab")
	if err := os.WriteFile(path, []byte(waits), 0o644); err != nil {
		t.Fatal(err)
	}
	out = filepath.Join(dir, "rec")
	cmd = exec.Command("/proc/self/exe", "lab", "run", "--out", out, path)
	cmd.Args[0] = "listenq"
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd, out
}

func awaitLastStep(t *testing.T, out string) {
	t.Helper()
	events := filepath.Join(out, "waits", "events.jsonl")
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(events)
		if bytes.Contains(text, []byte(`"text":"wait 60s"`)) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the experiment did not come to its wait:\n%s", text)
		}
	}
}

// labProcesses are the processes that run this binary, but for the test itself:
// the program, and what it started in its namespaces.
func labProcesses(t *testing.T) (found []string) {
	t.Helper()
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range all {
		exe, err := os.Stat(dir + "/exe")
		if err == nil && os.SameFile(exe, self) && filepath.Base(dir) != strconv.Itoa(os.Getpid()) {
			cmdline, _ := os.ReadFile(dir + "/cmdline")
			found = append(found, dir+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return found
}

// host is what an experiment must not change.
func host(t *testing.T) map[string]string {
	t.Helper()
	state := map[string]string{}
	filepath.WalkDir("/proc/sys/net", func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, _ := os.ReadFile(path) // some cannot be read, then as now
			state[path] = string(text)
		}
		return nil
	})
	for _, path := range []string{"/proc/net/route", "/proc/net/if_inet6", "/proc/self/mountinfo"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		state[path] = string(text)
	}
	links, err := os.ReadDir("/sys/class/net")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		state["link "+link.Name()] = ""
	}
	netstat, err := os.ReadFile("/proc/net/netstat")
	if err != nil {
		t.Fatal(err)
	}
	names, values := tcpExt(string(netstat))
	for i, name := range names {
		if strings.HasPrefix(name, "Listen") || strings.HasPrefix(name, "Syncookies") || strings.HasPrefix(name, "TCPReqQ") {
			state["TcpExt"+name] = values[i]
		}
	}
	delete(state, "/proc/sys/net/netfilter/nf_conntrack_count")
	return state
}

func tcpExt(netstat string) (names, values []string) {
	for line := range strings.Lines(netstat) {
		if rest, ok := strings.CutPrefix(line, "TcpExt:"); ok && names == nil {
			names = strings.Fields(rest)
		} else if ok {
			values = strings.Fields(rest)
		}
	}
	return names, values
}
