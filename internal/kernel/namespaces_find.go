package kernel

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// foundNetns is a network namespace, and where it was found.
type foundNetns struct {
	id    queue.NetnsID
	path  string // of a file to enter it by
	pid   string // of the first process in it; empty if none was found
	mount string // where it is bind-mounted, as `ip netns` does; empty if it is not
}

// survey is what was found of the machine's network namespaces: those that a
// process is in, and those that a file keeps, as far as this mount namespace
// shows them. One that nothing but a file descriptor or a thread keeps is not found.
type survey struct {
	found []foundNetns // by ID

	// hidden are the namespaces of processes whose own one may not be looked at
	// (it takes ptrace access, proc_ns_readlink, fs/proc/namespaces.c), by the inode of
	// their net/snmp, which is one per namespace and may be.
	hidden map[uint64]bool
}

func surveyNetns() (*survey, error) {
	s := &survey{hidden: map[uint64]bool{}}
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1) // in the order of the numbers
	if err != nil {
		return nil, err
	}
	byID := map[queue.NetnsID]*foundNetns{}
	for _, name := range names {
		if name[0] >= '1' && name[0] <= '9' {
			s.process(byID, name)
		}
	}
	mounts, err := os.ReadFile(threadFile("mountinfo"))
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(mounts) {
		if id, at, ok := parseNetnsMount(line); ok {
			mounted(byID, id, at)
		}
	}
	for _, f := range byID {
		s.found = append(s.found, *f)
	}
	slices.SortFunc(s.found, func(a, b foundNetns) int { return cmp.Compare(a.id, b.id) })
	return s, nil
}

// process takes the namespace of a process, which may be gone by now.
func (s *survey) process(byID map[queue.NetnsID]*foundNetns, pid string) {
	link := "/proc/" + pid + "/ns/net"
	var buf [64]byte
	n, err := unix.Readlink(link, buf[:])
	if err != nil && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) {
		return
	}
	id, known := parseNetnsLink(buf[:max(0, n)]) // Linux 5.10 refuses with an empty link
	switch {
	case known && byID[id] == nil:
		byID[id] = &foundNetns{id: id, path: link, pid: pid}
	case !known:
		if inode, ok := procNetInode("/proc/" + pid + "/net/"); ok {
			s.hidden[inode] = true
		}
	}
}

// procNetInode is the inode of a namespace's /proc/net/snmp, which tells
// namespaces apart (proc_net_ns_init, fs/proc/proc_net.c, and proc_register).
func procNetInode(dir string) (uint64, bool) {
	var st unix.Stat_t
	err := unix.Stat(dir+"snmp", &st)
	return st.Ino, err == nil
}

func mounted(byID map[queue.NetnsID]*foundNetns, id queue.NetnsID, at string) {
	f := byID[id]
	if f == nil {
		f = &foundNetns{id: id, path: at}
		byID[id] = f
	}
	if f.mount == "" || strings.Contains(at, "/run/netns/") {
		f.mount = at
	}
}

// parseNetnsLink reads "net:[4026531833]".
func parseNetnsLink(link []byte) (queue.NetnsID, bool) {
	number, ok := bytes.CutPrefix(link, []byte("net:["))
	number, closed := bytes.CutSuffix(number, []byte("]"))
	id, err := strconv.ParseUint(string(number), 10, 64)
	return queue.NetnsID(id), ok && closed && err == nil && id != 0
}

// parseNetnsMount reads the line of a namespace's mount from mountinfo
// (show_mountinfo, fs/proc_namespace.c):
//
//	86 30 0:4 net:[4026532221] /run/netns/blue rw shared:46 - nsfs nsfs rw
func parseNetnsMount(line []byte) (id queue.NetnsID, at string, ok bool) {
	const root, point = 3, 4
	fields := bytes.SplitN(line, []byte(" "), point+2)
	if len(fields) != point+2 || !bytes.Contains(fields[point+1], []byte(" - nsfs ")) {
		return 0, "", false
	}
	id, ok = parseNetnsLink(fields[root])
	return id, unescapeMount(fields[point]), ok
}

// unescapeMount puts back what the kernel writes in octal: space, tab, newline,
// backslash and # (seq_path, fs/seq_file.c).
func unescapeMount(b []byte) string {
	var out strings.Builder
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) {
			if c, err := strconv.ParseUint(string(b[i+1:i+4]), 8, 8); err == nil {
				out.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		out.WriteByte(b[i])
	}
	return out.String()
}

// inode is that of the first file, see procNetInode.
func (r *CounterReader) inode() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(r.files[0].file.Fd()), &st); err != nil {
		return 0, fmt.Errorf("stat %s: %w", r.files[0].file.Name(), err)
	}
	return st.Ino, nil
}
