package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"listenq/internal/queue"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const ordinary = 1_717_171 // a user who has nothing else on this machine

// inhabited starts a process in a network namespace of its own.
func inhabited(t testing.TB) (namespace, func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	// cat waits for its input to end; it starts faster than the test binary.
	in, out, err := os.Pipe()
	check(t, err)
	process, err := os.StartProcess("/bin/cat", []string{"cat"}, &os.ProcAttr{
		Files: []*os.File{in, os.Stderr, os.Stderr}, Sys: &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL},
	})
	check(t, err)
	check(t, in.Close())
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", process.Pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	check(t, err)
	end := func() {
		out.Close()
		process.Wait()
		unix.Close(fd)
		fd = -1
	}
	t.Cleanup(func() {
		if fd >= 0 {
			end()
		}
	})
	return namespace{fd}, end
}

// lookAgain makes a Host look for namespaces at the next sample.
func lookAgain(h *Host) { h.lookAt = 0 }

// spare is how many descriptors are open that are not a Host's in its namespaces.
func spare(t testing.TB, h *Host) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	check(t, err)
	const each = 4 // the namespace, its sock_diag, two files of counters
	return len(all) - each*len(h.namespaces)
}

func TestHostNamespaces(t *testing.T) {
	many := 300
	if testing.Short() {
		many = 60
	}
	own := newNamespace(t, 0)
	own.listen(t, "127.0.0.1:80", 1)
	h := own.host(t, HostOptions{Namespaces: true, Requests: true, Waiting: true, Budget: 0.01})
	sample(t, h)
	before := spare(t, h)

	ids := map[queue.NetnsID]uint16{}
	var ends []func()
	for i := range many {
		ns, end := inhabited(t)
		port := uint16(1000 + i)
		ns.listen(t, fmt.Sprintf("0.0.0.0:%d", port), 8)
		ids[ns.id(t)] = port
		ends = append(ends, end)
	}
	lookAgain(h)
	s := sample(t, h)
	if s.Namespaces[0].ID != own.id(t) || len(s.Missing) > 0 {
		t.Errorf("namespaces begin with %d, want %d; missing is %v", s.Namespaces[0].ID, own.id(t), s.Missing)
	}
	listening := 0
	for _, l := range s.Listeners {
		if port, ours := ids[l.Netns]; ours && l.Address.Port() == port {
			listening++
		}
	}
	if listening != many {
		t.Errorf("%d listeners are where they were made, want %d", listening, many)
	}
	for id := range ids {
		if n := s.Namespace(id); n == nil || n.Name == "" || n.Host || n.Sysctls["net.core.somaxconn"] == "" {
			t.Fatalf("namespace is %+v", n)
		}
	}
	checkHostNamespace(t, &s)

	for _, end := range ends {
		end()
	}
	s = sample(t, h) // before it is known that they are gone
	lookAgain(h)
	s = sample(t, h)
	for id := range ids {
		if s.Namespace(id) != nil {
			t.Errorf("namespace %d is still there", id)
		}
	}
	const listener = 1 // of each namespace, still open
	if now := spare(t, h) - many*listener; now != before {
		t.Errorf("%d descriptors are open, %d were before", now, before)
	}
}

// One namespace is that of PID 1, which not even every root may look at.
func checkHostNamespace(t *testing.T, s *queue.Sample) {
	t.Helper()
	var st unix.Stat_t
	err := unix.Stat("/proc/1/ns/net", &st)
	hosts := 0
	for _, n := range s.Namespaces {
		if n.Host {
			hosts++
		}
		if err == nil && n.Host != (n.ID == queue.NetnsID(st.Ino)) {
			t.Errorf("namespace %d: host is %t, that of PID 1 is %d", n.ID, n.Host, st.Ino)
		}
	}
	if hosts != 1 {
		t.Errorf("%d namespaces are the host's, want 1", hosts)
	}
}

