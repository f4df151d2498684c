package vm

import (
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a running QEMU.
type machine struct {
	ctx     context.Context
	walls   Walls
	ports   map[string]*os.File // what the guest writes
	control control
	console Tail
	stderr  Tail // of QEMU
	ended   chan struct{}
	stop    context.CancelFunc
}

// accelerator is what runs a guest's instructions.
type accelerator string

const (
	kvm accelerator = "kvm"
	tcg accelerator = "tcg" // QEMU's emulation
)

const kvmDevice = "/dev/kvm"

// kvmFailed is set when a guest under KVM was overtaken by one that was emulated.
var kvmFailed atomic.Bool

// program is the file of this host that runs in the guest.
func (g *Guest) program() string {
	if g.Program == "" {
		return "/proc/self/exe"
	}
	return g.Program
}

// checkProgram refuses a program that the kernel cannot run.
func (g *Guest) checkProgram() error {
	file, err := openRegular(g.program())
	if err != nil {
		return fmt.Errorf("the program for the guest: %w", err)
	}
	defer file.Close()
	f, err := elf.NewFile(file)
	if err != nil {
		return fmt.Errorf("the program for the guest: %s: %w", g.program(), err)
	}
	if arch := elfArch(uint16(f.Machine)); arch != g.Kernel.Arch {
		return &WrongArch{Kernel: g.Kernel.Path, KernelArch: g.Kernel.Arch, ProgramArch: arch}
	}
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return fmt.Errorf("the program for the guest: %s is not static, and a guest starts without libraries: build it with CGO_ENABLED=0", g.program())
	}
	return nil
}

// boot starts the guest and returns when it is about to run its program. Where
// KVM may work, it races against emulation, once: there are machines whose
// /dev/kvm can be opened and whose guests hang.
func (g *Guest) boot(ctx context.Context) (*machine, error) {
	if err := g.checkProgram(); err != nil {
		return nil, err
	}
	q, err := findQEMU(g.Kernel.Arch)
	if err != nil {
		return nil, err
	}
	image, err := memoryFile("kernel", func(w io.Writer) error {
		_, err := w.Write(g.Kernel.bootable())
		return err
	})
	if err != nil {
		return nil, err
	}
	defer image.Close()
	initramfs, err := g.initramfs(q)
	if err != nil {
		return nil, err
	}
	defer initramfs.Close()
	var runners []*machine
	for _, a := range g.accelerators() {
		m, err := g.start(ctx, q, a, image, initramfs)
		if err != nil {
			killAll(runners)
			return nil, err
		}
		if a == kvm {
			defer time.AfterFunc(kvmPatience, m.stop).Stop()
		}
		runners = append(runners, m)
	}
	return first(runners)
}

// kvmPatience is how long a guest under KVM may take to start while an emulated
// one is starting, too. With hardware that helps it takes about a second.
const kvmPatience = 2 * time.Second

// bootable is what QEMU is given.
func (k *Kernel) bootable() []byte {
	if k.Vmlinux != nil {
		return k.Vmlinux
	}
	return k.Image
}

// accelerators are those that are worth a try.
func (g *Guest) accelerators() []accelerator {
	f, err := os.OpenFile(kvmDevice, os.O_RDWR, 0)
	if err == nil {
		f.Close()
	}
	if err != nil || g.Kernel.Arch != runtime.GOARCH || kvmFailed.Load() {
		return []accelerator{tcg}
	}
	return []accelerator{kvm, tcg}
}

// first returns the machine that starts first and ends the others. If none
// does, it returns the last, with its error.
func first(runners []*machine) (*machine, error) {
	type start struct {
		m   *machine
		err error
	}
	starts := make(chan start, len(runners))
	for _, m := range runners {
		go func() { starts <- start{m, m.control.awaitStart()} }()
	}
	var s start
	for range runners {
		if s = <-starts; s.err == nil {
			break
		}
	}
	killAll(slices.DeleteFunc(slices.Clone(runners), func(m *machine) bool { return m == s.m }))
	if len(runners) > 1 && s.m == runners[1] {
		kvmFailed.Store(true)
	}
	if s.err != nil {
		s.m.kill()
	}
	return s.m, s.err
}

// start starts QEMU with the files that it inherits first, and the ports, the console
// and, for KVM, its device after them. All but that are in memory or pipes: nothing can
// be left behind.
func (g *Guest) start(ctx context.Context, q *qemu, a accelerator, files ...*os.File) (*machine, error) {
	m := &machine{ports: map[string]*os.File{}, ended: make(chan struct{})}
	for _, name := range append(ports, portConsole) {
		ours, theirs, err := os.Pipe()
		if err != nil {
			return nil, fmt.Errorf("start QEMU: %w", err)
		}
		defer theirs.Close()
		m.ports[name] = ours
		files = append(files[:len(files):len(files)], theirs)
	}
	if a == kvm {
		device, err := os.OpenFile(kvmDevice, os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("start QEMU: %w", err)
		}
		defer device.Close()
		files = append(files[:len(files):len(files)], device)
	}
	m.control = newControl(m.ports[portControl])
	process, walls, err := q.run(q.arguments(g, a), a, files, &m.stderr)
	if err != nil {
		return nil, fmt.Errorf("start QEMU: %w", err)
	}
	m.walls = walls
	m.ctx, m.stop = context.WithCancel(ctx)
	context.AfterFunc(m.ctx, process.Kill)
	go func() {
		_ = process.Wait() // how the guest ended is on its ports
		close(m.ended)
	}()
	go io.Copy(&m.console, m.ports[portConsole])
	return m, nil
}

// follow passes on what the program prints until it has ended.
func (m *machine) follow(g *Guest) (code int, err error) {
	var printed sync.WaitGroup
	for name, to := range map[string]io.Writer{portStdout: g.Stdout, portStderr: g.Stderr} {
		if to == nil {
			to = io.Discard
		}
		printed.Go(func() { io.Copy(to, m.ports[name]) })
	}
	code, err = m.control.awaitExit()
	if err != nil {
		m.stop()
	}
	<-m.ended
	printed.Wait() // what was said before the end is read to its end
	return code, err
}

// kill ends QEMU, if it runs, and waits until it has ended.
func (m *machine) kill() {
	m.stop()
	<-m.ended
	for _, f := range m.ports {
		f.Close()
	}
}

func killAll(machines []*machine) {
	for _, m := range machines {
		m.kill()
	}
}

// initramfs packs what the guest needs to start into a file in memory.
func (g *Guest) initramfs(q *qemu) (*os.File, error) {
	env := append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp"}, g.Env...)
	job, err := json.Marshal(order{g.Args, env, g.Dir, q.shown.folders})
	if err != nil {
		return nil, fmt.Errorf("give the guest its job: %w", err)
	}
	files := slices.Concat([]File{
		{Path: Self, Mode: 0o755, Host: g.program()},
		{Path: jobFile, Mode: 0o600, Data: job},
	}, q.shown.files, g.Files)
	return memoryFile("initramfs", func(w io.Writer) error { return g.Kernel.WriteInitramfs(w, files) })
}

// memoryFile makes a file in memory that cannot be changed any more. QEMU reads it by
// its descriptor.
func memoryFile(name string, fill func(io.Writer) error) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	err = fill(f)
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
