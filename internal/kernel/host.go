package kernel

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// HostOptions say what a Host looks at beyond the listeners' own rows, the counters
// and the settings.
type HostOptions struct {
	Namespaces bool // all network namespaces that the caller may enter; else the caller's alone
	Processes  bool // fill Listener.Processes
	Requests   bool // fill Listener.SynLen: a walk over the kernel's hash table of connections
	Waiting    bool // fill Listener.Waiting where an accept queue is not empty: the walk that counts SynLen, too

	// Budget is the share of a core that walks may take. What they found is used
	// with its age until the next one. Namespaces that drop may take ten times as
	// much on top. With 0 there is a walk at every sample.
	Budget float64
}

// Host looks at the listeners of the running kernel, again and again. It is not
// safe for concurrent use.
type Host struct {
	options HostOptions
	start   time.Time
	release string
	counts  bool // the drops of listeners; where they should not be, one that is not 0 shows that they are
	samples uint64
	in      []byte // what all sockets read into

	namespaces []*netns // the caller's first
	hostInode  uint64   // of net/snmp of PID 1; 0: not known
	lookAt     time.Duration
	missing    []queue.Missing // as of the last look

	owners       *owners
	families     []int    // those of the listeners of one namespace
	groups       []*group // that of each listener
	order        []*netns
	calm, urgent budget
}

// OpenHost opens a Host. The caller's network namespace is that of the calling
// thread. It needs no privilege: what needs one is missing from its samples, which
// tell so. While a namespace is open it lives, up to a second longer than its
// last process as long as samples are taken.
func OpenHost(o HostOptions) (*Host, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return nil, os.NewSyscallError("uname", err)
	}
	h := &Host{
		options: o, start: time.Now(), release: unix.ByteSliceToString(name.Release[:]),
		counts: countsDrops(unix.ByteSliceToString(name.Release[:])),
		in:     make([]byte, bufferSize), owners: newOwners(),
		calm: budget{share: o.Budget}, urgent: budget{share: urgently * o.Budget},
	}
	own, err := openOwnNetns(h.in)
	if err != nil {
		return nil, err
	}
	h.namespaces = []*netns{own}
	h.hostInode, _ = procNetInode("/proc/1/net/")
	return h, nil
}

// Close closes all that is open.
func (h *Host) Close() error {
	var errs []error
	for _, n := range h.namespaces {
		errs = append(errs, n.close())
	}
	h.namespaces = nil
	errs = append(errs, h.owners.close())
	return errors.Join(errs...)
}

// Sample fills s anew and reuses its slices: a copy of s is not to be kept. Its T
// is since OpenHost. A listener or a namespace that vanishes meanwhile is left out.
// The error says that not even the caller's own namespace could be read.
func (h *Host) Sample(s *queue.Sample) error {
	if len(h.namespaces) == 0 {
		return fmt.Errorf("sample the host: %w", os.ErrClosed)
	}
	runtime.LockOSThread() // its CPU time is what walks cost
	defer runtime.UnlockOSThread()
	h.samples++
	s.T, s.Time, s.Kernel = h.since(), time.Now().Round(0), h.release
	h.look(s.T)
	s.Missing = append(s.Missing[:0], h.missing...)
	if err := h.list(s); err != nil {
		return err
	}
	h.doubtDrops(s)
	if err := h.walks(); err != nil {
		s.Missing = append(s.Missing, queue.Missing{What: "requests and waiting connections", Why: err.Error()})
	}
	for i, g := range h.groups {
		g.fill(&s.Listeners[i], s.T)
	}
	if h.options.Processes {
		s.Missing = append(s.Missing, h.owners.fill(s.Listeners)...)
	}
	return nil
}

// since is the time by a clock that never jumps (CLOCK_MONOTONIC).
func (h *Host) since() time.Duration { return time.Since(h.start) }

// firstCapacity is for how many listeners there is room before slices grow: memory that is
// not used is never touched, but what a slice leaves when it grows has been.
const firstCapacity = 4096

