package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/text"
	"listenq/internal/watch"
)

// ended is how a command ended.
type ended struct {
	argv []string
	exit int
	took time.Duration
}

// runWatched runs the command to its end, whatever signal comes meanwhile. It is watched from
// just before until just after.
func runWatched(env Env, w *watch.Watch, argv []string) (ended, error) {
	if err := w.Take(); err != nil {
		return ended{}, err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, text.Below(env.Stdout), text.Below(env.Stderr)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	defer signal.Stop(signals)
	env.checks.Store(true)
	defer env.checks.Store(false)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return ended{}, fmt.Errorf("start command: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		w.Run(ctx) // ends with ctx; the look at the end gives the error, if it lasts
	}()
	failed := passSignals(signals, cmd)
	result := ended{argv, exitStatus(cmd.ProcessState), time.Since(began)}
	stop()
	<-stopped
	if exit, ok := errors.AsType[*exec.ExitError](failed); ok && exit != nil {
		failed = nil
	}
	return result, errors.Join(failed, w.Take())
}

// passSignals passes signals on to a command until it ends, and returns the error of its Wait.
func passSignals(signals <-chan os.Signal, cmd *exec.Cmd) error {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			return err
		case s := <-signals:
			if !fromTerminal(s) {
				cmd.Process.Signal(s) // it may have ended just now
			}
		}
	}
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

// exitStatus is the exit code as a shell reports it.
func exitStatus(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
