package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain is the first process of guests and the program in them, too.
func TestMain(m *testing.M) {
	Reexec(os.Args[1:])
	if len(os.Args) > 1 && os.Args[1] == "in-guest" {
		os.Exit(inGuest(os.Args[2]))
	}
	if len(os.Args) > 1 && os.Args[1] == "without-namespaces" {
		os.Exit(withoutNamespaces(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

func inGuest(what string) int {
	switch what {
	case "speak":
		text, _ := os.ReadFile("/greeting")
		dir, _ := os.Getwd()
		fmt.Printf("%s from %s with %s\n", text, dir, os.Getenv("COLOUR"))
		fmt.Fprintln(os.Stderr, "and an error")
		return 7
	case "host":
		out, err := exec.Command("ls", "-d", HostDir+"/etc/passwd").CombinedOutput()
		fmt.Printf("%s%v", out, err)
		if err := os.WriteFile(HostDir+"/etc/written", nil, 0o600); err == nil {
			return 1
		}
	case "panic":
		os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
	case "hang":
		time.Sleep(time.Hour) // passes at once on an emulated clock
		for {
			runtime.Gosched()
		}
	}
	return 0
}

// bootable opens a kernel that test/kernels has fetched.
func bootable(t *testing.T) *Kernel {
	t.Helper()
	k, err := Open(t.Context(), fetched(t)[0], "")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Guest{Kernel: k}).checkProgram(); err != nil {
		t.Skip(err) // make test builds without cgo
	}
	return k
}

func TestGuest(t *testing.T) {
	var stdout, stderr bytes.Buffer
	started := false
	g := Guest{
		Kernel: bootable(t), Args: []string{Self, "in-guest", "speak"}, Env: []string{"COLOUR=blue"}, Dir: "/run",
		Files: []File{{Path: "greeting", Mode: 0o644, Data: []byte("hello")}}, Limit: 3 * time.Minute,
		Stdout: &stdout, Stderr: &stderr, Started: func() { started = true },
	}
	code, err := g.Run(t.Context())
	if code != 7 || err != nil || !started {
		t.Errorf("exit code %d, error %v, started %v; want 7, none, true", code, err, started)
	}
	want := "hello from /run with blue\n and an error\n"
	if diff := cmp.Diff(want, stdout.String()+" "+stderr.String()); diff != "" {
		t.Error("printed (-want +got):\n", diff)
	}
}

func TestGuestSeesTheHostsFilesAndCannotWrite(t *testing.T) {
	var stdout bytes.Buffer
	g := Guest{Kernel: bootable(t), Args: []string{Self, "in-guest", "host"}, Limit: 3 * time.Minute, Stdout: &stdout}
	if code, err := g.Run(t.Context()); code != 0 || err != nil {
		t.Errorf("exit code %d, error %v", code, err)
	}
	if got := stdout.String(); got != HostDir+"/etc/passwd\n<nil>" {
		t.Errorf("ls prints %q", got)
	}
}

func TestGuestThatPanics(t *testing.T) {
	g := Guest{Kernel: bootable(t), Args: []string{Self, "in-guest", "panic"}, Limit: 3 * time.Minute}
	_, err := g.Run(t.Context())
	died, ok := errors.AsType[*Died](err)
	if !ok || !strings.Contains(strings.Join(died.Console, "\n"), "Kernel panic") {
		t.Errorf("got %v; want the console with the panic", err)
	}
}

func TestGuestThatHangs(t *testing.T) {
	started := make(chan struct{})
	g := Guest{Kernel: bootable(t), Args: []string{Self, "in-guest", "hang"}, Limit: 3 * time.Minute, Started: func() { close(started) }}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := g.Run(ctx)
		ended <- err
	}()
	<-started
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	g.Started, g.Limit = nil, time.Second
	_, err := g.Run(t.Context())
	if died, ok := errors.AsType[*Died](err); !ok || died.Why != "did not end within 1s" {
		t.Errorf("beyond its limit: %v", err)
	}
	if left := children(t); len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}
}

// children lists what this process has started and what still runs.
func children(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		text, _ := os.ReadFile(f) // a thread may have ended
		all = append(all, strings.Fields(string(text))...)
	}
	return all
}

func TestGuestWithoutQEMU(t *testing.T) {
	k := bootable(t)
	defer func(folders []string) { qemuFolders = folders }(qemuFolders)
	qemuFolders = []string{t.TempDir()}
	_, err := (&Guest{Kernel: k, Limit: time.Minute}).Run(t.Context())
	if missing, ok := errors.AsType[*Unavailable](err); !ok || !strings.Contains(missing.Hint, "qemu-system") {
		t.Error(err)
	}
}

func TestGuestWithAKernelThatDoesNotBoot(t *testing.T) {
	k := *bootable(t)
	k.Image, k.Vmlinux = bytes.Clone(k.Image), nil
	clear(k.Image[len(k.Image)/2:])
	_, err := (&Guest{Kernel: &k, Args: []string{Self}, Limit: 20 * time.Second}).Run(t.Context())
	if _, ok := errors.AsType[*Died](err); !ok {
		t.Errorf("got %v; want what its console said", err)
	}
}

func TestTail(t *testing.T) {
	var console Tail
	fmt.Fprint(&console, "\x1bc\x1b[?7l\x1b[2JSeaBIOS\r\n\r\n[    1.0] one \x1b[31mred\x1b[0m\n", strings.Repeat("x", tailSize), "\nlast\n")
	if diff := cmp.Diff([]string{"last"}, console.Lines(1)); diff != "" {
		t.Error(diff)
	}
	console = Tail{}
	fmt.Fprint(&console, "\x1bc\x1b[?7l\x1b[2JSeaBIOS\r\n\r\n[    1.0] one \x1b[31mred\x1b[0m\n")
	if diff := cmp.Diff([]string{"SeaBIOS", "[    1.0] one red"}, console.Lines(9)); diff != "" {
		t.Error(diff)
	}
}
