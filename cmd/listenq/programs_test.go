package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"listenq/internal/kernel"
)

// netns is a network namespace of a test's own, with lo up. It ends with the test.
type netns struct {
	t      *testing.T
	holder *exec.Cmd
	file   *os.File
}

func newNetns(t *testing.T) *netns {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to enter a network namespace")
	}
	// The PID namespace ends what the test started in it.
	holder := exec.Command("unshare", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", "ip link set lo up && echo up && exec sleep 600")
	out, err := holder.StdoutPipe()
	if err == nil {
		err = holder.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { holder.Process.Kill(); holder.Wait() })
	if _, err := out.Read(make([]byte, 3)); err != nil {
		t.Fatalf("network namespace: %v", err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", holder.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("/proc/" + strings.TrimSpace(string(children)) + "/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &netns{t: t, holder: holder, file: file}
}

// start starts a server in the namespace. It ends with the test.
func (n *netns) start(argv ...string) *exec.Cmd {
	n.t.Helper()
	cmd := exec.Command("nsenter", append([]string{"--net=/proc/self/fd/3", "--"}, argv...)...)
	cmd.ExtraFiles = []*os.File{n.file}
	cmd.Dir = n.t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	return cmd
}

// listenq runs the program in the namespace and returns its answer and exit code.
func (n *netns) listenq(args ...string) (stdout []byte, code int) {
	n.t.Helper()
	self, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	cmd := exec.Command("nsenter", append([]string{"--net=/proc/self/fd/3", "--", self}, args...)...)
	cmd.ExtraFiles = []*os.File{n.file}
	cmd.Env = append(os.Environ(), asProgram+"=1")
	stdout, err = cmd.Output()
	exit, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case failed:
		code = exit.ExitCode()
	case err != nil:
		n.t.Fatal(err)
	}
	if code > 1 {
		n.t.Fatalf("listenq %v: exit code %d: %s", args, code, exit.Stderr)
	}
	return stdout, code
}

type seenListener struct {
	Address     string `json:"address"`
	State       string `json:"state"`
	AcceptLen   int    `json:"accept_len"`
	AcceptLimit int    `json:"accept_limit"`
	Processes   []struct {
		PID  int    `json:"pid"`
		Name string `json:"name"`
	} `json:"processes"`
}

func (n *netns) ls(filter ...string) []seenListener {
	n.t.Helper()
	text, _ := n.listenq(append([]string{"ls", "--json", "--netns", "own", "--window", "0"}, filter...)...)
	var answer struct{ Listeners []seenListener }
	if err := json.Unmarshal(text, &answer); err != nil {
		n.t.Fatalf("%v\n%s", err, text)
	}
	return answer.Listeners
}

// await waits until somebody listens at each port.
func (n *netns) await(ports ...int) {
	n.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		all := n.ls()
		there := func(port int) bool {
			return slices.ContainsFunc(all, func(l seenListener) bool { return strings.HasSuffix(l.Address, ":"+strconv.Itoa(port)) })
		}
		if !slices.ContainsFunc(ports, func(port int) bool { return !there(port) }) {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("not all of %v listen: %+v", ports, all)
		}
	}
}

