package vm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"listenq/internal/lab/sandbox"
)

// Walls are what stands between this host and a QEMU whose guest has taken it over.
type Walls struct {
	Namespaces bool // a sandbox: no network, no rights, an id of its own if root starts it, system folders alone
	Filter     bool // of system calls, QEMU's own
}

// Missing says in plain sentences what does not stand.
func (w Walls) Missing() (missing []string) {
	if !w.Namespaces {
		missing = append(missing, "QEMU runs without namespaces of its own, because they are forbidden here: who breaks out of the guest into QEMU has what the user has that started it, or nobody (65534) if that was root.")
	}
	if !w.Filter {
		missing = append(missing, "QEMU runs without its filter of system calls, as this QEMU was built without one.")
	}
	return missing
}

// process is QEMU, within walls or not.
type process interface {
	Wait() error // until nothing of it runs any more
	Kill()
}

// qemuArg is the first argument with which this program is the first process of a
// sandbox in which QEMU runs.
const qemuArg = "vm-qemu"

// run starts QEMU in a sandbox, or without one where namespaces are forbidden.
func (q *qemu) run(args []string, a accelerator, files []*os.File, stderr io.Writer) (process, Walls, error) {
	spec := sandbox.Spec{
		Args:   append([]string{qemuArg, strconv.Itoa(len(files)), q.path}, args...),
		Files:  files,
		Stderr: stderr,
	}
	if a == kvm && !q.takes {
		spec.Devices = []string{"kvm"}
	}
	box, err := sandbox.Start(spec)
	if err == nil {
		return box, Walls{Namespaces: true, Filter: q.filters}, nil
	}
	if _, forbidden := errors.AsType[*sandbox.Forbidden](err); !forbidden {
		return nil, Walls{}, err
	}
	bare, err := startBare(q.path, args, files, stderr)
	return bare, Walls{Filter: q.filters}, err
}

// enclose is the first process of the sandbox: it runs the QEMU that its arguments name.
func enclose(args []string) error {
	box, err := sandbox.Enter()
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	var files []*os.File
	for i := range count {
		files = append(files, os.NewFile(uintptr(3+i), "for QEMU"))
	}
	cmd, err := box.Command(args[1:], files...)
	if err != nil {
		return err
	}
	cmd.Stderr = os.Stderr
	if err := box.Start(cmd); err != nil {
		return err
	}
	return cmd.Wait()
}

// bare is a QEMU that runs without a sandbox.
type bare struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// nobody is who QEMU is when root starts it.
const nobody = 65534

// startBare starts QEMU on a thread of its own, which stays until QEMU has ended: the
// kernel sends the death signal when the thread ends, not the process.
func startBare(path string, args []string, files []*os.File, stderr io.Writer) (*bare, error) {
	b := &bare{cmd: exec.Command(path, args...), done: make(chan struct{})}
	b.cmd.Stderr, b.cmd.ExtraFiles, b.cmd.Env, b.cmd.Dir = stderr, files, []string{"LANG=C.UTF-8"}, "/"
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		b.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := b.cmd.Start()
		started <- err
		if err == nil {
			b.err = b.cmd.Wait()
			close(b.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

func (b *bare) Wait() error {
	<-b.done
	return b.err
}

func (b *bare) Kill() { _ = b.cmd.Process.Kill() } // the one error is that it has ended
