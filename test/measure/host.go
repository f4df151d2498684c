package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What the process that is looked at has open.
const (
	manyListeners = 3000
	manySockets   = 16000 // with the listeners
)

// holdSockets is the process that is looked at: it says when all sockets are
// there, and keeps them until its input ends.
func holdSockets() {
	for port := range manyListeners {
		if _, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", 10000+port)); err != nil {
			failf("%v", err)
		}
	}
	for range manySockets - manyListeners {
		if _, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); err != nil {
			failf("%v", err)
		}
	}
	fmt.Println("there")
	bufio.NewReader(os.Stdin).ReadString('\n')
}

// listeners compares ls with ss over many listeners in a namespace of their own.
func listeners() {
	self, err := os.Executable()
	if err != nil {
		failf("%v", err)
	}
	holder := exec.Command(self, holds)
	holder.Stderr = os.Stderr
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	in, _ := holder.StdinPipe()
	out, _ := holder.StdoutPipe()
	if err := holder.Start(); err != nil {
		failf("%v", err)
	}
	defer holder.Wait()
	defer in.Close()
	bufio.NewReader(out).ReadString('\n')

	ns := fmt.Sprintf("--net=/proc/%d/ns/net", holder.Process.Pid)
	ls := []string{"./listenq", "ls", "--netns", "own", "--window", "0"}
	pair := func(what, target string, ours, theirs [][]string) {
		row(fmt.Sprintf("%s, %d listeners, %d sockets", what, manyListeners, manySockets), target, ratio(ns, ours, theirs))
	}
	pair("ls / ss -Hlntp", "0.20", [][]string{ls}, [][]string{{"ss", "-Hlntp"}})
	pair("ls --no-processes --no-walk / ss -Hlnt", "1.20",
		[][]string{append(slices.Clone(ls), "--no-processes", "--no-walk")}, [][]string{{"ss", "-Hlnt"}})
	pair("ls --no-processes / ss -Hlnt, and state syn-recv", "1.20",
		[][]string{append(slices.Clone(ls), "--no-processes")}, [][]string{{"ss", "-Hlnt"}, {"ss", "-Hnt", "state", "syn-recv"}})
}

// ratio is the median time of some commands over that of others, in turns.
func ratio(ns string, ours, theirs [][]string) string {
	var a, b []float64
	for range 15 {
		a = append(a, timed(ns, ours))
		b = append(b, timed(ns, theirs))
	}
	slices.Sort(a)
	slices.Sort(b)
	return fmt.Sprintf("%.2f (%.0f/%.0f ms)", a[len(a)/2]/b[len(b)/2], a[len(a)/2], b[len(b)/2])
}

// timed is how many milliseconds commands take in a network namespace.
func timed(ns string, commands [][]string) float64 {
	var took time.Duration
	for _, argv := range commands {
		cmd := exec.Command("nsenter", append([]string{ns, "--"}, argv...)...)
		began := time.Now()
		if text, err := cmd.CombinedOutput(); err != nil {
			failf("%v: %v\n%.500s", argv, err, text)
		}
		took += time.Since(began)
	}
	return took.Seconds() * 1000
}
