package vm

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a running QEMU.
type machine struct {
	ctx     context.Context
	cmd     *exec.Cmd
	ports   map[string]*os.File // what the guest writes
	control *bufio.Reader       // of portControl
	console tail
	stderr  tail // of QEMU
	ended   chan struct{}
	stop    context.CancelFunc
}

// platform is how QEMU is called for a guest's architecture.
type platform struct {
	qemu, debian string // the program, and Debian's package with it
	machine      []string
	cpu          string // where it is emulated
	console      string // the kernel's name of the first serial port
	boot         string // what it is told on its command line where it is emulated
}

var platforms = map[string]platform{
	// Five-level page tables only make walks of them slower; and a CPU that is said to
	// be quick at copying bytes is made to copy byte by byte.
	"amd64": {"qemu-system-x86_64", "qemu-system-x86", []string{"-machine", "q35"}, "max,la57=off,erms=off,fsrm=off", "ttyS0", withoutTimerTests},
	"arm64": {"qemu-system-aarch64", "qemu-system-arm", []string{"-machine", "virt"}, "max,pauth-impdef=on", "ttyAMA0", ""},
}

// withoutTimerTests makes the kernel use the PIT instead of the timer of the local
// APIC, whose speed it would find out in a loop of a tenth of a second
// (calibrate_APIC_clock, arch/x86/kernel/apic/apic.c): half of what booting costs,
// as the loop reads the clock all the time. And it takes for granted that its
// interrupts come (timer_irq_works, arch/x86/kernel/apic/io_apic.c). The HPET would
// be better than the PIT, but with it jiffies stood still at times: on Linux 5.10 in
// one guest of three, for tenths of a second.
const withoutTimerTests = "nolapic_timer hpet=disable no_timer_check"

// bootOptions keep the kernel from what only takes time: tests of itself, defences
// against what a guest does not meet, and memory that is cleared twice.
const bootOptions = "quiet cryptomgr.notests panic=-1 oops=panic nokaslr mitigations=off audit=0 random.trust_cpu=on init_on_alloc=0 transparent_hugepage=never"

// accelerator is what runs a guest's instructions.
type accelerator string

const (
	kvm accelerator = "kvm"
	tcg accelerator = "tcg" // QEMU's emulation
)

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
	p, err := g.platform()
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
	initramfs, err := g.initramfs()
	if err != nil {
		return nil, err
	}
	defer initramfs.Close()
	var runners []*machine
	for _, a := range g.accelerators() {
		m, err := start(ctx, p.qemu, g.arguments(p, a), image, initramfs)
		if err != nil {
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
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
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
		go func() { starts <- start{m, awaitStart(m.control)} }()
	}
	var s start
	for range runners {
		if s = <-starts; s.err == nil {
			break
		}
	}
	for _, m := range runners {
		if m != s.m {
			m.kill()
		}
	}
	if len(runners) > 1 && s.m == runners[1] {
		kvmFailed.Store(true)
	}
	if s.err != nil {
		s.m.kill()
	}
	return s.m, s.err
}

// start starts QEMU with the files that it inherits first, and the ports and
// the console after them. All are in memory or pipes: nothing can be left behind.
func start(ctx context.Context, qemu string, args []string, files ...*os.File) (*machine, error) {
	m := &machine{ports: map[string]*os.File{}, ended: make(chan struct{})}
	m.ctx, m.stop = context.WithCancel(ctx)
	m.cmd = exec.CommandContext(m.ctx, qemu, args...)
	m.cmd.Stderr = &m.stderr
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	m.cmd.ExtraFiles = files
	for _, name := range append(ports, "console") {
		ours, theirs, err := os.Pipe()
		if err != nil {
			return nil, fmt.Errorf("start QEMU: %w", err)
		}
		defer theirs.Close()
		m.ports[name] = ours
		m.cmd.ExtraFiles = append(m.cmd.ExtraFiles[:len(m.cmd.ExtraFiles):len(m.cmd.ExtraFiles)], theirs)
	}
	m.control = bufio.NewReader(m.ports[portControl])
	if err := m.live(); err != nil {
		return nil, fmt.Errorf("start QEMU: %w", err)
	}
	return m, nil
}

