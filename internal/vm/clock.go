package vm

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clockArg is the first argument with which this program keeps the clock of an
// emulated guest.
const clockArg = "vm-clock"

// clockJumpsEnv says to the programs of a guest why its clock is not kept.
const clockJumpsEnv = "LISTENQ_CLOCK_JUMPS"

// ClockJumps is why the clock of this guest jumps while it waits for files of the
// host; empty if it does not.
func ClockJumps() string { return os.Getenv(clockJumpsEnv) }

// filesEvents are the tracepoints of the file system by which a guest sees the
// host's files (include/trace/events/9p.h). They are there once it is loaded.
const filesEvents = "/sys/kernel/tracing/events/9p"

// keepClock keeps an emulated guest's clock from jumping while the guest waits for a
// file of the host. An idle guest's clock jumps to its next timer: that is how
// waiting costs nothing. But a guest that waits for the host is idle, too, and in
// the time of one answer its clock makes many jumps, of seconds each. So as long
// as an answer is outstanding a process of the lowest priority keeps the CPU busy.
func keepClock() error {
	if _, err := os.Stat(filesEvents); err != nil {
		return nil // no files of the host are to be seen
	}
	asked, err := openTracepoint("9p_client_req", 1)
	if err != nil {
		return err
	}
	defer asked.Close()
	answered, err := openTracepoint("9p_client_res", 0)
	if err != nil {
		return err
	}
	defer answered.Close()
	cmd := exec.Cmd{
		Path: Self, Args: []string{Self, clockArg}, Env: []string{"GOMAXPROCS=1"},
		Stderr: os.Stderr, ExtraFiles: []*os.File{asked, answered},
	}
	return cmd.Start() // it ends with the guest
}

// openTracepoint counts a tracepoint on the guest's one CPU. Each period-th event
// wakes who polls; 0: none does.
func openTracepoint(name string, period uint64) (*os.File, error) {
	text, err := os.ReadFile(filepath.Join(filesEvents, name, "id"))
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read number of tracepoint %s: %w", name, err)
	}
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Config: id, Sample: period, Wakeup: 1, Size: unix.PERF_ATTR_SIZE_VER0}
	fd, err := unix.PerfEventOpen(&attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("count tracepoint %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// The descriptors that holdClock inherits.
const (
	fdAsked = 3 + iota
	fdAnswered
)

// holdClock is the process that keeps the CPU busy. It returns only with an error.
func holdClock() error {
	runtime.LockOSThread()
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0); err != nil {
		return fmt.Errorf("take the lowest priority: %w", err)
	}
	// Only what can be read is mapped: then the ring overwrites itself, and nobody has to.
	if _, err := unix.Mmap(fdAsked, 0, 2*os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("map ring of events: %w", err)
	}
	var lost int64
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: fdAsked, Events: unix.POLLIN}}, -1)
		if err == nil {
			lost, err = untilAnswered(lost)
		}
		if err != nil && err != unix.EINTR {
			return err
		}
	}
}

// answerTimeout is after how much of the guest's time a question counts as lost.
// Those of processes that were killed are never answered.
const answerTimeout = 2 * time.Second

// untilAnswered returns when as many questions are without answer as were lost,
// and how many that are now.
func untilAnswered(lost int64) (int64, error) {
	var last int64
	since := time.Now()
	for {
		answered, err := timesPassed(fdAnswered)
		if err != nil {
			return lost, err
		}
		asked, err := timesPassed(fdAsked)
		if err != nil {
			return lost, err
		}
		if open := asked - answered; open <= lost {
			return open, nil
		}
		if answered != last {
			last, since = answered, time.Now()
		}
		if time.Since(since) > answerTimeout {
			return asked - answered, nil
		}
	}
}

// timesPassed reads how often a tracepoint was passed.
func timesPassed(fd int) (int64, error) {
	var value [8]byte
	if _, err := unix.Read(fd, value[:]); err != nil {
		return 0, fmt.Errorf("read counter: %w", err)
	}
	return int64(binary.NativeEndian.Uint64(value[:])), nil
}
