package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"listenq/internal/queue"
)

// ErrProcess is what is wrong with a file of /proc/PID that is not as fs/proc
// writes it.
var ErrProcess = errors.New("malformed process file")

// Bounds of what is read of a process, which writes most of it itself.
const (
	maxStat    = 1 << 10
	maxCgroup  = 16 << 10
	maxCommand = 32 << 10
	maxThreads = 256
)

// readProcess reads who a process is.
func readProcess(pid int) (queue.Process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := readStat(dir)
	if err != nil {
		return queue.Process{}, err
	}
	p := queue.Process{PID: pid, Start: stat.start, Name: stat.name}
	if text, err := readBounded(dir+"/cgroup", maxCgroup); err == nil {
		p.Cgroup = parseCgroup(text)
		p.Unit = unitOf(p.Cgroup)
	}
	return p, nil
}

// Inspect reads what a process does: its Command, its State, its open files, and
// its Threads, the first 256 of them. What may not be read stays empty. It gives os.ErrNotExist if
// the process has ended, though another one may have its PID.
func Inspect(p *queue.Process) error {
	dir := "/proc/" + strconv.Itoa(p.PID)
	stat, err := readStat(dir)
	if err != nil {
		return err
	}
	if p.Start != 0 && stat.start != p.Start {
		return fmt.Errorf("inspect process %d: it has ended: %w", p.PID, os.ErrNotExist)
	}
	p.State, p.Command = stat.state, nil
	if text, err := readBounded(dir+"/cmdline", maxCommand); err == nil {
		p.Command = parseCommand(text)
	}
	p.Threads = readThreads(dir + "/task")
	p.MaxFiles = fileLimit(dir)
	p.Files = openFiles(dir, p.MaxFiles)
	return nil
}

// readThreads reads the threads of a process, the oldest first.
func readThreads(task string) (all []queue.Thread) {
	dir, err := os.Open(task)
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(maxThreads) // the kernel lists them by age (first_tid and next_tid, fs/proc/base.c)
	for _, name := range names {
		if t, err := readThread(task + "/" + name); err == nil {
			all = append(all, t)
		}
	}
	return all
}

func readThread(dir string) (queue.Thread, error) {
	stat, err := readStat(dir)
	if err != nil {
		return queue.Thread{}, err
	}
	t := queue.Thread{Name: stat.name, State: stat.state}
	if stat.state != "R" {
		t.Wait = readWait(dir)
	}
	return t, nil
}

// readWait is the kernel function in which a thread sleeps, else the system call.
// The first is "0" where the caller may not know (proc_pid_wchan, fs/proc/base.c).
func readWait(dir string) string {
	text, err := readBounded(dir+"/wchan", maxStat)
	if err == nil && len(text) > 0 && string(text) != "0" {
		return string(text)
	}
	text, err = readBounded(dir+"/syscall", maxStat)
	if err != nil {
		return ""
	}
	return parseSyscall(string(text))
}

// parseCommand reads the arguments: each ends with a zero byte. A process that
// names itself (setproctitle) may leave many of them.
func parseCommand(text []byte) []string {
	text = bytes.TrimRight(text, "\x00")
	if len(text) == 0 {
		return nil
	}
	return strings.Split(string(text), "\x00")
}

// stat is what we take from /proc/PID/stat.
type stat struct {
	name  string
	state string
	start uint64 // in clock ticks since the machine was booted
}

func readStat(dir string) (stat, error) {
	text, err := readBounded(dir+"/stat", maxStat)
	if err != nil {
		return stat{}, err
	}
	s, err := parseStat(text)
	if err != nil {
		return stat{}, fmt.Errorf("read %s/stat: %w", dir, err)
	}
	return s, nil
}

// parseStat reads "12 (name) S 1 …" (do_task_stat, fs/proc/array.c). The name is as
// the process chose it, so that it ends at the last parenthesis.
func parseStat(text []byte) (stat, error) {
	const startField = 22 - 3 // of those after the name
	first, last := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if first < 0 || last < first {
		return stat{}, fmt.Errorf("%w: no name", ErrProcess)
	}
	fields := bytes.Fields(text[last+1:])
	if len(fields) <= startField || len(fields[0]) != 1 {
		return stat{}, fmt.Errorf("%w: %d fields", ErrProcess, len(fields))
	}
	start, ok := parseCounter(fields[startField])
	if !ok {
		return stat{}, fmt.Errorf("%w: start %.20q", ErrProcess, fields[startField])
	}
	return stat{string(text[first+1 : last]), string(fields[0]), start}, nil
}

// readBounded reads a file, and of a longer one the beginning.
func readBounded(path string, most int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, int64(most)))
	return slices.Clip(text), err
}
