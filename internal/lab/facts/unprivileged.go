package facts

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"listenq/internal/answer"
	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/settings"
	"listenq/internal/queue"
)

// ordinary is a user without rights (nobody, include/linux/highuid.h).
const ordinary = 65534

// onThread calls fn on a thread of its own, which ends with what fn did to it.
func onThread(fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		done <- fn()
	}()
	return <-done
}

// dropThread takes the calling thread's capabilities and, where it is root's, gives it
// another user's id. Other threads keep their rights: package unix would change the
// ids of all.
func dropThread() error {
	if os.Geteuid() == 0 {
		for _, call := range [...]uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} {
			if _, _, errno := unix.RawSyscall(call, ordinary, ordinary, ordinary); errno != 0 && errno != unix.EINVAL { // no such id here: go on as who we are
				return fmt.Errorf("become an ordinary user: %w", errno)
			}
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	return nil
}

// look is something that a caller without rights may be able to see.
type look struct {
	name            string
	ifTrue, ifFalse string
	how             string
}

// The looks inside a sandbox, at sockets of another user in a namespace of their own.
var looks = [...]look{
	{"unprivileged_listeners", "Everybody sees the queues and drops of all listeners of their network namespace.", "Only root sees the queues and drops of listeners.", "sock_diag asked without rights; kernel source: inet_diag_dump_icsk, net/ipv4/inet_diag.c"},
	{"unprivileged_waiting", "Everybody sees who waits in an accept queue, and for how long.", "Only root sees for how long connections have been waiting in an accept queue.", "sock_diag with TCP_INFO asked without rights; kernel source: inet_sk_diag_fill, net/ipv4/inet_diag.c"},
}

// Unprivileged makes a listener with one connection waiting and looks at it
// without rights.
func Unprivileged(box *sandbox.Inside) []answer.Fact {
	netns, err := box.NewNetns()
	if err != nil {
		return UnknownLooks(err)
	}
	defer netns.Close()
	var seen [len(looks)]error
	err = onThread(func() error {
		if err := unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		port, closeAll, err := waitingClient()
		defer closeAll()
		if err == nil {
			err = dropThread()
		}
		if err == nil {
			seen = [...]error{seeListener(port), seeWaiting(port)}
		}
		return err
	})
	if err != nil {
		return UnknownLooks(err)
	}
	var all []answer.Fact
	for i, l := range looks {
		all = append(all, l.fact(seen[i]))
	}
	return all
}

// waitingClient connects to a listener on loopback that does not accept.
func waitingClient() (port uint16, closeAll func(), err error) {
	server, client, closeAll, err := SocketPair()
	if err != nil {
		return 0, closeAll, err
	}
	to, err := ListenOnLoopback(server)
	if err != nil {
		return 0, closeAll, err
	}
	if err := unix.Connect(client, to); err != nil {
		return 0, closeAll, fmt.Errorf("connect: %w", err)
	}
	return uint16(to.Port), closeAll, nil
}

// SocketPair opens two TCP sockets. closeAll closes what is open, after an error, too.
func SocketPair() (server, client int, closeAll func(), err error) {
	var open []int
	closeAll = func() {
		for _, fd := range open {
			unix.Close(fd)
		}
	}
	for range 2 {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return 0, 0, closeAll, fmt.Errorf("open socket: %w", err)
		}
		open = append(open, fd)
	}
	return open[0], open[1], closeAll, nil
}

// ListenOnLoopback listens with a backlog of 1 and returns where.
func ListenOnLoopback(fd int) (*unix.SockaddrInet4, error) {
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, fmt.Errorf("bind: %w", err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return nil, fmt.Errorf("getsockname: %w", err)
	}
	return name.(*unix.SockaddrInet4), nil
}

var errNotShown = errors.New("it is not shown")

func seeListener(port uint16) error {
	return dump(kernel.Request{Family: unix.AF_INET, States: kernel.States(evidence.Listen), LocalPort: port, Memory: true}, func(s *kernel.Socket) bool {
		return s.RecvQ == 1 && s.SendQ == 1 && s.Memory.Drops().Known
	})
}

func seeWaiting(port uint16) error {
	return dump(kernel.Request{Family: unix.AF_INET, States: kernel.States(evidence.Established), LocalPort: port, Info: true}, func(s *kernel.Socket) bool {
		_, ok := s.Info.LastDataSent()
		return s.Inode == 0 && ok
	})
}

// dump looks for a socket that shows what is wanted.
func dump(r kernel.Request, shows func(*kernel.Socket) bool) error {
	d, err := kernel.OpenDiag()
	if err != nil {
		return err
	}
	defer d.Close()
	shown := errNotShown
	err = d.Dump(r, func(s *kernel.Socket) error {
		if shows(s) {
			shown = nil
		}
		return nil
	})
	return errors.Join(err, shown)
}