// platform returns how to run the kernel's architecture here.
func (g *Guest) platform() (platform, error) {
	p, ok := platforms[g.Kernel.Arch]
	if !ok {
		return platform{}, &Unavailable{What: "guests of architecture " + g.Kernel.Arch + " are not supported"}
	}
	if _, err := exec.LookPath(p.qemu); err != nil {
		return platform{}, &Unavailable{
			What: p.qemu + " is not installed, and other kernels run in QEMU",
			Hint: "install it: apt install " + p.debian,
		}
	}
	return p, nil
}

// The descriptors that QEMU inherits: the kernel, the initramfs, the ports in
// their order, the console.
const firstFD = 3

func inherited(n int) string { return "/proc/self/fd/" + strconv.Itoa(firstFD+n) }

// arguments are QEMU's.
func (g *Guest) arguments(p platform, a accelerator) []string {
	emulated := ""
	if a == tcg {
		emulated = " " + p.boot + " " + emulatedEnv + "=1"
	}
	args := slices.Concat(p.machine, []string{
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none",
		"-m", strconv.Itoa(g.memory()),
		"-kernel", inherited(0),
		"-initrd", inherited(1),
		"-append", "console=" + p.console + " " + bootOptions + " rdinit=" + Self + emulated + " -- " + initArg,
		"-device", "virtio-serial-pci",
	})
	if a == kvm {
		args = append(args, "-accel", "kvm", "-cpu", "host")
	} else {
		args = append(args, "-accel", "tcg", "-cpu", p.cpu, "-icount", "shift=0,sleep=off")
	}
	for i, name := range ports {
		args = append(args, "-chardev", "file,id="+name+",path="+inherited(2+i), "-device", "virtserialport,chardev="+name+",name="+name)
	}
	args = append(args, "-serial", "file:"+inherited(2+len(ports)))
	if sharesFiles(p.qemu) {
		args = append(args, "-fsdev", "local,id=host,path=/,readonly=on,security_model=none,multidevs=remap", "-device", "virtio-9p-pci,fsdev=host,mount_tag="+hostTag)
	}
	return args
}

func (g *Guest) memory() int {
	if g.Memory == 0 {
		return DefaultMemory
	}
	return g.Memory
}

// sharesFiles reports whether a QEMU can show the host's files to a guest. Some
// distributions build it without.
func sharesFiles(qemu string) bool {
	devices, err := exec.Command(qemu, "-machine", "none", "-device", "help").Output()
	return err == nil && bytes.Contains(devices, []byte(`"virtio-9p-pci"`))
}

// live starts QEMU on a thread of its own, which stays until QEMU has ended: the
// kernel sends the death signal when the thread ends, not the process.
func (m *machine) live() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := m.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = m.cmd.Wait() // how the guest ended is on its ports
		close(m.ended)
	}()
	if err := <-started; err != nil {
		return err
	}
	go io.Copy(&m.console, m.ports["console"])
	return nil
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
	code, err = awaitExit(m.control)
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

// initramfs packs what the guest needs to start into a file in memory.
func (g *Guest) initramfs() (*os.File, error) {
	env := append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp"}, g.Env...)
	job, err := json.Marshal(order{g.Args, env, g.Dir})
	if err != nil {
		return nil, fmt.Errorf("tell the guest its job: %w", err)
	}
	files := append([]File{
		{Path: Self, Mode: 0o755, Host: g.program()},
		{Path: jobFile, Mode: 0o600, Data: job},
	}, g.Files...)
	return memoryFile("initramfs", func(w io.Writer) error { return g.Kernel.WriteInitramfs(w, files) })
}

// memoryFile makes a file in memory. QEMU reads it by its descriptor.
func memoryFile(name string, fill func(io.Writer) error) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := fill(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