// dial opens that many connections to a port, without waiting for any.
func (n *netns) dial(port, count int) {
	n.t.Helper()
	err := kernel.InNetns(int(n.file.Fd()), func() error {
		for range count {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			n.t.Cleanup(func() { unix.Close(fd) })
			if err := unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil && err != unix.EINPROGRESS {
				return err
			}
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

type seenFinding struct {
	Code, Title   string
	Evidence, Fix []string
}

func (n *netns) doctor(args ...string) ([]seenFinding, int) {
	n.t.Helper()
	text, code := n.listenq(append([]string{"doctor", "--json", "--netns", "own"}, args...)...)
	var answer struct{ Findings []seenFinding }
	if err := json.Unmarshal(text, &answer); err != nil {
		n.t.Fatalf("%v\n%s", err, text)
	}
	return answer.Findings, code
}

const javaServer = `class Listen { public static void main(String[] a) throws Exception {
	var s = new java.net.ServerSocket(8085); for (;;) s.accept(); } }`

// TestPrograms starts real servers and finds each with its limit and its process.
func TestPrograms(t *testing.T) {
	for _, program := range []string{"nginx", "redis-server", "python3", "node", "java", "ip", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	n := newNetns(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	conf := write("nginx.conf", "daemon off; worker_processes 2; pid "+dir+"/pid; error_log stderr; events {} http { access_log off; server { listen 8081; } }")
	n.start("nginx", "-c", conf, "-e", "stderr")
	n.start("redis-server", "--port", "8082", "--save", "", "--bind", "127.0.0.1")
	n.start("python3", "-m", "http.server", "8083")
	n.start("node", "-e", "require('http').createServer(() => {}).listen(8084)")
	n.start("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", write("Listen.java", javaServer))
	n.await(8081, 8082, 8083, 8084, 8085)

	got := map[string]string{}
	for _, l := range n.ls() {
		port := l.Address[strings.LastIndexByte(l.Address, ':')+1:]
		name := "?"
		if len(l.Processes) > 0 {
			name = l.Processes[0].Name
		}
		got[port] = fmt.Sprintf("%s %d", name, l.AcceptLimit)
	}
	want := map[string]string{"8081": "nginx 511", "8082": "redis-server 511", "8083": "python3 5", "8084": "node 511", "8085": "java 50"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("programs and limits by port (-want +got):\n%s", diff)
	}
	if findings, code := n.doctor("--for", "500ms"); len(findings) > 0 || code != 0 {
		t.Errorf("findings about healthy servers (exit code %d): %+v", code, findings)
	}
}

// TestDoctorStopped stops a server with SIGSTOP: its queue fills, and doctor names
// the stopped process.
func TestDoctorStopped(t *testing.T) {
	n := newNetns(t)
	n.start("python3", "-m", "http.server", "8083")
	n.await(8083)
	pid := n.ls(":8083")[0].Processes[0].PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	n.dial(8083, 10)
	findings, code := n.doctor("--for", "1500ms")
	i := slices.IndexFunc(findings, func(f seenFinding) bool { return f.Code == "LQ001" })
	if i < 0 || code != 1 {
		t.Fatalf("exit code %d, findings %+v; want LQ001", code, findings)
	}
	f := findings[i]
	if said := strings.Join(append(f.Evidence, f.Title), "\n"); !strings.Contains(said, strconv.Itoa(pid)) || !strings.Contains(said, "python3") {
		t.Errorf("neither the process nor its number is named:\n%s", said)
	}
	if !strings.Contains(strings.Join(f.Fix, "\n"), "CONT") {
		t.Errorf("no word of SIGCONT:\n%v", f.Fix)
	}
	if l := n.ls(":8083")[0]; l.State != "full" || l.AcceptLen != 6 || l.AcceptLimit != 5 {
		t.Errorf("ls shows %+v, want full at 6/5", l)
	}
}

// TestDoctorOverflow overflows http.server with ab while doctor looks.
func TestDoctorOverflow(t *testing.T) {
	if _, err := exec.LookPath("ab"); err != nil {
		t.Skip("ab is not installed")
	}
	n := newNetns(t)
	n.start("python3", "-m", "http.server", "8083")
	n.await(8083)
	n.start("ab", "-q", "-r", "-t", "20", "-n", "100000", "-c", "200", "http://127.0.0.1:8083/")
	for deadline := time.Now().Add(10 * time.Second); n.ls(":8083")[0].AcceptLen < 3 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	findings, code := n.doctor("--for", "2s", ":8083")
	codes := map[string]bool{}
	for _, f := range findings {
		codes[f.Code] = true
	}
	if !codes["LQ003"] && !codes["LQ004"] && !codes["LQ005"] || code != 1 {
		t.Errorf("exit code %d, findings %+v; want slow accept, a burst or a small backlog", code, findings)
	}
}
