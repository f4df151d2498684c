package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path"
	"strconv"
	"sync"
)

// kernelTest is the test that is skipped where a kernel cannot run at all.
const kernelTest = "kernel"

// failed is the last line of tests that failed. The byte before it says that it
// is not something that a test prints (cmd/internal/test2json).
const failed = "\x16FAIL"

// converter turns what a guest prints into events.
type converter struct {
	release string
	all     []tests
	rest    []byte
	number  int       // of the tests that are running
	cmd     *exec.Cmd // nil: none
	in      io.WriteCloser
	broken  error
}

func newConverter(release string, all []tests) *converter {
	return &converter{release: release, all: all, number: -1}
}

func (c *converter) Write(b []byte) (int, error) {
	c.rest = append(c.rest, b...)
	for {
		line, rest, ok := bytes.Cut(c.rest, []byte{'\n'})
		if !ok {
			return len(b), nil
		}
		number, text, _ := bytes.Cut(line, []byte{'\t'})
		if i, err := strconv.Atoi(string(number)); err == nil && i >= 0 && i < len(c.all) {
			c.line(i, text)
		}
		c.rest = rest
	}
}

// line gives a line to the go tool test2json of its package.
func (c *converter) line(number int, text []byte) {
	if number != c.number {
		c.finish()
		c.begin(number)
	}
	if c.cmd != nil {
		c.in.Write(append(text[:len(text):len(text)], '\n')) // that it has ended is seen by finish
	}
}

func (c *converter) begin(number int) {
	c.number = number
	cmd := exec.Command("go", "tool", "test2json", "-t", "-p", path.Join("listenq", c.all[number].Package)+" on "+c.release)
	cmd.Stdout, cmd.Stderr = output, os.Stderr
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.broken = errors.Join(c.broken, err)
		return
	}
	c.cmd, c.in = cmd, in
}

func (c *converter) finish() {
	if c.cmd == nil {
		return
	}
	c.in.Close()
	if err := c.cmd.Wait(); err != nil {
		c.broken = errors.Join(c.broken, err)
	}
	c.cmd = nil
}

// end is called when the guest has ended: if by an error, the tests that were
// running have failed. It returns that error, or why events were lost.
func (c *converter) end(err error) error {
	if err != nil && c.cmd != nil {
		c.line(c.number, []byte(failed))
	}
	c.finish()
	if err == nil && c.broken != nil {
		return fmt.Errorf("go tool test2json: %w", c.broken)
	}
	return err
}

// output is standard output, event by event: guests run side by side.
var output = &lineWriter{}

type lineWriter struct{ mu sync.Mutex }

func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return os.Stdout.Write(b)
}

// print prints what go test -json would of one test, or of a package.
func emit(pkg, action, test, text string) {
	for _, event := range []map[string]any{
		{"Action": "output", "Package": pkg, "Test": test, "Output": text + "\n"},
		{"Action": action, "Package": pkg, "Test": test},
	} {
		line, err := json.Marshal(event)
		if err != nil {
			log.Fatal(err)
		}
		output.Write(append(line, '\n'))
	}
}
