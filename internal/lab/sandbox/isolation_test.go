package sandbox

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be several users")
	}
}

// place is where a probe is run.
type place int

const (
	outside        place = iota // on the host, as the user of the sandbox
	asOrdinaryUser              // on the host
	asRunner                    // inside, with the rights of the first process
	asCommand                   // inside
)

// can runs a probe at that place and returns "" if it can, else why not.
func (u user) can(t *testing.T, at place, dir, name, arg string) string {
	t.Helper()
	var answer string
	var err error
	switch at {
	case outside:
		answer, err = user{uid: u.uid}.run("probe", name, arg)
	case asOrdinaryUser:
		answer, err = user{uid: ordinaryUID}.run("probe", name, arg)
	case asRunner:
		answer, err = u.run("host", dir, "runner", name, arg)
	case asCommand:
		answer, err = u.run("host", dir, "command", Self, roleArg, "probe", name, arg)
	}
	check(t, err)
	if answer == "can\n" {
		return ""
	}
	why, ok := strings.CutPrefix(answer, "cannot: ")
	if !ok {
		t.Fatalf("answer is %q", answer)
	}
	return strings.TrimSpace(why)
}

// TestIsolation proves for each kind of user that a command cannot do what the
// same program can do elsewhere.
func TestIsolation(t *testing.T) {
	needRoot(t)
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			h := newHost(t, u)
			for _, test := range []struct {
				probe, arg string
				proof      place // where it can be done
			}{
				{probe: "write", arg: h.file},
				{probe: "remount, write", arg: h.file},
				{probe: "look at", arg: h.hidden},
				{probe: "see", arg: h.victim},
				{probe: "signal", arg: h.victim},
				{probe: "trace", arg: h.victim},
				{probe: "find the runner", proof: asRunner},
				{probe: "connect to", arg: "unix " + h.path},
				{probe: "connect to", arg: "unix " + h.relative},
				{probe: "connect to", arg: "unix " + h.abstract},
				{probe: "connect to", arg: "unix " + h.system},
				{probe: "write to FIFO", arg: h.fifo},
				{probe: "connect to", arg: "tcp " + h.tcp},
				{probe: "hold", arg: h.leaked, proof: asRunner},
				{probe: "have rights"},
				{probe: "be root by", arg: h.setuid, proof: asOrdinaryUser},
				{probe: "set", arg: "/proc/sys/net/ipv4/tcp_syncookies", proof: asRunner},
				{probe: "unmount", arg: "/proc", proof: asRunner},
				{probe: "touch", arg: h.device},
				{probe: "keep a key"},
				{probe: "read a key", arg: h.key},
				{probe: "see keys"},
				{probe: "call", arg: "pidfd_getfd"},
				{probe: "call", arg: "process_vm_readv"},
				{probe: "call", arg: "ptrace"},
				{probe: "call", arg: "unshare mounts", proof: asRunner},
				{probe: "call", arg: "name_to_handle_at"},
				{probe: "open socket", arg: fmt.Sprint(unix.AF_PACKET), proof: asRunner},
			} {
				t.Run(test.probe+" "+filepath.Base(test.arg), func(t *testing.T) {
					if why := u.can(t, test.proof, h.dir, test.probe, test.arg); why != "" {
						t.Fatalf("counter-proof: cannot: %s", why)
					}
					t.Log(u.cannot(t, h.dir, test.probe, test.arg))
				})
			}
		})
	}
}

// TestLocksAreOwn holds that a command that locks a file of the system locks it for the
// experiment alone.
func TestLocksAreOwn(t *testing.T) {
	needRoot(t)
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			const path = "/etc/passwd"
			check(t, lock(path)) // counter-proof: it is free
			cmd := u.command("host", "", "command", Self, roleArg, "lock", path)
			ready, err := cmd.StdoutPipe()
			check(t, err)
			check(t, cmd.Start())
			defer func() { _, _ = cmd.Process.Kill(), cmd.Wait() }()
			if _, err := ready.Read(make([]byte, 1)); err != nil {
				t.Fatal("the command did not lock it: ", err)
			}
			if err := lock(path); err != nil {
				t.Errorf("a command has locked %s of the host: %v", path, err)
			}
		})
	}
}

// TestNoUserNamespaces holds that there is none below a sandbox's: a command would have
// all rights in it. Which setting or filter forbids it is another question for each user.
func TestNoUserNamespaces(t *testing.T) {
	needRoot(t)
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			if !u.forbidden {
				if why := u.can(t, outside, "", "make a user namespace", ""); why != "" {
					t.Fatalf("counter-proof: cannot: %s", why)
				}
			}
			for _, at := range []place{asRunner, asCommand} {
				why := u.can(t, at, "", "make a user namespace", "")
				if why == "" {
					t.Errorf("at place %d one can be made", at)
				}
				t.Log(why)
			}
		})
	}
}

// cannot fails the test if a command can, and returns why it cannot.
func (u user) cannot(t *testing.T, dir, probe, arg string) string {
	t.Helper()
	why := u.can(t, asCommand, dir, probe, arg)
	if why == "" {
		t.Errorf("%s: a command can", probe)
	}
	return probe + ": " + why
}

