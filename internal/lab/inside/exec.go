package inside

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/answer"
	"listenq/internal/kernel"
	"listenq/internal/lab/job"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
)

// exec runs a command in the client's namespace, to its end.
func (e *experiment) exec(ctx context.Context, do script.ClientExec) error {
	var address netip.AddrPort
	if do.To != "" {
		address = e.server(do.To).address
	}
	argv := script.Expand(do.Command, address)
	cmd, err := e.box.Command(argv)
	if err != nil {
		return commandFailed(err)
	}
	output := &sandbox.Tail{}
	cmd.Stdout, cmd.Stderr = output, output
	began := e.clock.Now()
	if err := kernel.InNetns(int(e.net.Client.Netns.Fd()), func() error { return e.box.Start(cmd) }); err != nil {
		return fmt.Errorf("start command: %w", err)
	}
	late := waitFor(ctx, cmd, do.AtMost)
	took := e.clock.Now() - began
	e.prescribed += took
	exit := exitOf(cmd)
	e.commands = append(e.commands, answer.Command{
		Name: cmp.Or(do.Name, argv[0]), Argv: argv, T: answer.MS(began), Duration: answer.MS(took), Exit: exit, Output: output.String(),
	})
	if do.Name != "" {
		text := output.String()
		e.results[do.Name] = script.Exec{Exit: &exit, Output: &text}
	}
	switch {
	case ctx.Err() != nil || do.MayFail:
		return nil
	case late:
		return job.Fail(fmt.Sprintf("%s did not end within %v%s", argv[0], do.AtMost, output.Said()), "exec at most 2m … gives it longer")
	case exit != 0:
		return job.Fail(fmt.Sprintf("%s failed with exit code %d%s", argv[0], exit, output.Said()), "exec may fail … allows that; if it misses files of the script's folder: files NAME…")
	}
	return nil
}

// waitFor waits for a command, and ends it when its time is over.
func waitFor(ctx context.Context, cmd *exec.Cmd, most time.Duration) (late bool) {
	ended := make(chan struct{})
	go func() {
		cmd.Wait() // how it ended is in its ProcessState
		close(ended)
	}()
	select {
	case <-ended:
		return false
	case <-ctx.Done():
	case <-time.After(most):
		late = true
	}
	unix.Kill(-cmd.Process.Pid, unix.SIGKILL) // fails if it is gone
	<-ended
	return late
}

// exitOf is a command's exit code as a shell gives it.
func exitOf(cmd *exec.Cmd) int {
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return cmd.ProcessState.ExitCode()
}
