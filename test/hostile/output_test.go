package hostile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// title sets a terminal's title, clears it, and begins a line.
const title = "x\x1b]0;evil\a\x1b[2J\u202e\nlook inside: sudo evil"

// TestNamesSteerNoTerminal gives files, folders, commands and flags names that a terminal
// obeys, and looks at all that is printed.
func TestNamesSteerNoTerminal(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		dir := u.dir(t)
		odd := filepath.Join(dir, title)
		check(t, os.Mkdir(odd, 0o755))
		check(t, os.Chown(odd, u.uid, u.uid))
		script := u.write(t, filepath.Join(odd, title+".lab"), plainScript)
		command := u.write(t, filepath.Join(dir, "command.lab"), "# Command.\nserver backlog 1 accept all\nexec \""+strings.ReplaceAll(title, "\n", "")+"\" a\n")
		fails := u.write(t, filepath.Join(dir, "fails\x1b[2J\u202e.lab"), "server backlog 1 accept all\nconnect 1 as a\nexpect a1.outcome == \"reset\"\n")
		broken := u.write(t, filepath.Join(odd, "broken.lab"), "server \x1b[2J\n")
		for _, args := range [][]string{
			{"lab", "run", script, "--out", filepath.Join(odd, "out")},
			{"lab", "run", command, "--out", filepath.Join(dir, "out")},
			{"lab", "run", fails, "--out", filepath.Join(dir, "out")},
			{"lab", "run", fails, fails, "--kernel", "host", "--out", odd},
			{"lab", "run", broken}, {"lab", "run", odd}, {"lab", "run", title}, {"lab", "show", title}, {"lab", "burst", "--exec", title, "--clients", "2"},
			{"lab", "run", script, "--kernel", title}, {"kernel", "--kernel", odd}, {"lab", "run", "--out", script + "/x", script},
			{"explain", title}, {"explain", odd}, {"explain", script}, {"explain", "--side", title, script}, {"explain", "--listener", title, script},
			{"explain", filepath.Join(odd, "out", title, "packets.pcapng")}, {"explain", filepath.Join(odd, "out", title)},
			{"ls", title}, {"ls", "--netns", title}, {"doctor", "--for", "100ms", title}, {"top", "--theme", title}, {"top", "--replay", odd}, {title}, {"--" + title},
			{"check", "--listener", ":1", "--", title}, {"check", "--json", odd, "--", "true"}, {"--color", title},
		} {
			r := u.run(t, dir, args...)
			inert(t, r.stdout)
			inert(t, r.stderr)
			for line := range strings.Lines(r.stdout + r.stderr) {
				if strings.HasPrefix(line, "look inside") {
					t.Errorf("%q: a line of its own: %q", args, line)
				}
			}
			if r.stdout+r.stderr == "" {
				t.Errorf("%q says nothing", args)
			}
		}
	})
}

// TestEndlessScripts reads as a script what has no end.
func TestEndlessScripts(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		dir := u.dir(t)
		if r := u.read(t, dir, "lab", "run", "/dev/zero"); r.code != 2 || !strings.Contains(r.stderr, "larger than") {
			t.Errorf("exit code %d\n%s", r.code, r.stderr)
		}
		pipe := filepath.Join(dir, "pipe.lab")
		check(t, syscall.Mkfifo(pipe, 0o666))
		check(t, os.Chmod(pipe, 0o666))
		go func() {
			if w, err := os.OpenFile(pipe, os.O_WRONLY, 0); err == nil {
				for _, err = w.Write(make([]byte, 1<<20)); err == nil; _, err = w.Write(make([]byte, 1<<20)) {
				}
				w.Close()
			}
		}()
		if r := u.read(t, dir, "lab", "run", pipe); r.code != 2 || !strings.Contains(r.stderr, "larger than") {
			t.Errorf("exit code %d\n%s", r.code, r.stderr)
		}
	})
}

// TestSignalsEndWhatBlocks interrupts commands that wait for somebody who never comes.
func TestSignalsEndWhatBlocks(t *testing.T) {
	dir := user{"", os.Geteuid()}.dir(t)
	pipe := filepath.Join(dir, "pipe.lab")
	check(t, syscall.Mkfifo(pipe, 0o600))
	for name, c := range map[string]struct {
		args []string
		full bool // nobody reads its output
	}{
		"a capture that nobody writes":      {[]string{"explain", pipe}, false},
		"a script that nobody writes":       {[]string{"lab", "run", pipe}, false},
		"a standard input without end":      {[]string{"explain", "-"}, false},
		"an output that nobody reads":       {[]string{"lab", "list"}, true},
		"a pipe to write that nobody reads": {[]string{"check", "--json", pipe, "--", "true"}, false},
	} {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(name+", "+signal.String(), func(t *testing.T) {
				in, feed, err := os.Pipe()
				check(t, err)
				defer feed.Close()
				out, write, err := os.Pipe()
				check(t, err)
				defer out.Close()
				if c.full {
					fillPipe(t, write)
				}
				cmd := exec.CommandContext(t.Context(), listenq, c.args...)
				cmd.Stdin, cmd.Stdout = in, write
				check(t, cmd.Start())
				in.Close()
				write.Close()
				waitBlocked(t, cmd.Process.Pid)
				began := time.Now()
				check(t, cmd.Process.Signal(signal))
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				select {
				case <-ended:
					if code := cmd.ProcessState.ExitCode(); code != 130 {
						t.Errorf("exit code %d after %v", code, time.Since(began))
					}
				case <-time.After(mostTime):
					_ = cmd.Process.Kill() // the test fails anyway
					t.Errorf("not ended after %v", mostTime)
				}
			})
		}
	}
}

// fillPipe writes until a pipe takes no more.
func fillPipe(t *testing.T, w *os.File) {
	t.Helper()
	fd := int(w.Fd())
	check(t, syscall.SetNonblock(fd, true))
	for _, size := range []int{4096, 1} {
		for {
			if _, err := syscall.Write(fd, make([]byte, size)); err != nil {
				break
			}
		}
	}
	check(t, syscall.SetNonblock(fd, false))
}

// waitBlocked waits until a process has a handler for SIGTERM and does nothing any more.
func waitBlocked(t *testing.T, pid int) {
	t.Helper()
	var last string
	for same := 0; same < 20; time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "schedstat"))
		check(t, err)
		status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
		check(t, err)
		handles := strings.Contains(string(status), "listenq")
		if string(stat) == last && handles {
			same++
		} else {
			same, last = 0, string(stat)
		}
	}
}
