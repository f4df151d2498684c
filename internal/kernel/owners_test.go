package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"listenq/internal/kernel/taskfile"
	"listenq/internal/queue"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// file is a descriptor's own copy for a child.
func file(t testing.TB, fd int) *os.File {
	t.Helper()
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	check(t, err)
	f := os.NewFile(uintptr(copied), "copy")
	t.Cleanup(func() { f.Close() })
	return f
}

// names are "PID name" of the processes of a listener.
func names(l queue.Listener) (all []string) {
	for _, p := range l.Processes {
		all = append(all, fmt.Sprintf("%d %q", p.PID, p.Name))
	}
	return all
}

func named(pid int, name string) string { return fmt.Sprintf("%d %q", pid, name) }

// later makes the last search and check long ago.
func (o *owners) later() {
	o.search.last = o.search.last.Add(-time.Hour)
	o.check.last = o.check.last.Add(-time.Hour)
}

// ways are the two to search.
var ways = []struct {
	name string
	open func(testing.TB) *owners
}{
	{"files", openOwners},
	{"proc", func(testing.TB) *owners { return &owners{known: map[uint32]*owned{}, tried: true} }},
}

// openOwners are such as search by eBPF.
func openOwners(t testing.TB) *owners {
	t.Helper()
	files, err := taskfile.Open()
	if errors.Is(err, taskfile.ErrNotHere) {
		t.Skip(err)
	}
	check(t, err)
	check(t, files.Close())
	o := newOwners()
	t.Cleanup(func() { check(t, o.close()) })
	if o.fill(nil); o.files == nil {
		t.Fatal("does not search by the iterator over the files of tasks")
	}
	o.search = pause{}
	return o
}

// eachWay is a test of both ways to search.
func eachWay(t *testing.T, test func(*testing.T, func(testing.TB) *owners)) {
	t.Helper()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) { test(t, way.open) })
	}
}

func TestOwnersAreAllThatShareASocket(t *testing.T) { eachWay(t, ownersAreAllThatShare) }

func ownersAreAllThatShare(t *testing.T, open func(testing.TB) *owners) {
	ns := newNamespace(t, 0)
	fd, _ := ns.listen(t, "127.0.0.1:80", 1)
	shared, _ := ns.listen(t, "127.0.0.1:81", 1)
	one := sleeper(t, hostileName, file(t, shared))
	two := sleeper(t, "worker two", file(t, fd), file(t, shared), file(t, shared))
	self, err := readProcess(os.Getpid())
	check(t, err)

	o := open(t)
	listeners := []queue.Listener{{Inode: inode(t, fd)}, {Inode: inode(t, shared)}, {Inode: inode(t, fd)}}
	if missing := o.fill(listeners); missing != nil {
		t.Errorf("missing %+v", missing)
	}
	me := named(self.PID, self.Name)
	if diff := cmp.Diff([]string{me, named(two.Process.Pid, "worker two")}, names(listeners[0])); diff != "" {
		t.Errorf("of the first (-want +got)\n%s", diff)
	}
	all := []string{me, named(one.Process.Pid, hostileName), named(two.Process.Pid, "worker two")}
	if diff := cmp.Diff(all, names(listeners[1])); diff != "" {
		t.Errorf("of the shared one (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(names(listeners[0]), names(listeners[2])); diff != "" {
		t.Errorf("a listener that is told twice (-first +second)\n%s", diff)
	}
	if p := listeners[0].Processes[0]; p.Start != self.Start || p.Cgroup != self.Cgroup || p.Cgroup == "" {
		t.Errorf("process is %+v, want %+v", p, self)
	}
}

func TestOwnersFollow(t *testing.T) { eachWay(t, ownersFollow) }

func ownersFollow(t *testing.T, open func(testing.TB) *owners) {
	ns := newNamespace(t, 0)
	fd, _ := ns.listen(t, "127.0.0.1:80", 1)
	worker := sleeper(t, "worker", file(t, fd))
	o := open(t)
	l := []queue.Listener{{Inode: inode(t, fd)}}
	o.fill(l)
	if len(l[0].Processes) != 2 {
		t.Fatalf("owners are %q", names(l[0]))
	}
	kept := l[0].Processes

	end(worker)
	o.fill(l)
	if len(l[0].Processes) != 2 {
		t.Errorf("looked again at once: %q", names(l[0]))
	}
	o.check.last = o.check.last.Add(-time.Hour) // which sees it, and the search has to wait
	o.fill(l)
	o.later()
	o.fill(l)
	if len(l[0].Processes) != 1 || l[0].Processes[0].PID != os.Getpid() {
		t.Errorf("a worker has ended, owners are %q", names(l[0]))
	}
	if len(kept) != 2 || kept[1].Name != "worker" {
		t.Errorf("processes of an earlier sample have changed: %+v", kept)
	}

	second := sleeper(t, "second", file(t, fd))
	o.later()
	o.fill(l)
	if len(l[0].Processes) != 2 || l[0].Processes[1].PID != second.Process.Pid {
		t.Errorf("another worker came, owners are %q", names(l[0]))
	}

	other, _ := ns.listen(t, "127.0.0.1:81", 1)
	l[0] = queue.Listener{Inode: inode(t, other)}
	missing := o.fill(l)
	if l[0].Processes != nil || len(missing) != 1 || !strings.Contains(missing[0].Why, "not yet searched for") {
		t.Errorf("a socket that came just after a search: %q, missing %+v", names(l[0]), missing)
	}
	o.later()
	if missing := o.fill(l); missing != nil || len(l[0].Processes) != 1 {
		t.Errorf("a socket that came after a search: %q, missing %+v", names(l[0]), missing)
	}
	if len(o.known) != 1 {
		t.Errorf("%d sockets are remembered, want 1", len(o.known))
	}
}

// A socket that nobody has is not searched for at each sample.
func TestOwnersOfNobody(t *testing.T) { eachWay(t, ownersOfNobody) }

func ownersOfNobody(t *testing.T, open func(testing.TB) *owners) {
	o := open(t)
	l := []queue.Listener{{Inode: 0}, {Inode: 1<<32 - 1}}
	for range 2 {
		if missing := o.fill(l); len(missing) != 2 || l[0].Processes != nil || l[1].Processes != nil {
			t.Errorf("missing %+v of %+v", missing, l)
		}
	}
	first := o.search.last
	if o.fill(l); o.search.last != first {
		t.Error("searched again at once")
	}
}

// The processes of other users are unknown to one who may not look, and told so.
func TestOwnersUnprivileged(t *testing.T) {
	const variable = "LISTENQ_TEST_INODE"
	if text := os.Getenv(variable); text != "" {
		inode, err := strconv.ParseUint(text, 10, 32)
		check(t, err)
		l := []queue.Listener{{Inode: uint32(inode), Address: netip.MustParseAddrPort("127.0.0.1:80")}}
		fmt.Printf("missing %+v of %q\n", newOwners().fill(l), names(l[0]))
		return
	}
	ns := newNamespace(t, 0)
	fd, _ := ns.listen(t, "127.0.0.1:80", 1)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestOwnersUnprivileged$")
	cmd.Env = append(os.Environ(), variable+"="+fmt.Sprint(inode(t, fd)))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	check(t, err)
	for _, want := range []string{"What:processes of 127.0.0.1:80 Why:may not look at the descriptors of ", "Hint:run as root", " of []\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
}

// some are so many listeners.
func some(n int) (u unknown) {
	for port := range n {
		u.add(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), uint16(port+1)))
	}
	return u
}

