package vm

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// platform is how QEMU is called for a guest's architecture.
type platform struct {
	qemu, debian string // the program, and Debian's package with it
	machine      []string
	cpu          string // where it is emulated
	console      string // the kernel's name of the first serial port
	boot         string // what its command line says where it is emulated
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

// qemu is a QEMU that runs guests of an architecture.
type qemu struct {
	platform
	path    string
	shown   shown
	filters bool // system calls of its own
	takes   bool // KVM's device from who starts it
}

// qemuFolders are where QEMU is looked for. The search path may lead to a program that
// anybody put there.
var qemuFolders = []string{"/usr/local/bin", "/usr/bin", "/bin"}

// filter makes QEMU refuse the system calls that it does not need (qemu(1), -sandbox).
const filter = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"

// findQEMU returns how to run guests of that architecture here.
func findQEMU(arch string) (*qemu, error) {
	p, ok := platforms[arch]
	if !ok {
		return nil, &Unavailable{What: "guests of architecture " + arch + " are not supported"}
	}
	for _, folder := range qemuFolders {
		path := filepath.Join(folder, p.qemu)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return ask(p, path), nil
		}
	}
	return nil, &Unavailable{
		What: p.qemu + " is not installed, and other kernels run in QEMU",
		Hint: "install it: apt install " + p.debian,
	}
}

// ask finds out what a QEMU can. Some distributions build it without the files of the
// host, or without a filter.
func ask(p platform, path string) *qemu {
	q := &qemu{platform: p, path: path, filters: true}
	help := []string{"-machine", "none", "-device", "help"}
	devices, err := exec.Command(path, append([]string{"-sandbox", filter}, help...)...).Output()
	if err != nil {
		q.filters = false
		devices, err = exec.Command(path, help...).Output()
	}
	if err == nil && bytes.Contains(devices, []byte(`"virtio-9p-pci"`)) {
		q.shown = showFolders()
	}
	version, _ := exec.Command(path, "--version").Output() // one that says none is an old one
	q.takes = takesDevice(version)
	return q
}

// takesDevice reports whether a QEMU that says that of its version can be given KVM's
// device as a descriptor: since 9.1 (aef158b093b9).
func takesDevice(said []byte) bool {
	v := regexp.MustCompile(`version (\d{1,3})\.(\d{1,3})`).FindSubmatch(said)
	if v == nil {
		return false
	}
	major, _ := strconv.Atoi(string(v[1]))
	minor, _ := strconv.Atoi(string(v[2]))
	return major > 9 || major == 9 && minor >= 1
}

// The descriptors that QEMU inherits: the kernel, the initramfs, the ports in
// their order, the console, KVM's device.
const (
	fdKernel = 3 + iota
	fdInitramfs
	fdPorts
)

// given is a descriptor that QEMU uses as it is, which is more than it may open.
func given(fd int) (args []string, path string) {
	n := strconv.Itoa(fd)
	return []string{"-add-fd", "fd=" + n + ",set=" + n}, "/dev/fdset/" + n
}

// arguments are QEMU's.
func (q *qemu) arguments(g *Guest, a accelerator) []string {
	emulated := ""
	if a == tcg {
		emulated = " " + q.boot + " " + emulatedEnv + "=1"
	}
	inherited := func(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
	args := slices.Concat(q.machine, q.accelerate(a), []string{
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none",
		"-m", strconv.Itoa(g.memory()),
		"-kernel", inherited(fdKernel),
		"-initrd", inherited(fdInitramfs),
		"-append", "console=" + q.console + " " + bootOptions + " rdinit=" + Self + emulated + " -- " + initArg,
		"-device", "virtio-serial-pci",
	})
	if q.filters {
		args = append(args, "-sandbox", filter)
	}
	for i, name := range append(ports, portConsole) {
		give, path := given(fdPorts + i)
		args = append(append(args, give...), "-chardev", "file,id="+name+",path="+path+",append=on")
		if name == portConsole {
			args = append(args, "-serial", "chardev:"+name)
		} else {
			args = append(args, "-device", "virtserialport,chardev="+name+",name="+name)
		}
	}
	for i, folder := range q.shown.folders {
		tag := shareTag(i)
		args = append(args, "-fsdev", "local,id="+tag+",path="+folder+",readonly=on,security_model=none,multidevs=remap",
			"-device", "virtio-9p-pci,fsdev="+tag+",mount_tag="+tag)
	}
	return args
}

// accelerate are the arguments for what runs the guest's instructions.
func (q *qemu) accelerate(a accelerator) []string {
	switch {
	case a == tcg:
		return []string{"-accel", "tcg", "-cpu", q.cpu, "-icount", "shift=0,sleep=off"}
	case !q.takes:
		return []string{"-accel", "kvm", "-cpu", "host"}
	}
	give, path := given(fdPorts + len(ports) + 1)
	return append(give, "-accel", "kvm,device="+path, "-cpu", "host")
}

func (g *Guest) memory() int {
	if g.Memory == 0 {
		return DefaultMemory
	}
	return g.Memory
}