// TestRunnerIsStranger shows that where there is a user namespace with a range
// of ids, the runner has no more rights to the host's files than anybody.
func TestRunnerIsStranger(t *testing.T) {
	needRoot(t)
	u := users[0]
	h := newHost(t, u)
	check(t, os.Chmod(h.file, 0o644))
	for _, probe := range []string{"write", "remount, write"} {
		if why := u.can(t, outside, h.dir, probe, h.file); why != "" {
			t.Fatalf("counter-proof: cannot: %s", why)
		}
		if u.can(t, asRunner, h.dir, probe, h.file) == "" {
			t.Errorf("%s: the runner can", probe)
		}
	}
}

// host is what a sandbox must be kept from.
type host struct {
	dir      string // the shown folder
	file     string // in it, writable by everybody
	hidden   string // a file elsewhere
	setuid   string // this program in dir, setuid root
	path     string // of a listening socket in dir
	relative string // the same, bound by a relative name
	abstract string
	tcp      string
	leaked   string // identity of a file that the parent has open
	victim   string // id of a process of the user
	system   string // a listening socket in a system folder, bound by a relative name
	fifo     string // in a system folder, with a reader
	device   string // of the user, which does nothing
	key      string // in the user's keyring
}

func newHost(t *testing.T, u user) host {
	t.Helper()
	dir, other := openDir(t), openDir(t)
	h := host{
		dir:      dir,
		file:     filepath.Join(dir, "file"),
		hidden:   filepath.Join(other, "hidden"),
		setuid:   filepath.Join(dir, "setuid"),
		path:     filepath.Join(dir, "app.sock"),
		relative: filepath.Join(dir, "app", "tmp", "puma.sock"),
		abstract: fmt.Sprintf("@sandbox-test-%d", os.Getpid()),
	}
	for _, path := range []string{h.file, h.hidden} {
		check(t, os.WriteFile(path, nil, 0o666))
		check(t, os.Chmod(path, 0o666))
	}
	copySetuid(t, h.setuid)
	listen(t, "unix", h.path)
	check(t, os.Chmod(h.path, 0o777))
	listen(t, "unix", h.abstract)
	h.tcp = listen(t, "tcp", "127.0.0.1:0").Addr().String()
	listenRelative(t, h.relative)
	h.victim = victim(t, u)
	var err error
	h.leaked, err = fileIdentity("/etc/passwd")
	check(t, err)
	h.inSystemFolder(t)
	h.device = ownDevice(t, u, h.dir)
	h.key = userKey(t, u)
	return h
}

// inSystemFolder makes what may be met in a folder that is shown anyway.
func (h *host) inSystemFolder(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("/usr/local/share", "sandbox-test-")
	if errors.Is(err, unix.EROFS) { // in a guest, which sees those of the host
		return
	}
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	check(t, os.Chmod(dir, 0o755))
	h.system, h.fifo = filepath.Join(dir, "app.sock"), filepath.Join(dir, "fifo")
	listenRelative(t, h.system)
	check(t, unix.Mkfifo(h.fifo, 0o666))
	check(t, os.Chmod(h.fifo, 0o666))
	reader, err := os.OpenFile(h.fifo, os.O_RDWR, 0) // somebody reads it
	check(t, err)
	t.Cleanup(func() { check(t, reader.Close()) })
}

// ownDevice is a device that the user may touch.
func ownDevice(t *testing.T, u user, dir string) string {
	t.Helper()
	if u.uid == 0 {
		return "/dev/null"
	}
	path := filepath.Join(dir, "device") // an ordinary user owns none, but a file is as good
	check(t, os.WriteFile(path, nil, 0o666))
	check(t, os.Chown(path, int(u.uid), int(u.uid)))
	return path
}

// userKey keeps a key in the keyring of that user, which everybody with that id may
// read, and returns its number.
func userKey(t *testing.T, u user) string {
	t.Helper()
	got, err := user{uid: u.uid}.run("key")
	check(t, err)
	return strings.TrimSpace(got)
}

// openDir returns an empty folder that everybody can reach.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "sandbox-test-")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	check(t, os.Chmod(dir, 0o755))
	return dir
}

func copySetuid(t *testing.T, path string) {
	t.Helper()
	self, err := os.Open(Self)
	check(t, err)
	defer self.Close()
	f, err := os.Create(path)
	check(t, err)
	_, err = io.Copy(f, self)
	check(t, err)
	check(t, f.Close())
	check(t, os.Chmod(path, 0o755|os.ModeSetuid))
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	check(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// listenRelative binds a socket by its last name only, so that /proc/net/unix
// does not tell where it is.
func listenRelative(t *testing.T, path string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	cmd := user{}.command("listen", filepath.Base(path))
	cmd.Dir = filepath.Dir(path)
	startAndWait(t, cmd)
	check(t, os.Chmod(path, 0o777))
}

// listenRole listens on a UNIX socket until its standard input ends.
func listenRole(args []string) error {
	l, err := net.Listen("unix", args[0])
	if err != nil {
		return err
	}
	defer l.Close()
	return victimRole(nil)
}

// victim starts a process of that user and returns its id.
func victim(t *testing.T, u user) string {
	t.Helper()
	cmd := user{uid: u.uid}.command("victim")
	startAndWait(t, cmd)
	return strconv.Itoa(cmd.Process.Pid)
}

// victimRole is there until its standard input ends.
func victimRole([]string) error {
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// startAndWait starts a process that prints a line when it is ready and ends
// with its standard input.
func startAndWait(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	check(t, err)
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() {
		stdin.Close()
		check(t, cmd.Wait())
	})
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatalf("%s did not start: %v", strings.Join(cmd.Args, " "), err)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
