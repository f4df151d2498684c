package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// insideArg is the argument with which this program runs tests in a guest.
const insideArg = "inside"

// ownPlaces are folders that tests write to, and that are the host's or missing.
var ownPlaces = []string{"/mnt", "/var/tmp", "/opt", "/usr/local/share"}

// inside runs tests one after another, and prints what they print after their
// number in the job.
func inside() (code int) {
	var all []tests
	if err := json.Unmarshal([]byte(os.Getenv(jobVariable)), &all); err != nil {
		log.Fatal(err)
	}
	os.Unsetenv(jobVariable)
	for _, at := range ownPlaces {
		err := os.MkdirAll(at, 0o755)
		if err == nil {
			err = unix.Mount("tmpfs", at, "tmpfs", 0, "mode=1777")
		}
		if err != nil {
			log.Printf("mount a folder of the guest's own on %s: %v", at, err)
		}
	}
	for i, t := range all {
		if err := t.run(i, &prefixer{prefix: fmt.Sprintf("%d\t", i)}); err != nil {
			code = 1
		}
	}
	return code
}

// run runs the tests as go test does.
func (t tests) run(i int, out *prefixer) error {
	args := []string{"-test.v=test2json", "-test.run", t.Run, "-test.skip", t.Skip}
	if !t.Whole {
		args = append(args, "-test.short")
	}
	cmd := exec.Command(programPath(i), args...)
	cmd.Dir = filepath.Join(treePath, t.Package)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 10 * time.Second // for what tests leave behind with their output
	if err := cmd.Run(); err != nil {
		return out.fail(err)
	}
	return nil
}

// fail ends the output of tests that failed.
func (p *prefixer) fail(err error) error {
	fmt.Fprintf(p, "\n%v\n%s\n", err, failed)
	return err
}

// prefixer prints whole lines after a prefix.
type prefixer struct {
	prefix string
	rest   []byte
}

func (p *prefixer) Write(b []byte) (int, error) {
	p.rest = append(p.rest, b...)
	for {
		line, rest, ok := bytes.Cut(p.rest, []byte{'\n'})
		if !ok {
			return len(b), nil
		}
		if _, err := fmt.Printf("%s%s\n", p.prefix, line); err != nil {
			return 0, err
		}
		p.rest = rest
	}
}
