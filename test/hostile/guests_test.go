package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/vm"
)

// The roles in which the test's own program is started again: to boot a guest as some
// user, and as root in that guest.
const (
	guestRole  = "boot-a-guest"
	attackRole = "attack-from-a-guest"
)

// played plays a role and reports whether there was one.
func played(args []string) (code int, ok bool) {
	vm.Reexec(args)
	switch {
	case len(args) == 3 && args[0] == guestRole:
		return bootGuest(args[1], args[2]), true
	case len(args) == 2 && args[0] == attackRole:
		return attacks[args[1]](), true
	}
	return 0, false
}

// booted is what came of a guest.
type booted struct {
	Code           int
	Error          string
	Stdout, Stderr []byte // their ends
	Peak           int64  // of memory, on this side, in bytes
	Walls          vm.Walls
}

// bootGuest boots a guest whose program is an attack, and prints what came of it.
func bootGuest(kernel, attack string) int {
	k, err := vm.Open(context.Background(), kernel, "")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var stdout, stderr vm.Tail
	g := vm.Guest{Kernel: k, Args: []string{vm.Self, attackRole, attack}, Limit: time.Minute, Stdout: &stdout, Stderr: &stderr}
	var b booted
	if b.Code, err = g.Run(context.Background()); err != nil {
		b.Error = err.Error()
	}
	b.Stdout, b.Stderr = []byte(strings.Join(stdout.Lines(100), "\n")), []byte(strings.Join(stderr.Lines(100), "\n"))
	b.Walls = g.Walls
	status, _ := os.ReadFile("/proc/self/status")
	if _, peak, ok := bytes.Cut(status, []byte("VmHWM:")); ok {
		fmt.Sscan(string(peak), &b.Peak)
	}
	b.Peak <<= 10
	if err := json.NewEncoder(os.Stdout).Encode(b); err != nil {
		return 1
	}
	return 0
}

// guestHost is what a user boots guests with.
type guestHost struct {
	user
	dir, program, kernel string
}

func (u user) guestHost(t *testing.T) guestHost {
	t.Helper()
	dir := u.dir(t)
	kernel, program := u.copy(t, fetchedKernel(t), filepath.Join(dir, "kernel.deb")), u.copy(t, "/proc/self/exe", filepath.Join(dir, "hostile.test"))
	check(t, os.Chmod(program, 0o755))
	return guestHost{u, dir, program, kernel}
}

// attack runs an attack in a guest.
func (h guestHost) attack(t *testing.T, attack string) booted {
	t.Helper()
	var b booted
	r := h.runProgram(t, h.program, h.dir, guestRole, h.kernel, attack)
	if err := json.Unmarshal([]byte(r.stdout), &b); err != nil {
		if strings.Contains(r.stderr, "CGO_ENABLED=0") {
			t.Skip("this test is not static: CGO_ENABLED=0")
		}
		t.Fatalf("%v: %s%s", err, r.stdout, r.stderr)
	}
	return b
}

func (u user) copy(t *testing.T, from, to string) string {
	t.Helper()
	data, err := os.ReadFile(from)
	check(t, err)
	return u.write(t, to, string(data))
}

// fetchedKernel is a package of one that test/kernels has fetched.
func fetchedKernel(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("boots a kernel")
	}
	folder := os.Getenv("LISTENQ_KERNELS")
	if folder == "" {
		cache, err := os.UserCacheDir()
		check(t, err)
		folder = filepath.Join(cache, "listenq", "kernels")
	}
	found, err := filepath.Glob(filepath.Join(folder, "bookworm", "linux-image-*.deb"))
	check(t, err)
	if len(found) == 0 {
		t.Skip("needs a kernel of Debian's bookworm: make kernels")
	}
	return found[0]
}

// attacks are the programs in the guest, as its root. What they can do that they should
// not they print.
var attacks = map[string]func() int{
	"files":   readFiles,
	"stdout":  func() int { return flood(os.Stdout, 64<<20) },
	"stderr":  func() int { return flood(os.Stderr, 64<<20) },
	"console": func() int { return flood(open("/dev/ttyS0"), 1<<18) },
	"control": func() int { return flood(controlPort(), 512<<20) },
	"exits":   func() int { return floodExits(controlPort()) },
}

// secrets are the host's, wherever it has them.
var secrets = []string{
	"/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/root", "/home", "/var/tmp", "/var/log/dpkg.log", "/boot", "/srv", "/run", "/tmp",
	"/proc/1/environ", "/proc/self/environ", "/proc/self/maps", "/proc/version", "/sys/kernel", "/dev/null",
}

