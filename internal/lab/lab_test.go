package lab_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/judge"
	"listenq/internal/lab"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/job"
	"listenq/internal/lab/parts"
	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
	"listenq/internal/record"
)

// TestMain makes the test binary serve as the lab's own processes.
func TestMain(m *testing.M) {
	if code, ok := parts.Reexec(os.Args[1:]); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

func parse(t *testing.T, name, text string) *script.Script {
	t.Helper()
	s, err := script.Parse(name, []byte(text), facts.All())
	if err != nil {
		t.Fatal(err)
	}
	s.Name = name
	return s
}

func run(t *testing.T, s *script.Script) answer.Run {
	t.Helper()
	r, err := lab.Run(t.Context(), s, lab.Options{Out: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// programs are those that experiments run, with where Debian installs them; test/tools
// installs them.
var programs = map[string]string{
	"nginx": "/usr/sbin/nginx", "redis-server": "/usr/bin/redis-server", "redis-cli": "/usr/bin/redis-cli", "node": "/usr/bin/node",
	"java": "/usr/bin/java", "python3": "/usr/bin/python3", "ab": "/usr/bin/ab", "nc": "/usr/bin/nc", "curl": "/usr/bin/curl", "netstat": "/usr/bin/netstat",
}

// needsPrograms skips an experiment with a program that is not installed.
func needsPrograms(t *testing.T, s *script.Script) {
	t.Helper()
	for _, step := range s.Steps {
		switch step.Do.(type) {
		case script.ServerExec, script.ClientExec:
			for _, w := range strings.FieldsFunc(step.Text, func(r rune) bool { return !unicode.IsLower(r) && !unicode.IsDigit(r) && r != '-' }) {
				if path := programs[w]; path != "" {
					needsProgram(t, path)
				}
			}
		}
	}
}

// check reports each expectation that does not hold.
func check(t *testing.T, r answer.Run) {
	t.Helper()
	for _, x := range r.Expectations {
		if !x.Pass && x.NotTaken == "" {
			t.Errorf("line %d: %s: got %s", x.Line, x.Text, x.Got)
		}
	}
	if !r.Pass {
		t.Errorf("pass is false; error %q, missing %+v", r.Error, r.Missing)
	}
}

// undecided are experiments that show what the model does not tell for certain yet.
var undecided = map[string]string{
	"l21-wrong-ack-number": "a reset that answers a wrong acknowledgement number has a cause of its own",
}

// TestScenarios runs every built-in experiment, all at the same time.
func TestScenarios(t *testing.T) {
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := parse(t, name, string(scenarios.Text(name)))
			if testing.Short() && s.Takes > time.Second {
				t.Skipf("takes %v", s.Takes)
			}
			needsPrograms(t, s)
			r := run(t, s)
			if r.Skipped != "" {
				t.Skip(r.Skipped)
			}
			check(t, r)
			if s.Title == "" || s.Source == "" || s.Takes == 0 {
				t.Errorf("the header lacks a title, Source or Takes")
			}
			for _, c := range r.Connections {
				if len(c.Story) == 0 {
					t.Errorf("%s has no story", c.Name)
				}
				program := strings.HasPrefix(c.Name, "#") // of its calls nothing is known
				if c.Confidence != judge.Certain && !program && undecided[name] == "" {
					t.Errorf("%s is only %s, with all evidence at hand", c.Name, c.Confidence)
				}
			}
		})
	}
}

// TestReferenceExamples runs every example of the language's reference.
func TestReferenceExamples(t *testing.T) {
	for name, text := range examples(t, "../../docs/reference/lab.md") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := parse(t, name, text)
			if s.Files != nil {
				needsPrograms(t, s)
				s.Dir = beside(t)
			}
			r := run(t, s)
			if r.Skipped != "" {
				t.Skip(r.Skipped)
			}
			check(t, r)
		})
	}
}

