package kernel

import (
	"bytes"
	"os"
	"strconv"

	"listenq/internal/queue"
)

// maxFiles is how many descriptors of a process are looked at; of one that has more their number
// is not known.
const maxFiles = 1 << 16

// openFiles counts the descriptors of a process that are below its limit: one that was open
// before the limit was lowered takes no place. Since Linux 6.2 the size of the folder is the
// number of all (proc_fd_getattr, fs/proc/fd.c), which is enough where it is below the limit.
func openFiles(dir string, limit queue.Count) queue.Count {
	d, err := os.Open(dir + "/fd")
	if err != nil {
		return queue.Count{}
	}
	defer d.Close()
	info, err := d.Stat()
	if err == nil && info.Size() > 0 && (!limit.Known || uint64(info.Size()) < limit.N) {
		return queue.Known(uint64(info.Size()))
	}
	names, err := d.Readdirnames(maxFiles)
	if len(names) == maxFiles || err != nil && len(names) == 0 {
		return queue.Count{}
	}
	var n uint64
	for _, name := range names {
		if fd, err := strconv.ParseUint(name, 10, 64); err == nil && (!limit.Known || fd < limit.N) {
			n++
		}
	}
	return queue.Known(n)
}

// fileLimit is the soft limit of a process's open files; unknown where it has none.
func fileLimit(dir string) queue.Count {
	text, err := readBounded(dir+"/limits", maxLimits)
	if err != nil {
		return queue.Count{}
	}
	return parseFileLimit(text)
}

// maxLimits bounds /proc/PID/limits, which has 16 lines of 77 bytes.
const maxLimits = 4 << 10

// parseFileLimit reads "Max open files  SOFT  HARD  files" (proc_pid_limits, fs/proc/base.c).
func parseFileLimit(text []byte) queue.Count {
	for line := range bytes.Lines(text) {
		rest, found := bytes.CutPrefix(line, []byte("Max open files "))
		if !found {
			continue
		}
		if fields := bytes.Fields(rest); len(fields) > 0 {
			if n, ok := parseCounter(fields[0]); ok {
				return queue.Known(n)
			}
		}
	}
	return queue.Count{}
}