// A namespace without a process is found by the file that keeps it, and named after it.
func TestHostNamedNamespace(t *testing.T) {
	named := newNamespace(t, 0)
	named.listen(t, "127.0.0.1:80", 1)
	result := make(chan error)
	var s queue.Sample
	go func() {
		runtime.LockOSThread() // and never unlocked: the mounts are this thread's
		result <- sampleNamed(named, &s)
	}()
	check(t, <-result)
	n := s.Namespace(named.id(t))
	if n == nil || n.Name != "blue \\ green" {
		t.Fatalf("namespace is %+v among %+v", n, s.Namespaces)
	}
	if at(t, &s, "127.0.0.1:80").Netns != named.id(t) {
		t.Errorf("listeners are %+v", s.Listeners)
	}
}

func sampleNamed(named namespace, s *queue.Sample) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("none", "/run", "tmpfs", 0, ""); err != nil {
		return err
	}
	file := "/run/netns/blue \\ green"
	err := errors.Join(os.Mkdir("/run/netns", 0o755), os.WriteFile(file, nil, 0),
		unix.Mount(fmt.Sprintf("/proc/self/fd/%d", named.fd), file, "", unix.MS_BIND, ""))
	if err != nil {
		return err
	}
	h, err := OpenHost(HostOptions{Namespaces: true})
	if err != nil {
		return err
	}
	return errors.Join(h.Sample(s), h.Close())
}

// An ordinary user sees the listeners of the own namespace whole, and is told that
// there are others.
func TestHostUnprivileged(t *testing.T) {
	inhabited(t)
	for _, tt := range []struct {
		name  string
		flags uintptr
	}{{"in the host's namespace", 0}, {"in a namespace of its own", unix.CLONE_NEWNET | unix.CLONE_NEWUSER}} {
		t.Run(tt.name, func(t *testing.T) {
			attr := syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinary, Gid: ordinary}, Cloneflags: tt.flags}
			what := "sample"
			if tt.flags != 0 {
				what = "sample-netns"
				attr.Credential = &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true}
				attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: ordinary, Size: 1}}
				attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: ordinary, Size: 1}}
			}
			s := sampleAs(t, what, attr)
			l := at(t, &s, "127.0.0.1:8080")
			if l.AcceptLimit != 9 || !l.Drops.Known || !l.SynLen.Known || l.Cookie == 0 {
				t.Errorf("listener is %+v", l)
			}
			if len(s.Namespaces) != 1 || s.Namespaces[0].Host != (tt.flags == 0) {
				t.Errorf("namespaces are %+v", s.Namespaces)
			}
			if told := hasMissing(&s, "other network namespace"); told != (tt.flags == 0) {
				t.Errorf("missing is %+v", s.Missing)
			}
		})
	}
}

// Where sock_diag is forbidden /proc/net/tcp tells what it can.
func TestHostWithoutDiag(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	s := sampleAs(t, "sample-no-diag", syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET})
	l := *at(t, &s, "[::1]:8081")
	want := queue.Listener{
		Address: l.Address, Netns: s.Namespaces[0].ID, Inode: l.Inode, AcceptLen: 1, AcceptLimit: queue.NoLimit,
		SynLen: queue.Known(0), Waiting: &queue.Waiting{Len: 1},
	}
	if diff := cmp.Diff(want, l, cmp.Comparer(sameAddrPort)); diff != "" || l.Inode == 0 {
		t.Errorf("listener (-want +got):\n%s", diff)
	}
	if !hasMissing(&s, "limits, drops and waits") || !hasMissing(&s, "operation not permitted") || !hasMissing(&s, "AF_NETLINK") {
		t.Errorf("missing is %+v", s.Missing)
	}
	if drops, known := s.Namespaces[0].Counters.Get("TcpExtListenDrops"); !known || drops != 0 || s.Namespaces[0].Sysctls["net.core.somaxconn"] == "" {
		t.Errorf("namespace is %+v", s.Namespaces[0])
	}
}

