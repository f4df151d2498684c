package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is a compiled command of this module.
func program(t *testing.T, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// oneKernel is a folder with the newest fetched kernel alone.
func oneKernel(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("boots a guest")
	}
	folder := t.TempDir()
	for i := range suites {
		suite := suites[len(suites)-1-i]
		from := filepath.Join(kernelsFolder(), suite)
		if _, err := os.Stat(from); err == nil {
			if err := os.Symlink(from, filepath.Join(folder, suite)); err != nil {
				t.Fatal(err)
			}
			return folder
		}
	}
	t.Skip("needs a kernel: make kernels")
	panic("unreachable")
}

// rig is what the tests run.
type rig struct{ guests, summary, kernels string }

func TestGuests(t *testing.T) {
	r := rig{kernels: oneKernel(t), guests: program(t, "listenq/test/guests"), summary: program(t, "listenq/test/summary")}
	t.Run("failures", r.failuresAreSeen)
	t.Run("interrupted", r.interrupted)
}

// command runs tests of package failing in a guest.
func (r rig) command(run string) *exec.Cmd {
	cmd := exec.Command(r.guests, "-kernels", r.kernels, "-run", run, "./test/guests/testdata/failing")
	cmd.Dir = "../.."
	cmd.Stderr = os.Stderr
	return cmd
}

// sumUp is what test/summary prints of events, and its exit code.
func (r rig) sumUp(t *testing.T, events []byte) (string, int) {
	t.Helper()
	cmd := exec.Command(r.summary)
	cmd.Stdin = bytes.NewReader(events)
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// failuresAreSeen: what fails in a guest fails the run, and is named with the kernel.
// A kernel that is not there is named.
func (r rig) failuresAreSeen(t *testing.T) {
	for _, tt := range []struct {
		run  string
		code int
		want []string
	}{
		{"^TestPasses$", 0, []string{`(?m)^ok    listenq/test/guests/testdata/failing on \d\S+ `, `(?m)^1 passed, 0 failed, 4 skipped$`}},
		{"^Test(Fails|Passes)$", 1, []string{`(?m)^FAIL  listenq/test/guests/testdata/failing on \d\S+ TestFails$`, `as it should`, `(?m)^1 passed, 2 failed, 4 skipped$`}},
		{"^TestPanics$", 1, []string{`(?m)^=== RUN   TestPanics$`, `(?m)^FAIL  listenq/test/guests/testdata/failing on \d`, `the guest with Linux \d\S+ ended before its program did`, `Kernel panic - not syncing: sysrq triggered crash`}},
	} {
		t.Run(tt.run, func(t *testing.T) {
			cmd := r.command(tt.run)
			events, err := cmd.Output()
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %d (%v), want %d", code, err, tt.code)
			}
			text, code := r.sumUp(t, events)
			if code != tt.code {
				t.Errorf("exit code of the summary %d, want %d", code, tt.code)
			}
			for _, want := range append(tt.want, `(?m)^skipped: bullseye kernel: NOT RUN: .*make kernels`, `(?m)^NOTHING WAS TESTED ON THE KERNELS OF: .*bullseye`) {
				if !regexp.MustCompile(want).MatchString(text) {
					t.Errorf("no %s in\n%s", want, text)
				}
			}
		})
	}
}

// interrupted: an interrupt leaves no process and no file.
func (r rig) interrupted(t *testing.T) {
	const mark = "LISTENQ_GUESTS_TEST=interrupted"
	cmd := r.command("^TestHangs$")
	tmp := t.TempDir()
	cmd.Env = append(os.Environ(), mark, "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	hangs := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "hangs now") {
			hangs = true
			began := time.Now()
			defer func() {
				if took := time.Since(began); took > 30*time.Second {
					t.Errorf("took %v to end", took)
				}
			}()
			if running := marked(t, mark); len(running) < 2 {
				t.Errorf("processes %q are seen, want QEMU among them", running)
			}
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || !hangs {
		t.Errorf("hangs %t, error %v; want true, one", hangs, err)
	}
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("left running: %q", left)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left in the folder for temporary files: %v, %v", left, err)
	}
}

// marked are the processes with a variable in their environment.
func marked(t *testing.T, variable string) (commands []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		env, _ := os.ReadFile(p + "/environ") // those of others, and such as have ended
		if bytes.Contains(env, []byte(variable+"\x00")) {
			command, _ := os.ReadFile(p + "/cmdline")
			name, _, _ := strings.Cut(string(command), "\x00")
			commands = append(commands, name)
		}
	}
	return commands
}
