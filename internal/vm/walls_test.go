package vm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// status is what /proc tells of a process.
func status(t *testing.T, pid int) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	check(t, err)
	fields := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name], _, _ = strings.Cut(strings.TrimSpace(value), "\t")
	}
	return fields
}

// below returns a process below another that runs a program of that name.
func below(t *testing.T, ancestor int, name string) int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	check(t, err)
	parents, found := map[int]int{}, map[int]bool{}
	for _, p := range all {
		text, _ := os.ReadFile(p + "/stat") // it may have ended
		var pid, parent int
		var state string
		begin, rest, _ := strings.Cut(string(text), ") ")
		comm := begin[strings.Index(begin, "(")+1:]
		fmt.Sscan(begin, &pid)
		fmt.Sscan(rest, &state, &parent)
		parents[pid], found[pid] = parent, strings.HasPrefix(name, comm) && comm != ""
	}
	for pid := range found {
		for p := pid; found[pid] && p > 1; p = parents[p] {
			if p == ancestor {
				return pid
			}
		}
	}
	return 0
}

// TestWalls looks at QEMU while its guest runs.
func TestWalls(t *testing.T) {
	k := bootable(t)
	started := make(chan struct{})
	g := Guest{Kernel: k, Args: []string{Self, "in-guest", "hang"}, Limit: 3 * time.Minute, Started: func() { close(started) }}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := g.Run(ctx)
		ended <- err
	}()
	<-started
	defer func() {
		stop()
		<-ended
	}()
	pid := below(t, os.Getpid(), platforms[k.Arch].qemu)
	if pid == 0 {
		t.Fatal("no QEMU below this process")
	}
	if diff := cmp.Diff(Walls{Namespaces: true, Filter: true}, g.Walls); diff != "" {
		t.Error(diff)
	}
	s := status(t, pid)
	for name, want := range map[string]string{
		"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapBnd": "0000000000000000",
		"NoNewPrivs": "1", "Seccomp": "2",
	} {
		if s[name] != want {
			t.Errorf("%s is %s, want %s", name, s[name], want)
		}
	}
	if os.Geteuid() == 0 {
		if uid, err := strconv.Atoi(s["Uid"]); err != nil || uid < 1<<16 {
			t.Errorf("user id %s, want one that nobody has", s["Uid"])
		}
	}
	for _, ns := range []string{"user", "mnt", "net", "pid", "ipc", "uts"} {
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, ns))
		ours, err2 := os.Readlink("/proc/self/ns/" + ns)
		if err != nil || err2 != nil || theirs == ours {
			t.Errorf("namespace %s is %s, ours %s (%v, %v)", ns, theirs, ours, err, err2)
		}
	}
	for _, path := range []string{"/root", "/home", "/boot", "/sys", "/etc/passwd"} {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/root%s", pid, path))
		if seen, want := err == nil, path == "/etc/passwd"; seen != want {
			t.Errorf("%s is seen: %v, want %v", path, seen, want)
		}
	}
}

// withoutNamespaces boots a guest as that user where no namespace can be made, and
// prints what the guest could and what stood around it.
func withoutNamespaces(kernel, uid string) int {
	for _, kind := range []string{"user", "mnt"} {
		if err := os.WriteFile("/proc/sys/user/max_"+kind+"_namespaces", []byte("0"), 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	k, err := Open(context.Background(), kernel, "")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if id, _ := strconv.Atoi(uid); id != 0 {
		if err := syscall.Setresuid(id, id, id); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	var stdout Tail
	g := Guest{Kernel: k, Args: []string{Self, "in-guest", "host"}, Limit: 3 * time.Minute, Stdout: &stdout}
	code, err := g.Run(context.Background())
	told, _ := json.Marshal([]any{code, fmt.Sprint(err), stdout.Lines(9), g.Walls, len(g.Walls.Missing())})
	fmt.Println(string(told))
	return 0
}

// TestWithoutNamespaces holds that guests run where namespaces are forbidden, that they
// see no more of the host, and that it is said.
func TestWithoutNamespaces(t *testing.T) {
	bootable(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be several users")
	}
	for _, uid := range []string{"0", "54321"} {
		t.Run(uid, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			cmd := exec.Command("/proc/self/exe", "without-namespaces", fetched(t)[0], uid)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			ids := []syscall.SysProcIDMap{{Size: 1 << 16}}
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true}
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v: %s", err, stderr.String())
			}
			want := `[0,"\u003cnil\u003e",["/host/etc/passwd","\u003cnil\u003e"],{"Namespaces":false,"Filter":true},1]` + "\n"
			if diff := cmp.Diff(want, stdout.String()); diff != "" {
				t.Errorf("%s\n%s", diff, stderr.String())
			}
		})
	}
}

func TestTakesDevice(t *testing.T) {
	for said, want := range map[string]bool{
		"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)": false,
		"QEMU emulator version 9.0.2":                                 false,
		"QEMU emulator version 9.1.0":                                 true,
		"QEMU emulator version 10.0.3 (Debian 1:10.0.3+ds-0+deb13u1)": true,
		"": false,
	} {
		if got := takesDevice([]byte(said)); got != want {
			t.Errorf("%q: %v, want %v", said, got, want)
		}
	}
}
