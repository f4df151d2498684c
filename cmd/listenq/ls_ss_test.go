package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// sharedListener is what both ss and ls show of a listening socket.
type sharedListener struct {
	Address     string        `json:"address"`
	AcceptLen   int           `json:"accept_len"`
	AcceptLimit int           `json:"accept_limit"`
	Drops       int           `json:"drops"`
	UID         int           `json:"uid"`
	Inode       int           `json:"inode"`
	DualStack   bool          `json:"dual_stack"`
	Processes   []sharedOwner `json:"processes"`
}

type sharedOwner struct {
	PID    int    `json:"pid"`
	Name   string `json:"name"`
	Cgroup string `json:"cgroup"`
}

// TestListingIsThatOfSs compares every field that ss and ls share.
func TestListingIsThatOfSs(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	needs(t, "ss")
	result := make(chan [2]string)
	go func() {
		defer close(result)
		runtime.LockOSThread() // and never unlocked: the thread, and with it its namespace, ends with the goroutine
		result <- showBoth(t)
	}()
	both, ok := <-result
	if !ok {
		t.FailNow()
	}
	theirs := parseSs(t, both[0])
	if full := theirs["127.0.0.1:81"]; len(theirs) != 4 || full.Drops < 2 || full.AcceptLen != 4 || len(full.Processes) != 1 {
		t.Fatalf("ss does not show what there is to compare:\n%s", both[0])
	}
	if diff := cmp.Diff(theirs, parseLs(t, both[1])); diff != "" {
		t.Errorf("listeners (-ss +ls):\n%s", diff)
	}
}

// showBoth is what ss and ls print of listeners in a namespace of the calling
// thread's own.
func showBoth(t *testing.T) (both [2]string) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Errorf("unshare: %v", err)
		return both
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Errorf("ip: %v\n%s", err, out)
		return both
	}
	sockets := listenTo(t)
	defer func() {
		for _, fd := range sockets {
			unix.Close(fd)
		}
	}()
	ls := exec.Command("/proc/self/exe", "ls", "--netns", "own", "--window", "0", "--json")
	ls.Env = append(os.Environ(), asProgram+"=1")
	for i, cmd := range []*exec.Cmd{exec.Command("ss", "-HOlntmpe"), ls} {
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%s: %v", cmd, err)
		}
		both[i] = string(out)
	}
	return both
}

// listenTo makes listeners of each kind: one of them overflows, one is dual stack.
func listenTo(t *testing.T) (sockets []int) {
	made := func(fd int, err error) int {
		if err != nil {
			t.Errorf("socket: %v", err)
		}
		sockets = append(sockets, fd)
		return fd
	}
	listen := func(family int, at unix.Sockaddr, v6only, backlog int) {
		fd := made(unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
		if family == unix.AF_INET6 {
			unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, v6only)
		}
		if err := unix.Bind(fd, at); err != nil {
			t.Errorf("bind: %v", err)
		}
		if err := unix.Listen(fd, backlog); err != nil {
			t.Errorf("listen: %v", err)
		}
	}
	full := &unix.SockaddrInet4{Port: 81, Addr: [4]byte{127, 0, 0, 1}}
	listen(unix.AF_INET, full, 0, 3)
	listen(unix.AF_INET, &unix.SockaddrInet4{Port: 82}, 0, 100000)
	listen(unix.AF_INET6, &unix.SockaddrInet6{Port: 83}, 0, 0)
	listen(unix.AF_INET6, &unix.SockaddrInet6{Port: 84}, 1, 128)
	for range 6 { // 4 fit; the SYNs of the others are dropped, and not sent again before ss and ls have run
		fd := made(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0))
		if err := unix.Connect(fd, full); err != nil && err != unix.EINPROGRESS {
			t.Errorf("connect: %v", err)
		}
	}
	return sockets
}

var (
	ssDrops  = regexp.MustCompile(`skmem:\([^)]*,d(\d+)\)`)
	ssUID    = regexp.MustCompile(` uid:(\d+)`)
	ssInode  = regexp.MustCompile(` ino:(\d+)`)
	ssCgroup = regexp.MustCompile(` cgroup:(\S+)`)
	ssUsers  = regexp.MustCompile(`\("([^"]*)",pid=(\d+)`)
)

// parseSs reads what `ss -HOlntmpe` prints.
func parseSs(t *testing.T, text string) map[string]sharedListener {
	all := map[string]sharedListener{}
	for line := range strings.Lines(text) {
		var state, local string
		var l sharedListener
		if _, err := fmt.Sscan(line, &state, &l.AcceptLen, &l.AcceptLimit, &local); err != nil {
			t.Fatalf("ss: %v: %s", err, line)
		}
		host, port, err := net.SplitHostPort(local)
		if err != nil {
			t.Fatalf("ss: %v: %s", err, line)
		}
		l.DualStack = host == "*"
		if l.DualStack {
			host = "::"
		}
		l.Address = net.JoinHostPort(host, port)
		for of, into := range map[*regexp.Regexp]*int{ssDrops: &l.Drops, ssUID: &l.UID, ssInode: &l.Inode} {
			if found := of.FindStringSubmatch(line); found != nil {
				fmt.Sscan(found[1], into)
			}
		}
		for _, user := range ssUsers.FindAllStringSubmatch(line, -1) {
			p := sharedOwner{Name: user[1]}
			fmt.Sscan(user[2], &p.PID)
			if cgroup := ssCgroup.FindStringSubmatch(line); cgroup != nil {
				p.Cgroup = cgroup[1]
			}
			l.Processes = append(l.Processes, p)
		}
		all[l.Address] = l
	}
	return all
}

func parseLs(t *testing.T, text string) map[string]sharedListener {
	var answer struct{ Listeners []sharedListener }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("ls: %v\n%s", err, text)
	}
	all := map[string]sharedListener{}
	for _, l := range answer.Listeners {
		all[l.Address] = l
	}
	return all
}
