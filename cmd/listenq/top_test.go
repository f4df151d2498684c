package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fullQueue listens and never accepts, while clients come.
const fullQueue = `import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 8080))
s.listen(1)
clients = []
while True:
    c = socket.socket()
    c.setblocking(False)
    c.connect_ex(("127.0.0.1", 8080))
    clients = clients[-20:] + [c]
    time.sleep(0.05)
`

// session is a program on a terminal.
type session struct {
	t    *testing.T
	cmd  *exec.Cmd
	ours *os.File
	text chan string
	all  string // what it has drawn and nobody has waited for yet
}

// topIn starts top in a namespace, on a terminal of 100 columns and 50 lines.
func topIn(t *testing.T, n *netns, args ...string) *session {
	t.Helper()
	ours, theirs := terminal(t)
	if err := unix.IoctlSetWinsize(int(theirs.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 100, Row: 50}); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, ours: ours, text: make(chan string, 100)}
	s.cmd = exec.Command("nsenter", append([]string{"--net=/proc/self/fd/3", "--", self, "top", "--netns", "own", "--ascii"}, args...)...)
	s.cmd.Env = append(os.Environ(), asProgram+"=1", "TERM=xterm")
	s.cmd.ExtraFiles = []*os.File{n.file}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = theirs, theirs, theirs
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	go s.read()
	return s
}

// read ends when nobody has the terminal any more.
func (s *session) read() {
	defer close(s.text)
	for buf := make([]byte, 4096); ; {
		n, err := s.ours.Read(buf)
		if err != nil {
			return
		}
		s.text <- string(buf[:n])
	}
}

// until waits until it has drawn that.
func (s *session) until(want string) {
	s.t.Helper()
	pattern := regexp.MustCompile(want)
	for deadline := time.After(20 * time.Second); ; {
		if at := pattern.FindStringIndex(s.all); at != nil {
			s.all = s.all[at[1]:]
			return
		}
		select {
		case text, open := <-s.text:
			if s.all += text; !open {
				s.t.Fatalf("it ended without %q:\n%q", want, s.last())
			}
		case <-deadline:
			s.t.Fatalf("no %q in\n%q", want, s.last())
		}
	}
}

// last is the end of what it has drawn.
func (s *session) last() string { return s.all[max(0, len(s.all)-3000):] }

func (s *session) press(keys string) {
	s.t.Helper()
	if _, err := s.ours.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// TestTop watches a full queue, saves what it saw, and plays it again.
func TestTop(t *testing.T) {
	needs(t, "python3")
	n := newNetns(t)
	n.start("python3", "-c", fullQueue)
	out := t.TempDir()
	s := topIn(t, n, "--interval", "100ms", "--out", out)
	s.until(`\x1b\[\?1049h`)
	s.until(`dropping`)
	s.press("\r")
	s.until(`why this limit`)
	s.until(`1, below net\.core\.somaxconn \(4096\)`)
	s.press("S")
	s.until(`saved: `)
	s.press("q")
	s.until(`\x1b\[\?1049l`)
	s.until(`worst: 127\.0\.0\.1:8080 python3\[\d+\], at most 2/1; drops seen: [1-9]\d*, in `)
	s.until(`recording: ` + regexp.QuoteMeta(filepath.Join(out, "top")))
	if err := s.cmd.Wait(); err != nil {
		t.Error(err)
	}

	again := topIn(t, n, "--replay", filepath.Join(out, "top"))
	again.until(`replay `)
	again.until(`2/1`)
	again.press("Q")
	again.until(`\x1b\[\?1049l`)
	again.until(`127\.0\.0\.1:8080`) // the screen that is left
	again.until(`worst: 127\.0\.0\.1:8080`)
	again.until(`recording: none`)
	if err := again.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestTopWithoutTerminal holds that it does what ls --watch does, and says so.
func TestTopWithoutTerminal(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "top", "--netns", "own", "--no-processes", "--interval", "100ms")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatalf("no answer: %v\n%s", err, stderr.String())
	}
	interrupt(t, cmd, &stderr)
	if !strings.HasPrefix(stderr.String(), "listenq: no terminal: this is listenq ls --watch 100ms\n") {
		t.Errorf("stderr: %s", stderr.String())
	}
}

// TestTopOnDumbTerminal: a terminal on which no screen can be drawn is refused.
func TestTopOnDumbTerminal(t *testing.T) {
	_, theirs := terminal(t)
	cmd := exec.Command("/proc/self/exe", "top")
	cmd.Env = append(os.Environ(), asProgram+"=1", "TERM=dumb")
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, &stderr
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(stderr.String(), "hint: listenq ls --watch 1s") {
		t.Errorf("%v: %s", err, stderr.String())
	}
}
