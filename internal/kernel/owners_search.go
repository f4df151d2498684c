package kernel

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"listenq/internal/kernel/taskfile"
	"listenq/internal/queue"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// maxSearchers bounds how many threads a search takes.
const maxSearchers = 4

// namesAtOnce is how many descriptors one searcher looks at before others may help.
const namesAtOnce = 512

// searching is one look at the descriptors of all processes.
type searching struct {
	wanted  map[uint32]*owned // read only
	group   errgroup.Group
	mu      sync.Mutex
	holders map[uint32][]holder
	denied  int
	cost    time.Duration // at most, on all cores together
}

// searched is a process in which something was found.
type searched struct {
	pid  int
	self []queue.Process // itself alone
}

// searchFiles looks for sockets of those inodes by eBPF, which costs 0.4 µs for each
// descriptor of the machine.
func searchFiles(files *taskfile.Iterator, wanted map[uint32]*owned) (*searching, error) {
	start := time.Now()
	s := &searching{wanted: wanted, holders: map[uint32][]holder{}}
	found := map[int]map[uint32]string{}
	err := files.Listeners(func(f taskfile.File) {
		inode := uint32(f.Inode)
		if wanted[inode] == nil || uint64(inode) != f.Inode {
			return
		}
		if found[f.Process] == nil {
			found[f.Process] = map[uint32]string{}
		}
		found[f.Process][inode] = linkOf(f.Thread, strconv.Itoa(f.FD))
	})
	for pid, links := range found {
		s.keep(pid, links)
	}
	s.cost = time.Since(start)
	return s, err
}

func linkOf(task int, fd string) string { return "/proc/" + strconv.Itoa(task) + "/fd/" + fd }

// searchProc looks for sockets of those inodes in /proc, like ss does. It costs 2 to
// 3 µs for each descriptor (proc_pid_readlink, fs/proc/base.c), so it is done by
// several threads, and a process is done when it has all of them. A thread that
// has descriptors of its own (CLONE_FILES) is not looked at.
func searchProc(wanted map[uint32]*owned) *searching {
	start := time.Now()
	s := &searching{wanted: wanted, holders: map[uint32][]holder{}}
	searchers := min(runtime.GOMAXPROCS(0), maxSearchers)
	s.group.SetLimit(max(searchers-1, 1))
	for _, pid := range processIDs() {
		s.share(func() { s.process(pid) })
	}
	s.group.Wait() // none gives an error
	s.cost = time.Since(start) * time.Duration(searchers)
	return s
}

// share does it on another thread, or on this one if all are busy.
func (s *searching) share(do func()) {
	if !s.group.TryGo(func() error { do(); return nil }) {
		do()
	}
}

// processIDs are those in /proc.
func processIDs() (pids []int) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // as many as could be read
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// process looks at the descriptors of one process.
func (s *searching) process(pid int) {
	dir, err := os.Open("/proc/" + strconv.Itoa(pid) + "/fd")
	if err != nil {
		s.deny(err)
		return
	}
	defer dir.Close()
	p := &fdTable{searching: s, pid: pid, dir: int(dir.Fd()), found: map[uint32]string{}}
	for err == nil && !p.done() {
		var names []string
		if names, err = dir.Readdirnames(namesAtOnce); len(names) == namesAtOnce {
			p.pending.Add(1)
			s.share(func() { defer p.pending.Done(); p.look(names) })
		} else {
			p.look(names)
		}
	}
	p.pending.Wait()
	if err != io.EOF {
		s.deny(err)
	}
	s.deny(p.err)
	s.keep(pid, p.found)
}

// deny counts a process that may not be looked at; one that has ended is no loss.
func (s *searching) deny(err error) {
	if errors.Is(err, fs.ErrPermission) {
		s.mu.Lock()
		s.denied++
		s.mu.Unlock()
	}
}

// keep takes what was found in a process, unless it has ended.
func (s *searching) keep(pid int, found map[uint32]string) {
	if len(found) == 0 {
		return
	}
	p, err := readProcess(pid)
	if err != nil {
		return
	}
	it := &searched{pid, []queue.Process{p}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for inode, link := range found {
		s.holders[inode] = append(s.holders[inode], holder{it, link})
	}
}

// fdTable is what is seen of the descriptors of one process.
type fdTable struct {
	*searching
	pid     int
	dir     int // of /proc/PID/fd
	pending sync.WaitGroup
	mu      sync.Mutex
	found   map[uint32]string // links by inode, the first one
	err     error             // why they cannot be read
}

// done reports whether there is nothing more to find here.
func (d *fdTable) done() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err != nil || len(d.found) == len(d.wanted)
}

// look looks at descriptors of those names.
func (d *fdTable) look(names []string) {
	var link [maxSocketLink]byte
	for _, name := range names {
		n, err := unix.Readlinkat(d.dir, name, link[:])
		if errors.Is(err, fs.ErrPermission) {
			d.mu.Lock()
			d.err = err
			d.mu.Unlock()
			return
		}
		inode, ok := parseSocketLink(link[:max(n, 0)])
		if ok && d.wanted[inode] != nil && d.take(inode, name) {
			return
		}
	}
}

// take takes a descriptor that was looked for. It reports whether all were found.
func (d *fdTable) take(inode uint32, name string) (all bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.found[inode]; !known {
		d.found[inode] = linkOf(d.pid, name)
	}
	return len(d.found) == len(d.wanted)
}

// maxSocketLink is longer than the link of any socket.
const maxSocketLink = 32

// parseSocketLink reads "socket:[1234]" (sockfs_dname, net/socket.c).
func parseSocketLink(link []byte) (inode uint32, ok bool) {
	digits, isSocket := bytes.CutPrefix(link, []byte("socket:["))
	digits, closed := bytes.CutSuffix(digits, []byte("]"))
	v, isNumber := parseCounter(digits)
	return uint32(v), isSocket && closed && isNumber && v == uint64(uint32(v))
}
