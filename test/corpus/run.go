package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// runner runs the program within limits.
type runner struct {
	program string
	time    time.Duration
	memory  int64 // bytes
}

// result is what came of one file.
type result struct {
	file    string
	refused string // why it is no capture, in the program's words
	doc     *document
	packets int           // that the checker read
	took    time.Duration // of the JSON
	peak    int64         // of the three runs, in bytes
	broken  []violation
}

// violation is a statement that is not borne out.
type violation struct{ file, what string }

func (r *result) fail(format string, args ...any) {
	r.broken = append(r.broken, violation{r.file, fmt.Sprintf(format, args...)})
}

// line is the result in a few words.
func (r *result) line() string {
	what := r.refused
	if r.doc != nil {
		var findings []string
		for _, l := range r.doc.Listeners {
			findings = append(findings, l.Finding)
		}
		what = fmt.Sprintf("%d packets, %d connections, %s", r.doc.Packets, len(r.doc.Connections)+r.doc.LeftOut, strings.Join(findings, " "))
	}
	return fmt.Sprintf("%s: %s; %.2f s, %d MiB, %d wrong", r.file, what, r.took.Seconds(), r.peak>>20, len(r.broken))
}

// captures are the files below a folder, whatever their names are: what is none, the
// program has to say.
func captures(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no file", dir)
	}
	return files, err
}

// run is one run of the program.
type run struct {
	out, errors string
	code        int
	took        time.Duration
	peak        int64
	over        string // the limit that it went over
}

func (r *runner) run(args ...string) (run, error) {
	ctx, cancel := context.WithTimeout(context.Background(), r.time)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, r.program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return run{}, err
	}
	limit := unix.Rlimit{Cur: uint64(r.memory), Max: uint64(r.memory)}
	if err := unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_DATA, &limit, nil); err != nil && !errors.Is(err, unix.ESRCH) {
		return run{}, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	peak, err := watch(cmd)
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return run{}, err
	}
	got := run{out: out.String(), errors: errs.String(), code: cmd.ProcessState.ExitCode(), took: time.Since(began), peak: peak}
	switch {
	case ctx.Err() != nil:
		got.over = r.time.String()
	case got.peak > r.memory || strings.Contains(got.errors, "out of memory") || strings.Contains(got.errors, "cannot allocate memory"):
		got.over = fmt.Sprintf("%d MiB", r.memory>>20)
	}
	return got, nil
}

// watch waits for a program and returns how much memory it had. The kernel's own figure
// (ru_maxrss) is no less than what the process that started it had.
func watch(cmd *exec.Cmd) (peak int64, err error) {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for status := fmt.Sprintf("/proc/%d/status", cmd.Process.Pid); ; {
		text, _ := os.ReadFile(status)
		if _, after, ok := strings.Cut(string(text), "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
			peak = max(peak, n<<10)
		}
		select {
		case err := <-done:
			return peak, err
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// check explains a file and compares.
func (r *runner) check(path string) *result {
	res := &result{file: path}
	asJSON, text, brief := []string{"explain", "--json", "--all", path}, []string{"explain", "--all", path}, []string{"explain", path}
	var runs [3]run
	for i, args := range [][]string{asJSON, text, brief} {
		got, err := r.run(args...)
		if err != nil {
			res.fail("%v", err)
			return res
		}
		runs[i] = got
		res.peak = max(res.peak, got.peak)
		if !got.sound(res) {
			return res
		}
	}
	res.took = runs[0].took
	c, err := readCapture(path)
	if err != nil && !errors.Is(err, errDamaged) {
		c = nil
	}
	if c != nil {
		res.packets = c.total
	}
	if runs[0].out == "" {
		res.refused = strings.TrimSpace(firstLine(runs[0].errors))
		if c != nil && c.total > 0 {
			res.fail("%d packets can be read, and it says: %s", c.total, res.refused)
		}
		return res
	}
	doc := new(document)
	if err := json.Unmarshal([]byte(runs[0].out), doc); err != nil {
		res.fail("the JSON cannot be read: %v", err)
		return res
	}
	res.doc = doc
	checkExit(res, &runs[0])
	checkSums(res, doc)
	checkText(res, doc, &runs[0], &runs[1], &runs[2])
	if c != nil {
		checkPackets(res, doc, c)
	}
	return res
}

// sound reports that the program ended by itself, and in a way that it may.
func (got *run) sound(res *result) bool {
	switch {
	case got.over != "":
		res.fail("it took more than %s", got.over)
	case strings.Contains(got.errors, "goroutine "), got.code < 0 || got.code > 2:
		res.fail("exit code %d: %s", got.code, firstLine(got.errors))
	case got.code == 2 && got.errors == "":
		res.fail("exit code 2 without a word")
	default:
		return true
	}
	return false
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