func (h *Host) first() bool { return h.samples == 1 }

// list reads listeners, counters and settings of all namespaces. One that cannot
// be read any more is closed, and left to the next look.
func (h *Host) list(s *queue.Sample) (err error) {
	if s.Listeners == nil {
		room := firstCapacity
		if !h.first() {
			room = len(h.groups) + len(h.groups)/8 // as many as before, and some
		}
		s.Listeners = make([]queue.Listener, 0, room)
	}
	s.Listeners, s.Namespaces, h.groups = s.Listeners[:0], s.Namespaces[:0], h.groups[:0]
	for i, n := range h.namespaces {
		failed := h.listOne(s, n)
		if failed == nil {
			continue
		}
		if i == 0 {
			return failed
		}
		s.Missing = append(s.Missing, queue.Missing{What: fmt.Sprintf("network namespace %d", n.id), Why: failed.Error()})
		n.close() // for whatever it is worth: the namespace is given up
		h.namespaces[i], h.lookAt = nil, 0
	}
	h.namespaces = slices.DeleteFunc(h.namespaces, func(n *netns) bool { return n == nil })
	return nil
}

func (h *Host) listOne(s *queue.Sample, n *netns) error {
	listeners := len(s.Listeners)
	h.families = h.families[:0]
	err := n.sockets.Dump(Request{Family: unix.AF_UNSPEC, States: listenOnly, Memory: true}, func(k *Socket) error {
		l := k.Listener()
		l.Netns = n.id
		if n.lost != nil {
			l.AcceptLimit = queue.NoLimit
		}
		s.Listeners = append(s.Listeners, l)
		h.families = append(h.families, k.Family)
		return nil
	})
	into := nextNamespace(s)
	if err == nil {
		h.groups = n.gather(h.groups, s.Listeners[listeners:], h.families, h.samples)
		err = n.counters.Read(&into.Counters)
	}
	if err != nil {
		s.Listeners, h.groups = s.Listeners[:listeners], h.groups[:listeners]
		s.Namespaces = s.Namespaces[:len(s.Namespaces)-1]
		return err
	}
	n.notice(into.Counters)
	n.refreshSysctls(s.T)
	into.ID, into.Name, into.Sysctls = n.id, n.label, n.sysctls
	into.Host = h.isHost(n)
	if first := h.hostSysctls(); !into.Host && first != nil && n.sysctls != nil {
		into.Sysctls, into.Machine = withMachine(n.sysctls, first)
	}
	into.Counters.T = s.T
	return nil
}

// doubtDrops takes what the kernel does not count for unknown, and says so.
func (h *Host) doubtDrops(s *queue.Sample) {
	h.counts = h.counts || slices.ContainsFunc(s.Listeners, func(l queue.Listener) bool { return l.Drops.N > 0 })
	if h.counts {
		return
	}
	for i := range s.Listeners {
		s.Listeners[i].Drops = queue.Count{}
	}
	s.Missing = append(s.Missing, queue.Missing{What: "drops of each listener", Why: "Linux counts them since 4.7; here are those of all together, in ListenOverflows and ListenDrops"})
}

func (h *Host) isHost(n *netns) bool { return h.hostInode != 0 && n.inode == h.hostInode }

// hostSysctls are the settings of the first namespace, as PID 1 of this /proc has it; nil if
// it is not looked at.
func (h *Host) hostSysctls() map[string]string {
	for _, n := range h.namespaces {
		if n != nil && h.isHost(n) {
			return n.sysctls
		}
	}
	return nil
}

// nextNamespace is one more namespace of the sample, with room for its counters.
func nextNamespace(s *queue.Sample) *queue.Namespace {
	all := s.Namespaces
	if len(all) == cap(all) {
		all = append(all, queue.Namespace{})
	} else {
		all = all[:len(all)+1]
	}
	s.Namespaces = all
	n := &all[len(all)-1]
	*n = queue.Namespace{Counters: queue.Counters{Values: n.Counters.Values}}
	return n
}