// A namespace that may not be entered is read as far as /proc shows it.
func TestOpenOutside(t *testing.T) {
	ns, _ := inhabited(t)
	ns.listen(t, "127.0.0.1:80", 3)
	s, err := surveyNetns()
	check(t, err)
	i := 0
	for s.found[i].id != ns.id(t) {
		i++
	}
	n := &netns{foundNetns: s.found[i]}
	_, err = n.openFile()
	check(t, err)
	check(t, n.openOutside(unix.EPERM, make([]byte, bufferSize)))
	defer n.close()
	var addresses []string
	check(t, n.sockets.Dump(Request{States: listenOnly}, func(s *Socket) error {
		addresses = append(addresses, s.Local.String())
		return nil
	}))
	if diff := cmp.Diff([]string{"127.0.0.1:80"}, addresses); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
	if inode, ok := procNetInode("/proc/" + n.pid + "/net/"); !ok || inode != n.inode {
		t.Errorf("inode of net/snmp is %d (%t), of the open one %d", inode, ok, n.inode)
	}
}

func TestOpenNetnsOfAnother(t *testing.T) {
	ns, _ := inhabited(t)
	_, err := openNetns(foundNetns{id: ns.id(t) + 1, path: fmt.Sprintf("/proc/self/fd/%d", ns.fd)}, nil)
	if !vanished(err) {
		t.Errorf("error %v, want that of one that has gone", err)
	}
}

func TestRefusals(t *testing.T) {
	r := refusals{}
	r.add(fmt.Errorf("open /proc/1/ns/net: %w", unix.EMFILE))
	r.add(fmt.Errorf("open /proc/2/ns/net: %w", unix.EMFILE))
	r.add(fmt.Errorf("enter network namespace: %w", unix.EPERM))
	want := []queue.Missing{
		{What: "1 other network namespace", Why: "enter network namespace: operation not permitted", Hint: "run as root (CAP_SYS_ADMIN)"},
		{What: "2 other network namespaces", Why: "open /proc/1/ns/net: too many open files", Hint: "raise the limit on open files (ulimit -n): four for each namespace"},
		{What: "3 other network namespaces", Why: "the network namespaces of other users' processes cannot be read", Hint: "run as root (CAP_SYS_PTRACE, CAP_SYS_ADMIN)"},
	}
	if diff := cmp.Diff(want, r.missing(3)); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

func TestParseNetnsMount(t *testing.T) {
	tests := []struct {
		line string
		id   queue.NetnsID
		at   string
	}{
		{"86 30 0:4 net:[4026532221] /run/netns/blue rw shared:46 - nsfs nsfs rw\n", 4026532221, "/run/netns/blue"},
		{`86 30 0:4 net:[4026532221] /run/netns/a\040b\134c rw - nsfs nsfs rw`, 4026532221, `/run/netns/a b\c`},
		{`86 30 0:4 net:[4026532221] /run/netns/\777\04 rw - nsfs nsfs rw`, 4026532221, `/run/netns/\777\04`},
		{"86 30 0:4 mnt:[4026532221] /run/mnt rw - nsfs nsfs rw", 0, ""},
		{"86 30 0:4 net:[4026532221 /run/netns/blue rw - nsfs nsfs rw", 0, ""},
		{"86 30 0:4 net:[0] /run/netns/blue rw - nsfs nsfs rw", 0, ""},
		{"86 30 0:4 net:[4026532221] /run/netns/blue rw - ext4 nsfs rw", 0, ""}, // a folder of that name
		{"86 30 0:4 / / rw - overlay overlay rw", 0, ""},
		{"86 30 0:4", 0, ""},
		{"", 0, ""},
	}
	for _, tt := range tests {
		id, at, ok := parseNetnsMount([]byte(tt.line))
		if ok != (tt.id != 0) || ok && (id != tt.id || at != tt.at) {
			t.Errorf("%q: %d at %q (%t), want %d at %q", tt.line, id, at, ok, tt.id, tt.at)
		}
	}
}

func FuzzParseNetnsMount(f *testing.F) {
	f.Add([]byte(`86 30 0:4 net:[4026532221] /run/netns/a\040b rw shared:46 - nsfs nsfs rw`))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, at, ok := parseNetnsMount(b)
		if ok && (id == 0 || len(at) > len(b)) {
			t.Errorf("%d at %q of %q", id, at, b)
		}
		if ok && !strings.Contains(string(b), `\`) && !strings.Contains(string(b), filepath.Base(at)) && at != "" {
			t.Errorf("%q is not in %q", at, b)
		}
	})
}
