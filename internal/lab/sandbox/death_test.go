package sandbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDeath kills the parent of a sandbox in which a command runs. This process
// inherits whatever is left then, so it can wait until nothing is left.
func TestDeath(t *testing.T) {
	needRoot(t)
	inheritOrphans(t)
	for _, test := range []struct {
		name   string
		freeze bool // the runner, so that it cannot see its parent's end itself
	}{
		{name: "running"},
		{name: "stopped", freeze: true},
	} {
		for _, u := range users {
			t.Run(test.name+" "+u.name, func(t *testing.T) {
				parent := startStaying(t, u)
				runner := onlyChild(t, parent.Process.Pid)
				spaces := namespaces(t, runner)
				if !inUse(t, spaces) {
					t.Fatal("counter-proof: the namespaces are not in use")
				}
				if test.freeze {
					check(t, unix.Kill(runner, unix.SIGSTOP))
				}
				check(t, parent.Process.Kill())
				_ = parent.Wait()
				waitForOrphans(t)
				if inUse(t, spaces) {
					t.Error("a namespace of the sandbox is still in use")
				}
			})
		}
	}
}

// TestDeathAnyTime kills the parent while it is starting a sandbox.
func TestDeathAnyTime(t *testing.T) {
	needRoot(t)
	inheritOrphans(t)
	for i := range 30 {
		u := users[i%len(users)]
		cmd := u.command("host", "", "stay")
		check(t, cmd.Start())
		time.Sleep(rand.N(40 * time.Millisecond)) // the moment is what is varied
		check(t, cmd.Process.Kill())
		_ = cmd.Wait()
		waitForOrphans(t)
	}
}

// TestKill ends a sandbox from its parent.
func TestKill(t *testing.T) {
	box, err := Start(Spec{Args: []string{roleArg, "inside", "stay"}, Files: []*os.File{os.Stderr}})
	check(t, err)
	box.Kill()
	exit, ok := errors.AsType[*exec.ExitError](box.Wait())
	if !ok || exit.Exited() {
		t.Errorf("Wait = %v, want killed", exit)
	}
	box.Kill() // again is no harm
}

// startStaying starts the parent of a sandbox in which a command runs.
func startStaying(t *testing.T, u user) *exec.Cmd {
	t.Helper()
	parent := u.command("host", "", "stay")
	parent.Stderr = os.Stderr
	stdout, err := parent.StdoutPipe()
	check(t, err)
	check(t, parent.Start())
	if _, err := stdout.Read(make([]byte, len("ready\n"))); err != nil {
		t.Fatalf("sandbox did not start: %v", err)
	}
	return parent
}

// inheritOrphans makes this process the parent of all descendants whose parent
// has ended (PR_SET_CHILD_SUBREAPER).
func inheritOrphans(t *testing.T) {
	t.Helper()
	check(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	t.Cleanup(func() { check(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)) })
}

// waitForOrphans waits until this process has no descendants.
func waitForOrphans(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); errors.Is(err, unix.ECHILD) {
			return
		}
	}
	t.Fatal("processes of the sandbox are left")
}

// onlyChild returns the id of the one child of a process.
func onlyChild(t *testing.T, pid int) int {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	check(t, err)
	var children []string
	for _, path := range paths {
		text, err := os.ReadFile(path)
		check(t, err)
		children = append(children, strings.Fields(string(text))...)
	}
	if len(children) != 1 {
		t.Fatalf("children of %d: %v", pid, children)
	}
	child, err := strconv.Atoi(children[0])
	check(t, err)
	return child
}

// namespaces returns the namespaces of a process that are not ours. It holds them until the
// test ends, so that no other gets their numbers.
func namespaces(t *testing.T, pid int) map[string]bool {
	t.Helper()
	spaces := map[string]bool{}
	for _, kind := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		link := fmt.Sprintf("/proc/%d/ns/%s", pid, kind)
		held, err := os.Open(link)
		check(t, err)
		t.Cleanup(func() { check(t, held.Close()) })
		space, err := os.Readlink(link)
		check(t, err)
		own, err := os.Readlink("/proc/self/ns/" + kind)
		check(t, err)
		if space != own {
			spaces[space] = true
		}
	}
	return spaces
}

// inUse reports whether any process is in one of the namespaces, or any mount
// of ours holds one.
func inUse(t *testing.T, spaces map[string]bool) bool {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/ns/*")
	check(t, err)
	for _, link := range links {
		if space, err := os.Readlink(link); err == nil && spaces[space] {
			return true
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	check(t, err)
	for space := range spaces {
		if strings.Contains(string(mounts), space) {
			return true
		}
	}
	return false
}
