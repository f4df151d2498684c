package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// program is what listenq prints on a terminal of 80 columns without colours.
func program(t *testing.T, args ...string) string {
	t.Helper()
	ours, theirs := terminal(t)
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "NO_COLOR=1")
	cmd.Stdout = theirs
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	read := make(chan string)
	go func() {
		var all bytes.Buffer
		all.ReadFrom(ours) // ends with EIO when nobody has the terminal any more
		read <- all.String()
	}()
	err := cmd.Run()
	theirs.Close()
	answer := strings.ReplaceAll(<-read, "\r\n", "\n")
	if err != nil {
		t.Fatalf("listenq %s: %v\n%s%s", strings.Join(args, " "), err, stderr.String(), answer)
	}
	return answer
}

// terminal opens both ends of a new one.
func terminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours = open(t, "/dev/ptmx")
	n, err := unix.IoctlGetUint32(int(ours.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatalf("open terminal: %v", err)
	}
	return ours, open(t, fmt.Sprintf("/dev/pts/%d", n))
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	return string(out)
}

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs %s", program)
	}
}
