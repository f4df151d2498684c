package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/queue"
)

// guard looks at the listeners while a command runs.
type guard struct {
	source func(*queue.Sample) error
	tally  *queue.Tally
	sample queue.Sample
}

// ended is how a command ended.
type ended struct {
	argv []string
	exit int
	took time.Duration
}

// run runs the command to its end, whatever signal comes meanwhile.
func (g *guard) run(env Env, argv []string) (ended, error) {
	if _, err := g.look(); err != nil {
		return ended{}, err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, underlying(env.Stdout), underlying(env.Stderr)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	defer signal.Stop(signals)
	env.checks.Store(true)
	defer env.checks.Store(false)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return ended{}, fmt.Errorf("start command: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	failed := g.until(done, signals, cmd.Process)
	result := ended{argv, exitStatus(cmd.ProcessState), time.Since(began)}
	if exit, ok := errors.AsType[*exec.ExitError](failed); ok && exit != nil {
		failed = nil
	}
	if _, err := g.look(); err != nil {
		failed = errors.Join(failed, err)
	}
	return result, failed
}

// until looks again and again until the command is done, and passes signals on to
// it. The error is that of the command's Wait.
func (g *guard) until(done <-chan error, signals <-chan os.Signal, command *os.Process) error {
	timer := time.NewTimer(pace(0))
	for {
		select {
		case err := <-done:
			return err
		case s := <-signals:
			if !fromTerminal(s) {
				command.Signal(s) // it may have ended just now
			}
		case <-timer.C:
			cost, _ := g.look() // the look at the end tells the error, if it lasts
			timer.Reset(pace(cost))
		}
	}
}

// look takes a sample and returns what it cost.
func (g *guard) look() (time.Duration, error) {
	began := time.Now()
	if err := g.source(&g.sample); err != nil {
		return time.Since(began), err
	}
	g.tally.Add(&g.sample)
	return time.Since(began), nil
}

// fromTerminal reports whether a signal is likely one that the terminal sent to the
// command, too: Ctrl-C and Ctrl-\ go to the whole foreground process group.
func fromTerminal(s os.Signal) bool {
	if s != unix.SIGINT && s != unix.SIGQUIT {
		return false
	}
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer terminal.Close()
	foreground, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}

// exitStatus is the exit code as a shell tells it.
func exitStatus(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
