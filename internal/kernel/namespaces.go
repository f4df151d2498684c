package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// netns is a network namespace that a Host looks at, and what it has open there.
// While it is open the namespace lives, even without a process.
type netns struct {
	foundNetns
	label     string
	fd        int    // of the namespace
	inode     uint64 // of its net/snmp, which anyone may learn
	sockets   source
	lost      *loss // nil: sockets is a Diag
	counters  *CounterReader
	sysctls   map[string]string
	sysctlsAt time.Duration
	queues
}

// source shows the sockets of one network namespace: a *Diag, or a *procTable
// where that is all there is.
type source interface {
	Dump(Request, func(*Socket) error) error
	Close() error
}

// loss is why there is no sock_diag, and what would help.
type loss struct {
	why  error
	hint string
}

var listenOnly = States(evidence.Listen)

// openOwnNetns opens the namespace of the calling thread. It needs no privilege.
func openOwnNetns(in []byte) (*netns, error) {
	n := &netns{foundNetns: foundNetns{path: threadFile("ns/net")}}
	id, err := n.openFile()
	if err != nil {
		return nil, err
	}
	n.id = id
	if err := n.openInside(in); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

// openNetns opens a namespace that was found.
func openNetns(found foundNetns, in []byte) (*netns, error) {
	n := &netns{foundNetns: found}
	id, err := n.openFile()
	if err != nil {
		return nil, err
	}
	if id != n.id { // the process has gone, and another one has its ID
		return nil, errors.Join(os.ErrNotExist, n.close())
	}
	n.label = n.findLabel()
	err = InNetns(n.fd, func() error { return n.openInside(in) })
	if errors.Is(err, unix.EPERM) && n.sockets == nil && n.pid != "" {
		err = n.openOutside(err, in)
	}
	if err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

func (n *netns) openFile() (id queue.NetnsID, err error) {
	if n.fd, err = unix.Open(n.path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return 0, fmt.Errorf("open %s: %w", n.path, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(n.fd, &st); err != nil {
		return 0, errors.Join(os.NewSyscallError("fstat", err), unix.Close(n.fd))
	}
	return queue.NetnsID(st.Ino), nil
}

// openInside opens everything on a thread that is in the namespace.
func (n *netns) openInside(in []byte) error {
	diag, err := openWorkingDiag(in)
	if err == nil {
		n.sockets = diag
	} else if err := n.openTable(threadFile("net/"), &loss{why: err, hint: diagHint(err)}, in); err != nil {
		return err
	}
	n.sysctls = readSysctls()
	return n.openCounters(threadFile("net/"))
}

// openOutside opens what /proc shows of the namespace of a process, which may be
// read without entering it (get_proc_task_net, fs/proc/proc_net.c).
func (n *netns) openOutside(why error, in []byte) error {
	dir := "/proc/" + n.pid + "/net/"
	if err := n.openTable(dir, &loss{why: why, hint: "run as root"}, in); err != nil {
		return err
	}
	return n.openCounters(dir)
}

func (n *netns) openTable(dir string, lost *loss, in []byte) error {
	table, err := openProcTable(dir, in)
	if err != nil {
		return errors.Join(lost.why, err)
	}
	n.sockets, n.lost = table, lost
	return nil
}

func (n *netns) openCounters(dir string) (err error) {
	if n.counters, err = openCounters(dir, snmp, netstat); err != nil {
		return err
	}
	n.inode, err = n.counters.inode()
	return err
}

// openWorkingDiag opens a Diag that has been seen to answer: a kernel that lacks
// the module tcp_diag says so at the first dump.
func openWorkingDiag(in []byte) (*Diag, error) {
	d, err := openDiag(in)
	if err != nil {
		return nil, err
	}
	// The cheapest: sockets of no state, for which the kernel walks over nothing.
	err = d.Dump(Request{Family: unix.AF_INET}, func(*Socket) error { return nil })
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// diagHint is what gives sock_diag where it failed so.
func diagHint(err error) string {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EOPNOTSUPP):
		return "modprobe tcp_diag"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.EAFNOSUPPORT):
		return "allow sockets of AF_NETLINK (RestrictAddressFamilies= of a unit, the seccomp profile of a container)"
	case errors.Is(err, unix.EPROTONOSUPPORT):
		return "a kernel with CONFIG_INET_DIAG"
	}
	return ""
}

// close closes what is open. Whatever it held is let go.
func (n *netns) close() error {
	errs := []error{os.NewSyscallError("close", unix.Close(n.fd))}
	if n.sockets != nil {
		errs = append(errs, n.sockets.Close())
	}
	if n.counters != nil {
		errs = append(errs, n.counters.Close())
	}
	return errors.Join(errs...)
}

// findLabel is what to call the namespace: as `ip netns` does, or else as the
// container or unit of the first process in it is called, or that process, or the
// file that keeps it.
func (n *netns) findLabel() string {
	if dir, name := path.Split(n.mount); dir == "/run/netns/" || dir == "/var/run/netns/" {
		return name
	}
	if pid, err := strconv.Atoi(n.pid); err == nil {
		if p, err := readProcess(pid); err == nil {
			return cmp.Or(p.Unit, p.Name)
		}
	}
	if n.mount != "" {
		return path.Base(n.mount)
	}
	return ""
}

// refreshSysctls reads the settings again if they are old.
func (n *netns) refreshSysctls(now time.Duration) {
	if now-n.sysctlsAt < sysctlsHold || n.sysctls == nil {
		return
	}
	n.sysctlsAt = now
	read := func() error {
		n.sysctls = readSysctls()
		return nil
	}
	if id, err := threadNetns(); err == nil && id == n.id {
		read()
	} else if err := InNetns(n.fd, read); err != nil {
		n.sysctls = nil
	}
}

// threadNetns is the network namespace of the calling thread.
func threadNetns() (queue.NetnsID, error) {
	var st unix.Stat_t
	if err := unix.Stat(threadFile("ns/net"), &st); err != nil {
		return 0, fmt.Errorf("stat own network namespace: %w", err)
	}
	return queue.NetnsID(st.Ino), nil
}