// beside is the folder of the examples that name files.
func beside(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("testdata/files")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// examples are the fenced blocks of a page that are marked as scripts.
func examples(t *testing.T, path string) map[string]string {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for i, part := range strings.Split(string(page), "```lab\n") {
		if text, _, ok := strings.Cut(part, "\n```"); ok && i > 0 {
			line := 1 + strings.Count(strings.Join(strings.Split(string(page), "```lab\n")[:i], "```lab\n"), "\n") + 1
			found[fmt.Sprintf("line-%d", line)] = text + "\n"
		}
	}
	if len(found) == 0 {
		t.Fatalf("no example in %s", path)
	}
	return found
}

// TestLoopback runs an experiment without a wire.
func TestLoopback(t *testing.T) {
	check(t, run(t, parse(t, "loopback", `
network loopback
sysctl net.ipv4.tcp_syncookies 0
server backlog 1 accept never
connect 2 as a
connect b
expect all(a, .outcome == "queued")
expect b.outcome == "unanswered" and b.cause == "accept-queue-full" if accept_full_drops_syn
send a1 "hello"
expect a1.server_recv_q == 5
accept all
wait until all(a, .outcome == "accepted") at most 1s
`)))
}

// TestSamePort lets a server have the port that the first client would have.
func TestSamePort(t *testing.T) {
	check(t, run(t, parse(t, "port", `
server port 20001 backlog 4 accept never
connect 2 as a
expect all(a, .client_state == "ESTABLISHED" and .server_state == "ESTABLISHED")
expect listener.accept == 2 and listener.waiting == 2
`)))
}

// TestIPv6 runs an experiment over IPv6, with final ACKs dropped.
func TestIPv6(t *testing.T) {
	r := run(t, parse(t, "ipv6", `
network ipv6
sysctl net.ipv4.tcp_syncookies 0
sysctl net.ipv4.tcp_abort_on_overflow 1
server backlog 2 accept never
connect 2 as a
connect b c overlapping
expect b.outcome == "queued"
expect c.outcome == "reset" and c.ended_by == "abort-on-overflow"
`))
	check(t, r)
	if want := "[2001:db8::2]:8080"; r.Listeners[0].Address != want {
		t.Errorf("listener %s, want %s", r.Listeners[0].Address, want)
	}
}

// TestFlood sends more SYNs than are kept one by one.
func TestFlood(t *testing.T) {
	r := run(t, parse(t, "flood", `
sysctl net.ipv4.tcp_syncookies 1
server backlog 16 accept all
flood 3000 syns at 10000/s
connect a
expect a.outcome == "accepted"
expect delta.SyncookiesSent > 2000
`))
	check(t, r)
	folded := 0
	for _, f := range r.Folded {
		folded += f.Attempts
	}
	if total := folded + len(r.Connections); total < 2900 || total > 3001 {
		t.Errorf("%d attempts in all, want about 3001", total)
	}
}

// TestAfterFlood connects after a flood: what the counters did for its SYNs is
// not the doing of the client's.
func TestAfterFlood(t *testing.T) {
	check(t, run(t, parse(t, "after", `
sysctl net.ipv4.tcp_syncookies 2
server backlog 16 accept all
flood 30 syns at 10000/s
sysctl net.ipv4.tcp_syncookies 0
connect a
expect a.outcome == "accepted" and a.cause == "none" and a.handshake == "request"
expect delta.SyncookiesSent == 30
`)))
}

// TestRecording reads what a run leaves behind.
func TestRecording(t *testing.T) {
	r := run(t, parse(t, "a", string(scenarios.Text("a4-abort-on"))))
	for _, name := range []string{record.MetaFile, record.PacketsFile, record.EventsFile, record.ResultFile, record.ScenarioFile} {
		if info, err := os.Stat(filepath.Join(r.Recording, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, or empty", name, err)
		}
	}
	fields := tshark(t, "-r", filepath.Join(r.Recording, record.PacketsFile),
		"-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields",
		"-e", "frame.interface_name", "-e", "tcp.checksum.status", "-e", "ip.checksum.status", "-e", "frame.comment")
	var dropped int
	for line := range strings.Lines(fields) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if f[0] != "client" && f[0] != "server" || f[1] != "1" || f[2] != "1" {
			t.Errorf("tshark reads interface, checksums %q", f)
		}
		if strings.Contains(f[3], "accept queue full, 3 of limit 2") {
			dropped++
		}
	}
	if dropped != 1 {
		t.Errorf("%d comments on a dropped final ACK, want 1:\n%s", dropped, fields)
	}
	if len(r.Listeners[0].Info) == 0 {
		t.Errorf("no TCP_INFO of the listener")
	}
}

func tshark(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("needs tshark")
	}
	cmd := exec.Command(path, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, stderr.String())
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.HasPrefix(line, "Running as user") {
			t.Errorf("tshark warns: %s", line)
		}
	}
	return string(out)
}

// TestInterrupted stops an experiment in the middle: what was seen is kept.
func TestInterrupted(t *testing.T) {
	s := parse(t, "long", "server backlog 1 accept never\nconnect a\nwait 1m\n")
	ctx, stop := context.WithCancel(t.Context())
	waiting := func(p job.Progress) {
		if p.Line == 3 {
			stop()
		}
	}
	r, err := lab.Run(ctx, s, lab.Options{Out: t.TempDir(), Progress: waiting})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if !r.Incomplete || r.Pass {
		t.Errorf("incomplete %v, pass %v; want true, false", r.Incomplete, r.Pass)
	}
	got := []judge.Outcome{}
	for _, c := range r.Connections {
		got = append(got, c.Outcome)
	}
	if diff := cmp.Diff([]judge.Outcome{judge.Queued}, got); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(filepath.Join(r.Recording, record.PacketsFile)); err != nil || info.Size() < 500 {
		t.Errorf("packets of an interrupted run: %v", err)
	}
}

func needsProgram(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs %s", path)
	}
}

func folderWith(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}
