// Package hostile attacks listenq as somebody would who means harm: with scripts,
// packages, recordings, captures and programs in guests. Each attack is run as root
// and as an ordinary user, and what it tried to reach is looked at afterwards.
package hostile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"testing"
	"time"
)

// ordinaryUID is an ordinary user's id that nobody has here.
const ordinaryUID = 54322

// listenq is the program that is attacked, readable by everybody.
var listenq string

func TestMain(m *testing.M) {
	if code, ok := played(os.Args[1:]); ok {
		os.Exit(code)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("/var/tmp", "listenq-hostile-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		listenq = filepath.Join(dir, "listenq")
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", listenq, "listenq/cmd/listenq")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build listenq: %v\n%s", err, out)
			return 1
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// user is who runs listenq.
type user struct {
	name string
	uid  int
}

var users = []user{{"root", 0}, {"ordinary user", ordinaryUID}}

// asEach runs an attack as root and as an ordinary user.
func asEach(t *testing.T, attack func(t *testing.T, u user)) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be several users")
	}
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) { attack(t, u) })
	}
}

// dir returns an empty folder of that user, which everybody may enter, outside of
// /tmp.
func (u user) dir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "listenq-hostile-")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	check(t, os.Chmod(dir, 0o755))
	check(t, os.Chown(dir, u.uid, u.uid))
	return dir
}

// write writes a file of that user.
func (u user) write(t *testing.T, path, text string) string {
	t.Helper()
	check(t, os.WriteFile(path, []byte(text), 0o644))
	check(t, os.Chown(path, u.uid, u.uid))
	return path
}

// result is how a run of listenq ended.
type result struct {
	stdout, stderr string
	code           int
	peak           int64 // bytes of memory that it had at once
}

// patience is how long an attack may keep listenq busy.
const patience = 2 * time.Minute

// command is a program in that folder, with a home there.
func (u user) command(t *testing.T, program, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + dir, "LANG=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.uid)}, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// run runs listenq in that folder, with a home there.
func (u user) run(t *testing.T, dir string, args ...string) result {
	t.Helper()
	return u.runProgram(t, listenq, dir, args...)
}

// runProgram runs that copy of listenq, or another program.
func (u user) runProgram(t *testing.T, program, dir string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := u.command(t, program, dir, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	forgetPeak(t)
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // the one error is that it has ended
	check(t, cmd.Start())
	err := cmd.Wait()
	if !late.Stop() {
		t.Errorf("%q was busy for %v", args, patience)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || !exit.Exited()) {
		t.Errorf("%q: %v", args, err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), usage.Maxrss << 10}
}

// forgetPeak gives up memory and makes the kernel forget how much this process had: a
// child's peak begins with its parent's (exec_mmap, fs/exec.c; clear_refs, proc(5)).
func forgetPeak(t *testing.T) {
	t.Helper()
	debug.FreeOSMemory()
	check(t, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
