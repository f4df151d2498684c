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
	started := below(t, cmd.Process.Pid)
	if len(started) < 3 {
		t.Errorf("%d processes at work; the test cannot tell when they are gone", len(started))
	}
	cmd.Process.Kill()
	cmd.Wait()
	for deadline := time.Now().Add(10 * time.Second); len(alive(started)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still there: %v", alive(started))
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

// process is one of the machine: its number, and when it started, as numbers come again.
type process struct{ pid, started string }

// below are the processes that a process has started, and those that they have: the
// runner, init of the commands, the server.
func below(t *testing.T, pid int) (found []process) {
	t.Helper()
	parents := map[string]string{}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	starts := map[string]string{}
	for _, dir := range all {
		child := filepath.Base(dir)
		parents[child], starts[child] = parentAndStart(child)
	}
	for child := range parents {
		for p := parents[child]; p != ""; p = parents[p] {
			if p == strconv.Itoa(pid) {
				found = append(found, process{child, starts[child]})
			}
		}
	}
	return found
}

// alive are those of the processes that are there.
func alive(all []process) (left []process) {
	for _, p := range all {
		if _, started := parentAndStart(p.pid); started == p.started {
			left = append(left, p)
		}
	}
	return left
}

// parentAndStart reads a /proc/PID/stat (proc_pid_stat(5), fields 4 and 22); both are ""
// if there is no such process.
func parentAndStart(pid string) (parent, started string) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if err != nil || !ok || len(fields) < 20 {
		return "", ""
	}
	return fields[1], fields[19]
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