// readFiles reads over every share of the host what is a secret, and writes.
func readFiles() int {
	if !onHost(vm.HostDir+"/usr") || !readable(vm.HostDir+"/etc/passwd") {
		fmt.Println("cannot read what it may")
	}
	tryAll(vm.HostDir)
	tryAll("")
	leave9p()
	taken := 0
	for i := range 32 {
		for _, options := range []string{"", ",aname=/", ",aname=../..", ",access=any,cache=none,posixacl"} {
			const at = "/share"
			os.Mkdir(at, 0o700)
			if unix.Mount(fmt.Sprintf("host%d", i), at, "9p", 0, "trans=virtio,version=9p2000.L"+options) != nil {
				continue
			}
			taken++
			for _, root := range []string{at, at + "/..", at + "/../../.."} {
				tryAll(root)
			}
			if err := unix.Unmount(at, 0); err != nil {
				fmt.Println(err)
			}
		}
	}
	if taken < 4 {
		fmt.Println("no share could be mounted again")
	}
	return 0
}

// leave9p gives up all mounts of the host's files, so that they can be made anew.
func leave9p() {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); strings.Contains(line, " - 9p ") {
			unix.Unmount(fields[4], unix.MNT_DETACH)
		}
	}
}

// tryAll tries what should not be possible below a root.
func tryAll(root string) {
	for _, secret := range secrets {
		for _, path := range []string{root + secret, root + strings.TrimPrefix(secret, "/etc")} {
			if onHost(path) && readable(path) {
				fmt.Println("reads", path)
			}
		}
	}
	for _, path := range []string{root + "/written", root + "/etc/written", root + "/usr/bin/written"} {
		if onHost(filepath.Dir(path)) && os.WriteFile(path, nil, 0o755) == nil {
			fmt.Println("writes", path)
		}
	}
	for _, path := range []string{root + "/etc/passwd", root + "/passwd", root + "/usr/bin/env", root + "/bin/env"} {
		if onHost(path) && (os.Chmod(path, 0o777) == nil || os.Chown(path, 1, 1) == nil || os.Remove(path) == nil) {
			fmt.Println("changes", path)
		}
	}
}

// onHost reports whether a path is one of the host, over 9p.
func onHost(path string) bool {
	var s unix.Stat_t
	if unix.Stat(path, &s) != nil {
		return false
	}
	device := fmt.Sprintf(" %d:%d ", unix.Major(s.Dev), unix.Minor(s.Dev))
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, " - 9p ") && strings.Contains(line, device) {
			return true
		}
	}
	return false
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if names, err := f.Readdirnames(1); err == nil && len(names) > 0 {
		return true
	}
	_, err = f.Read(make([]byte, 1))
	return err == nil
}

// flood writes that many bytes without a newline.
func flood(to io.Writer, size int) int {
	block := bytes.Repeat([]byte("x"), 1<<16)
	for ; size > 0; size -= len(block) {
		if _, err := to.Write(block); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return 0
}

// floodExits says that the program has ended, and goes on.
func floodExits(to io.Writer) int {
	fmt.Fprint(to, "exit 3\n")
	return flood(to, 16<<20)
}

func open(path string) *os.File {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	return f
}

// controlPort takes the first process's, which alone may open it.
func controlPort() *os.File {
	const control = "/dev/vport0p3"
	links, _ := filepath.Glob("/proc/1/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || target != control {
			continue
		}
		var number int
		fmt.Sscan(filepath.Base(link), &number)
		first, err := unix.PidfdOpen(1, 0)
		if err != nil {
			panic(err)
		}
		fd, err := unix.PidfdGetfd(first, number, 0)
		if err != nil {
			panic(err)
		}
		return os.NewFile(uintptr(fd), control)
	}
	panic(errors.New("the first process has no " + control))
}

// guestMemory is the most that a guest's flood may cost the host's side, in bytes: what
// a kernel takes, and nothing of what the guest writes.
const guestMemory = 400 << 20

// TestFilesFromAGuest reads and writes the host's files as the root of a guest.
func TestFilesFromAGuest(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		b := u.guestHost(t).attack(t, "files")
		if b.Code != 0 || b.Error != "" || len(b.Stdout) > 0 || len(b.Stderr) > 0 {
			t.Errorf("exit code %d, error %q\n%s\n%s", b.Code, b.Error, b.Stdout, b.Stderr)
		}
		if b.Walls != (vm.Walls{Namespaces: true, Filter: true}) {
			t.Errorf("walls %+v", b.Walls)
		}
	})
}

// TestFloodsFromAGuest has a guest write without an end wherever it can.
func TestFloodsFromAGuest(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		host := u.guestHost(t)
		for _, tt := range []struct {
			attack string
			code   int
			error  string // what it says
		}{
			{"stdout", 0, ""},
			{"stderr", 0, ""},
			{"console", 0, ""},
			{"control", 0, "ends with"},
			{"exits", 3, ""},
		} {
			t.Run(tt.attack, func(t *testing.T) {
				began := time.Now()
				b := host.attack(t, tt.attack)
				t.Logf("%d MiB, %v: %d %s", b.Peak>>20, time.Since(began).Round(time.Second), b.Code, b.Error)
				if b.Code != tt.code || (b.Error == "") != (tt.error == "") || !strings.Contains(b.Error, tt.error) || b.Peak > guestMemory {
					t.Errorf("exit code %d, error %q, %d MiB; want %d, %q, at most %d MiB", b.Code, b.Error, b.Peak>>20, tt.code, tt.error, guestMemory>>20)
				}
			})
		}
	})
}
