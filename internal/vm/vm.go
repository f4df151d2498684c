// Package vm runs a program on another kernel: it boots that kernel in a
// throw-away virtual machine under QEMU, with this program as its first process.
//
//	kernel, err := vm.Open("linux-image-5.10.0-46-amd64.deb", "")
//	guest := vm.Guest{Kernel: kernel, Args: []string{vm.Self, "kernel"}, Stdout: os.Stdout}
//	code, err := guest.Run(ctx)
//
// The machine has no disk and no network. Its root is an archive in memory with
// this program and the modules that it needs; beside it the guest sees the folders
// of this host with programs and libraries, read-only, so that these need not be
// copied. What the program prints comes back over virtio ports. Nothing of the
// machine is left when Run returns.
//
// Kernels, packages and guests are taken for hostile. QEMU is a command without rights
// in a sandbox (see package sandbox), so that who breaks out of the guest is in there.
// Where namespaces are forbidden it is not; Guest.Walls says which. KVM's device is handed to
// QEMU from 9.1 on. An older one opens it itself, in the sandbox, where root has become
// somebody who may only if everybody may: else it emulates.
//
// Where KVM works it is used. Else QEMU emulates, with a clock that counts the
// guest's instructions and jumps to the next timer when it is idle (-icount
// sleep=off): the guest's times do not depend on how busy this machine is, and
// waiting costs nothing.
//
// It is over 3,000 lines: what an untrusted kernel, its packages and its console may do is
// kept in one place, where the tests that attack it are.
package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Self is the path of this program in a guest.
const Self = "/init"

// DefaultMemory is what a guest has, in MiB.
const DefaultMemory = 256

// Guest is a program to run on a kernel.
type Guest struct {
	Kernel  *Kernel
	Program string        // file of this host that is Self in the guest: static, of the kernel's architecture; "": this program
	Args    []string      // the program's path in the guest and its arguments
	Env     []string      // added to a PATH and a HOME
	Dir     string        // working directory; "": /
	Files   []File        // more files for the guest
	Memory  int           // MiB; 0: DefaultMemory
	Limit   time.Duration // of the host's clock, from the start of QEMU
	Stdout  io.Writer     // of the program; nil: discarded
	Stderr  io.Writer
	Started func() // called when the guest is about to run the program; may be nil

	Walls Walls // around the guest's machine; set when Started is called
}

// Unavailable says that no guest can run here, and what to do about it.
type Unavailable struct{ What, Hint string }

func (u *Unavailable) Error() string { return u.What }

// WrongArch says that a kernel cannot run the program that is for its guest.
type WrongArch struct{ Kernel, KernelArch, ProgramArch string }

func (w *WrongArch) Error() string {
	return fmt.Sprintf("%s: a kernel for %s, and the program for its guest is for %s", w.Kernel, w.KernelArch, w.ProgramArch)
}

// Died is the error of a guest that ended, or was ended, before its program did.
type Died struct {
	Release string
	Why     string
	Console []string // what the guest's console said of it, else its last lines
}

// lastLines is how much of a console an error shows.
const lastLines = 12

func (d *Died) Error() string {
	text := fmt.Sprintf("the guest with Linux %s %s", d.Release, d.Why)
	if len(d.Console) == 0 {
		return text + "; its console is empty"
	}
	return text + "; its console:\n  " + strings.Join(d.Console, "\n  ")
}

// Run boots the guest, runs its program and returns the program's exit code.
// The error is *Unavailable where QEMU is missing, *Died where the guest did not
// come to its end, and ctx's where that ended it.
func (g *Guest) Run(ctx context.Context) (code int, err error) {
	limited, stop := context.WithTimeoutCause(ctx, g.Limit, errLimit)
	defer stop()
	m, err := g.boot(limited)
	if err != nil {
		return 0, g.explain(ctx, m, err)
	}
	defer m.kill()
	g.Walls = m.walls
	if g.Started != nil {
		g.Started()
	}
	code, err = m.follow(g)
	if err != nil {
		return 0, g.explain(ctx, m, err)
	}
	return code, nil
}

// errLimit is the cause of a guest's end by its limit.
var errLimit = errors.New("limit")

// explain returns why a guest did not come to its end.
func (g *Guest) explain(ctx context.Context, m *machine, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if m == nil {
		return err
	}
	died := &Died{Release: g.Kernel.Release, Why: err.Error(), Console: m.console.trouble(lastLines)}
	if errors.Is(context.Cause(m.ctx), errLimit) {
		died.Why = fmt.Sprintf("did not end within %v", g.Limit)
	}
	if said := m.stderr.Lines(1); len(said) > 0 {
		died.Why += " (QEMU says: " + said[0] + ")"
	}
	return died
}