func seeCounters() error {
	r, err := kernel.OpenCounters()
	if err != nil {
		return err
	}
	defer r.Close()
	var c queue.Counters
	if err := r.Read(&c); err != nil {
		return err
	}
	if _, ok := c.Get("TcpExtListenOverflows"); !ok {
		return errNotShown
	}
	return nil
}

// fact is what came of a look. That it is denied is an answer, other errors are none.
func (l look) fact(err error) answer.Fact {
	f := answer.Fact{Name: l.name, Group: answer.GroupUnprivileged, Meaning: l.ifTrue, How: l.how}
	switch {
	case err == nil:
		f.Value = true
	case errors.Is(err, os.ErrPermission), errors.Is(err, errNotShown), errors.Is(err, os.ErrNotExist):
		f.Value, f.Meaning = false, l.ifFalse
	default:
		f.UnknownBecause = err.Error()
	}
	return f
}

func UnknownLooks(err error) (all []answer.Fact) {
	for _, l := range looks {
		all = append(all, answer.Fact{Name: l.name, Group: answer.GroupUnprivileged, Meaning: l.ifTrue, How: l.how, UnknownBecause: err.Error()})
	}
	return all
}

// outsideLooks are those at the machine itself.
var outsideLooks = []struct {
	look
	see func() error
}{
	{look{"unprivileged_owners", "Everybody sees which process has a listener open, whoever runs it.", "Only root, and who runs the process, sees whose a listener is.", "readlink of the descriptors of another user's process, without rights; kernel source: proc_fd_permission, fs/proc/fd.c"},
		func() error { _, err := os.ReadDir("/proc/1/fd"); return err }},
	{look{"unprivileged_namespaces", "Everybody can run experiments: they may make user namespaces.", "Without root there are no experiments: user namespaces are not allowed.", "clone with CLONE_NEWUSER and CLONE_NEWNET, without rights; kernel source: create_user_ns, kernel/user_namespace.c"}, cloneNamespaces},
	{look{"unprivileged_counters", "Everybody can read the counters of their network namespace.", "Only root can read the counters.", "/proc/net/netstat and /proc/net/snmp read without rights; kernel source: netstat_seq_show, net/ipv4/proc.c"}, seeCounters},
	{look{"unprivileged_other_counters", "Everybody can read the counters of other namespaces by /proc/PID/net.", "Only root can read the counters of namespaces that others are in.", "/proc/1/net/netstat read without rights; kernel source: get_proc_task_net, fs/proc/proc_net.c"},
		func() error { _, err := os.ReadFile("/proc/1/net/netstat"); return err }},
}

// Outside are what the machine shows to a caller without rights.
func Outside() []answer.Fact {
	var all []answer.Fact
	err := onThread(func() error {
		if err := dropThread(); err != nil {
			return err
		}
		for _, l := range outsideLooks {
			all = append(all, l.fact(l.see()))
		}
		return nil
	})
	if err != nil {
		all = nil
		for _, l := range outsideLooks {
			all = append(all, answer.Fact{Name: l.name, Group: answer.GroupUnprivileged, Meaning: l.ifTrue, How: l.how, UnknownBecause: err.Error()})
		}
	}
	if own, ok := ownsInit(); ok && own {
		all[0].Value, all[0].UnknownBecause = nil, "process 1, which was to be looked at, is the caller's own"
	}
	return append(all, unprivilegedBPF())
}

// ownsInit reports whether process 1 is of the user that looks.
func ownsInit() (own, ok bool) {
	var init unix.Stat_t
	if err := unix.Stat("/proc/1", &init); err != nil || os.Geteuid() == 0 {
		return false, false
	}
	return int(init.Uid) == os.Geteuid(), true
}

// cloneNamespaces starts a process in new namespaces that ends before it is one: what
// it is to execute does not exist.
func cloneNamespaces() error {
	attr := &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET}}
	_, err := syscall.ForkExec("/proc/self/no-such-file", []string{"none"}, attr)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return os.ErrPermission // a limit of 0, or a kernel without
	}
	return err
}

// unprivilegedBPF reads the setting that keeps eBPF for root.
func unprivilegedBPF() answer.Fact {
	const name = "kernel.unprivileged_bpf_disabled"
	f := answer.Fact{Name: "unprivileged_bpf", Group: answer.GroupUnprivileged, Meaning: "Everybody may load eBPF programs that filter their own sockets; none that trace.",
		How: "read " + settings.Path(name) + ": 0; kernel source: bpf_prog_load, kernel/bpf/syscall.c"}
	text, err := os.ReadFile(settings.Path(name))
	if err != nil {
		f.UnknownBecause = err.Error()
		return f
	}
	allowed := strings.TrimSpace(string(text)) == "0"
	f.Value = allowed
	f.Meaning = Either(allowed, f.Meaning, "Only root, or who has CAP_BPF, may load eBPF programs.")
	return f
}
