package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"listenq/internal/queue"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// hostileName is a name of 15 bytes that a process may choose.
const hostileName = "a) R (\x1b[31m\n\"é"

// sleeper starts a process of that name that sleeps, with those descriptors from 3 on.
func sleeper(t testing.TB, name string, files ...*os.File) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("sleep")
	check(t, err)
	link := filepath.Join(t.TempDir(), name) // execve names the process after the file
	check(t, os.Symlink(path, link))
	cmd := exec.Command(link, "1000")
	cmd.ExtraFiles = files
	check(t, cmd.Start())
	t.Cleanup(func() { end(cmd) })
	deadline := time.Now().Add(10 * time.Second)
	for p := (queue.Process{}); p.Name != name; { // it gets its name after Start has returned
		var err error
		p, err = readProcess(cmd.Process.Pid)
		check(t, err)
		if time.Now().After(deadline) {
			t.Fatalf("%q is named %q", name, p.Name)
		}
	}
	return cmd
}

func end(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait() // it was killed, or waited for before
}

func TestInspect(t *testing.T) {
	cmd := sleeper(t, hostileName)
	p, err := readProcess(cmd.Process.Pid)
	deadline := time.Now().Add(10 * time.Second)
	check(t, err)
	inspected := p
	for ; ; time.Sleep(time.Millisecond) {
		check(t, Inspect(&inspected))
		if inspected.State == "S" && inspected.Threads[0].Wait != "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("never asleep: %+v", inspected)
		}
	}
	want := p
	want.Name, want.Command, want.State = hostileName, cmd.Args, "S"
	want.Files, want.MaxFiles = inspected.Files, inspected.MaxFiles
	want.Threads = []queue.Thread{{Name: hostileName, State: "S", Wait: inspected.Threads[0].Wait}}
	if diff := cmp.Diff(want, inspected); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	check(t, cmd.Process.Signal(unix.SIGSTOP))
	var status unix.WaitStatus
	_, err = unix.Wait4(cmd.Process.Pid, &status, unix.WUNTRACED, nil)
	check(t, err)
	check(t, Inspect(&inspected))
	if inspected.State != "T" || inspected.Threads[0].State != "T" {
		t.Errorf("a stopped process is %+v", inspected)
	}
}

func TestInspectTheDead(t *testing.T) {
	cmd := sleeper(t, "sleeper")
	p, err := readProcess(cmd.Process.Pid)
	check(t, err)
	other := p
	other.Start++
	if err := Inspect(&other); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another process of that PID: %v", err)
	}
	end(cmd)
	if err := Inspect(&p); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a process that has ended: %v", err)
	}
}

func TestThreadsAreBounded(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	const started = maxThreads + 10
	locked := make(chan struct{})
	for range started {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			locked <- struct{}{}
			<-release
		}()
	}
	for range started {
		<-locked
	}
	p := queue.Process{PID: os.Getpid()}
	check(t, Inspect(&p))
	if len(p.Threads) != maxThreads {
		t.Errorf("%d threads, want %d", len(p.Threads), maxThreads)
	}
}

func TestParseStat(t *testing.T) {
	const rest = " S 1 2 3 0 -1 4194560 119 0 0 0 0 14 0 0 20 0 1 0 1443422 2535424 340"
	tests := []struct {
		name, text string
		want       stat
		err        error
	}{
		{"plain", "12 (nginx)" + rest, stat{"nginx", "S", 1443422}, nil},
		{"parentheses and spaces", "12 (a) R 1 (b)" + rest, stat{"a) R 1 (b", "S", 1443422}, nil},
		{"newline", "12 (a\nb)" + rest + "\n", stat{"a\nb", "S", 1443422}, nil},
		{"no name", "12 ()" + rest, stat{"", "S", 1443422}, nil},
		{"no parenthesis", "12 nginx" + rest, stat{}, ErrProcess},
		{"the wrong way round", "12 )(" + rest, stat{}, ErrProcess},
		{"cut", "12 (nginx) S 1 2", stat{}, ErrProcess},
		{"no number", "12 (nginx) S 1 2 3 0 -1 4194560 119 0 0 0 0 14 0 0 20 0 1 0 x", stat{}, ErrProcess},
		{"empty", "", stat{}, ErrProcess},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseStat([]byte(tt.text))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %+v, %v, want %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte(hostileName), byte('S'), uint64(7))
	f.Fuzz(func(t *testing.T, name []byte, state byte, start uint64) {
		parseStat(name) // whatever it is, without panic
		text := fmt.Appendf(nil, "1 (%s) %c 1 2 3 0 -1 4 119 0 0 0 0 14 0 0 20 0 1 0 %d 5", name, 'A'+state%26, start)
		got, err := parseStat(text)
		if want := (stat{string(name), string('A' + rune(state%26)), start}); err != nil || got != want {
			t.Errorf("parse %q: %+v, %v, want %+v", text, got, err, want)
		}
	})
}

func TestParseSyscall(t *testing.T) {
	tests := []struct{ text, want string }{
		{"running\n", ""},
		{"-1 0x7ffd5f873c48 0x7f6847b94dd0\n", ""},
		{fmt.Sprint(unix.SYS_ACCEPT4, " 0x3 0x0 0x7ffd5f873c48"), "accept4"},
		{"9999 0x0", "system call 9999"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := parseSyscall(tt.text); got != tt.want {
			t.Errorf("parse %q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestParseCommand(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"of a kernel thread", "", nil},
		{"plain", "nginx\x00-g\x00daemon off;\x00", []string{"nginx", "-g", "daemon off;"}},
		{"empty argument", "a\x00\x00b\x00", []string{"a", "", "b"}},
		{"one that names itself", "nginx: worker process\x00\x00\x00\x00", []string{"nginx: worker process"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, parseCommand([]byte(tt.text))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestReadBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long")
	check(t, os.WriteFile(path, bytes.Repeat([]byte("x"), 100), 0o600))
	text, err := readBounded(path, 10)
	if err != nil || string(text) != "xxxxxxxxxx" {
		t.Errorf("got %q, %v", text, err)
	}
}
