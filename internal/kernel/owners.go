package kernel

import (
	"cmp"
	"os"
	"slices"
	"time"

	"listenq/internal/kernel/taskfile"
	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// owners finds the processes that have a listening socket open. The kernel knows
// that of descriptors alone, so all of them are looked at, and what was found is
// kept. Inodes of sockets are unique in a machine, so network namespaces do not
// matter here.
//
// A socket without a process is the kernel's own, in flight in a message
// (SCM_RIGHTS), registered with io_uring and closed, or of a process that may not be
// looked at or is not in this /proc.
type owners struct {
	known  map[uint32]*owned // by the inode of the socket
	fills  uint64
	search pause // of all descriptors of all processes
	check  pause // of the descriptors found
	denied int   // how many processes the last search could not look at

	tried bool               // to open files
	files *taskfile.Iterator // nil: not allowed, or not here
}

// owned is a socket that somebody listens on.
type owned struct {
	processes []queue.Process // never changed, as samples share it
	holders   []holder
	searched  bool
	seen      uint64 // the number of the last fill that had it
}

// holder is a descriptor of the socket.
type holder struct {
	process *searched
	link    string // in /proc, "/proc/12/fd/3"
}

// The shares of a core that a search may take: of its own accord, and for a
// socket that was not there before, or a descriptor that is gone.
const (
	searchShare = 0.01
	urgentShare = 0.1
)

// pause is what has to be waited for before the next time.
type pause struct {
	last time.Time // zero: never
	cost time.Duration
}

// over reports whether it may be done again, if it may take that share of a core.
func (p pause) over(now time.Time, share float64) bool {
	return p.last.IsZero() || now.Sub(p.last) >= time.Duration(float64(p.cost)/share)
}

func newOwners() *owners { return &owners{known: map[uint32]*owned{}} }

func (o *owners) close() error {
	if o.files == nil {
		return nil
	}
	files := o.files
	o.files = nil
	return files.Close()
}

// fill sets the Processes of each listener by its Inode, and returns what is missing.
// It allocates nothing for a listener that is known.
func (o *owners) fill(listeners []queue.Listener) []queue.Missing {
	now := time.Now()
	if o.take(listeners) {
		o.refresh(now, urgentShare)
	}
	o.refresh(now, searchShare)
	if o.verify(now) {
		o.refresh(now, urgentShare)
	}
	var without lost
	for i := range listeners {
		l := &listeners[i]
		known := o.known[l.Inode]
		l.Processes = known.processes
		without.add(l, known)
	}
	if without == (lost{}) {
		return nil
	}
	return without.report(o.search.cost, o.denied, os.Geteuid() == 0)
}

// take remembers the listeners, and forgets those that are gone. It reports
// whether there are some that were not searched for.
func (o *owners) take(listeners []queue.Listener) (fresh bool) {
	o.fills++
	distinct := 0
	for i := range listeners {
		known := o.known[listeners[i].Inode]
		if known == nil {
			known = &owned{searched: listeners[i].Inode == 0} // no file, so no descriptor
			o.known[listeners[i].Inode] = known
		}
		if known.seen != o.fills {
			distinct++
		}
		known.seen = o.fills
		fresh = fresh || !known.searched
	}
	if distinct < len(o.known) {
		for inode, known := range o.known {
			if known.seen != o.fills {
				delete(o.known, inode)
			}
		}
	}
	return fresh
}

// verify looks whether the descriptors found are still what they were, where the
// next search is far. It reports whether one of them is not.
func (o *owners) verify(now time.Time) (gone bool) {
	if !o.check.over(now, searchShare) || now.Sub(o.check.last) < time.Second || o.search.last.IsZero() {
		return false
	}
	var link [maxSocketLink]byte
	for inode, known := range o.known {
		for _, h := range known.holders {
			n, err := unix.Readlink(h.link, link[:])
			found, ok := parseSocketLink(link[:max(n, 0)])
			gone = gone || err != nil || !ok || found != inode
		}
	}
	o.check = pause{now, time.Since(now)}
	return gone
}

// refresh searches if that may be done again.
func (o *owners) refresh(now time.Time, share float64) {
	if !o.search.over(now, share) || !o.search.last.IsZero() && now.Sub(o.search.last) < time.Duration(searchShare/share*float64(time.Second)) {
		return
	}
	found := o.find()
	for inode, known := range o.known {
		known.searched = true
		known.hold(found.holders[inode])
	}
	o.denied = found.denied
	o.search = pause{now, found.cost}
	o.check = pause{now, o.check.cost}
}

// find searches by the faster way that works here.
func (o *owners) find() *searching {
	if !o.tried {
		o.files, _ = taskfile.Open() // without, there is /proc
		o.tried = true
	}
	if o.files != nil {
		if s, err := searchFiles(o.files, o.known); err == nil {
			return s
		}
	}
	return searchProc(o.known)
}

// hold takes what a search found.
func (k *owned) hold(holders []holder) {
	slices.SortFunc(holders, func(a, b holder) int { return cmp.Compare(a.process.pid, b.process.pid) })
	k.holders, k.processes = holders, nil
	switch len(holders) {
	case 0:
	case 1:
		k.processes = holders[0].process.self // shared by all that it alone holds
	default:
		for _, h := range holders {
			k.processes = append(k.processes, h.process.self...)
		}
	}
}