func TestLost(t *testing.T) {
	const anybody = "run as root (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH)"
	tests := []struct {
		name   string
		lost   lost
		denied int
		root   bool
		want   []queue.Missing
	}{
		{"none", lost{}, 3, false, nil},
		{"denied", lost{unowned: some(2)}, 3, false, []queue.Missing{{What: "processes of 10.0.0.1:1, 10.0.0.1:2", Why: "may not look at the descriptors of 3 processes", Hint: anybody, Owners: true}}},
		{"denied to root", lost{unowned: some(1)}, 1, true, []queue.Missing{{
			Owners: true, What: "processes of 10.0.0.1:1", Why: "may not look at the descriptors of 1 process",
			Hint: "look at the capabilities of this root, and at what its security module forbids",
		}}},
		{"hidden", lost{unowned: some(1)}, 0, false, []queue.Missing{{
			Owners: true, What: "processes of 10.0.0.1:1", Why: "no process in this /proc has it open; those of others may be hidden", Hint: anybody,
		}}},
		{"the kernel's, or not here", lost{kernels: some(1), unowned: some(5)}, 0, true, []queue.Missing{
			{What: "processes of 10.0.0.1:1", Why: "no file belongs to it: it is the kernel's own, or being closed", Owners: true},
			{What: "processes of 10.0.0.1:1, 10.0.0.1:2, 10.0.0.1:3 and of 2 more", Why: "the kernel's own, of another PID namespace, or in io_uring alone", Owners: true},
		}},
		{"too early", lost{unsearched: some(1)}, 0, true, []queue.Missing{{
			Owners: true, What: "processes of 10.0.0.1:1", Why: "not yet searched for: the last search took 40 ms, and the next one has to wait",
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.lost.report(40*time.Millisecond, tt.denied, tt.root)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestParseSocketLink(t *testing.T) {
	tests := []struct {
		link  string
		inode uint32
		ok    bool
	}{
		{"socket:[4294967295]", 4294967295, true},
		{"socket:[4294967296]", 0, false},
		{"socket:[12", 12, false},
		{"socket:[]", 0, false},
		{"socket:[-1]", 0, false},
		{"pipe:[12]", 0, false},
		{"", 0, false},
	}
	for _, tt := range tests {
		inode, ok := parseSocketLink([]byte(tt.link))
		if ok != tt.ok || ok && inode != tt.inode {
			t.Errorf("parse %q: %d, %t, want %d, %t", tt.link, inode, ok, tt.inode, tt.ok)
		}
	}
}

func FuzzSocketLink(f *testing.F) {
	f.Add([]byte("socket:[12]"))
	f.Fuzz(func(t *testing.T, link []byte) {
		inode, ok := parseSocketLink(link)
		if want := strings.TrimLeft(strings.TrimSuffix(strings.TrimPrefix(string(link), "socket:["), "]"), "0"); ok && inode != 0 && fmt.Sprint(inode) != want {
			t.Errorf("parse %q: %d", link, inode)
		}
	})
}
