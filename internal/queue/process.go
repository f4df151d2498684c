package queue

import (
	"cmp"
	"strings"
)

// Process is one that has a listening socket open.
type Process struct {
	PID     int
	Start   uint64   // when it started, in clock ticks since boot: a PID is used again, both together are not; 0 where not read
	Name    string   // comm: 15 bytes that the process itself chose
	Command []string // its arguments; nil where not read
	Cgroup  string   // path in the unified or the systemd hierarchy
	Unit    string   // what the cgroup says that it is: a systemd unit, a container; empty if nothing
	State   string   // of its main thread as /proc/PID/stat writes it: R, S, D, T, t, Z; empty where not read
	Threads []Thread // nil where not read

	Files    Count // descriptors that it has open, of those below the limit
	MaxFiles Count // the most that it may have open: RLIMIT_NOFILE, the soft limit
}

// Belongs is what the process belongs to: its unit or container, else its control group;
// empty if that is the root of all, or not known.
func (p *Process) Belongs() string { return cmp.Or(p.Unit, strings.TrimSuffix(p.Cgroup, "/")) }

// Stopped reports whether the process is stopped, by a signal (T) or a debugger (t).
func (p *Process) Stopped() bool { return p.State == "T" || p.State == "t" }

// FilesUsedUp reports whether the process has as many descriptors open as it may: accept()
// fails with EMFILE (alloc_fd, fs/file.c).
func (p *Process) FilesUsedUp() bool {
	return p.Files.Known && p.MaxFiles.Known && p.MaxFiles.N > 0 && p.Files.N >= p.MaxFiles.N
}

// Frozen reports whether all threads of the process are frozen with their control group, as
// those of a paused container.
func (p *Process) Frozen() bool {
	for _, t := range p.Threads {
		if !t.frozen() {
			return false
		}
	}
	return len(p.Threads) > 0
}

// frozen reports whether the thread sleeps in __refrigerator (kernel/freezer.c, version 1) or in
// do_freezer_trap (kernel/signal.c, version 2), which compilers put into get_signal: there a
// thread sleeps for nothing else but a stop, which is state T or t.
func (t *Thread) frozen() bool {
	switch t.Wait {
	case "__refrigerator", "do_freezer_trap":
		return true
	}
	return t.Wait == "get_signal" && t.State == "S"
}

// Thread is what one thread of a process does.
type Thread struct {
	Name  string
	State string
	Wait  string // the kernel function or system call in which it sleeps; empty where not known
}
