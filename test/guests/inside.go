package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"strconv"
	"sync"

	"listenq/internal/vm"
)

// insideArg is the argument with which this program runs tests in a guest.
const insideArg = "inside"

// inside runs tests one after another: their pattern, then for each its program
// and its folder on the host. Each line of theirs gets the test's number.
func inside(args []string) (code int) {
	pattern, args := args[0], args[1:]
	for i := 0; i+1 < len(args); i += 2 {
		cmd := exec.Command(vm.HostDir+args[i], "-test.v=test2json", "-test.short", "-test.run", pattern)
		cmd.Dir = vm.HostDir + args[i+1]
		if err := prefixed(cmd, strconv.Itoa(i/2)+"\t"); err != nil {
			fmt.Printf("%d\texit: %v\n", i/2, err)
			code = 1
		}
	}
	return code
}

// prefixed runs a command, with a prefix before each line that it prints.
func prefixed(cmd *exec.Cmd, prefix string) error {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			if _, err := os.Stdout.Write(append([]byte(prefix), line...)); err != nil {
				return err
			}
		}
		if err != nil {
			return cmd.Wait()
		}
	}
}

// demultiplexer gives each line to the converter of its test.
type demultiplexer struct {
	rest       []byte
	converters []*converter
}

// converter is a go tool test2json.
type converter struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

func newDemultiplexer(release string, tests []test) *demultiplexer {
	d := &demultiplexer{}
	for _, t := range tests {
		cmd := exec.Command("go", "tool", "test2json", "-t", "-p", t.pkg+" on "+release)
		cmd.Stdout, cmd.Stderr = output, os.Stderr
		in, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			log.Fatalf("go tool test2json: %v", err)
		}
		d.converters = append(d.converters, &converter{cmd, in})
	}
	return d
}

func (d *demultiplexer) Write(b []byte) (int, error) {
	d.rest = append(d.rest, b...)
	for {
		line, rest, ok := bytes.Cut(d.rest, []byte{'\n'})
		if !ok {
			return len(b), nil
		}
		number, text, _ := bytes.Cut(line, []byte{'\t'})
		if i, err := strconv.Atoi(string(number)); err == nil && i < len(d.converters) {
			d.converters[i].in.Write(append(text[:len(text):len(text)], '\n'))
		}
		d.rest = rest
	}
}

func (d *demultiplexer) close() {
	for _, c := range d.converters {
		c.in.Close()
		if err := c.cmd.Wait(); err != nil {
			log.Print(err)
		}
	}
}

// output is standard output, line by line: guests run side by side.
var output = &lineWriter{}

type lineWriter struct {
	mu sync.Mutex
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return os.Stdout.Write(b)
}

// tell prints what go test -json would of one test, or of a package.
func tell(pkg, action, test, text string) {
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
