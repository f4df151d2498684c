package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/lab/sandbox"
)

// initArg is the argument with which this program is the first process of a guest.
const initArg = "vm-init"

// Reexec does the work of a guest's own processes, and of those in sandboxes, if the
// arguments (without the program's name) say that this is one: then it does not return.
// The main function of a program that runs guests begins with it.
func Reexec(args []string) {
	switch {
	case isInit(os.Getpid(), args):
		bootstrap()
	case len(args) == 0:
	case args[0] == qemuArg:
		exitWith(1, enclose(args[1:]))
	case args[0] == sandbox.DropArg:
		exitWith(126, sandbox.Drop(args[1:]))
	case args[0] == clockArg:
		fmt.Fprintln(os.Stderr, "listenq: guest: keep the clock:", holdClock())
		os.Exit(1)
	}
}

// isInit reports whether a process with these arguments is the first of a guest. A kernel
// before 3.14 hands on the -- as well (parse_args, kernel/params.c).
func isInit(pid int, args []string) bool {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	return pid == 1 && len(args) > 0 && args[0] == initArg
}

func exitWith(code int, err error) {
	if err == nil {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "listenq:", err)
	os.Exit(code)
}

// Places in a guest.
const (
	jobFile    = "/job.json"
	modulesDir = "/modules"
	HostDir    = "/host" // below it are the folders of this host that are shown
)

// order is what a guest is to do.
type order struct {
	Args, Env []string
	Dir       string
	Folders   []string // of the host, in the order of their shares
}

// emulatedEnv is set for the programs of an emulated guest. The kernel passes on
// to its first process what it does not know of its command line.
const emulatedEnv = "LISTENQ_EMULATED"

// Emulated reports whether this program runs in a guest whose instructions are
// emulated: it has one slow CPU, and a clock that jumps when that is idle.
func Emulated() bool { return os.Getenv(emulatedEnv) != "" }

// bootstrap is the first process of a guest: it makes a usual root, runs the
// program that it was booted for, and powers off.
// What goes wrong on the way is on the console.
func bootstrap() {
	if err := guest(); err != nil {
		fmt.Fprintln(os.Stderr, "listenq: guest:", err)
	}
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// timerSlack is how late the timers of an emulated guest's programs may be (50 µs by
// default), in ns. The runtime of a Go program that works looks after it every 20 µs
// (sysmon, runtime/proc.go), which here takes longer than the work.
const timerSlack = time.Millisecond

// withoutCRC32 keeps Go programs from x86's instruction for CRCs, which is emulated
// bit by bit: this one fills a table with it when it starts.
const withoutCRC32 = "GODEBUG=cpu.sse42=off"

func guest() error {
	if err := errors.Join(makeRoot(), loadModules(), loopbackUp()); err != nil {
		return err
	}
	text, err := os.ReadFile(jobFile)
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return fmt.Errorf("read %s: %w", jobFile, err)
	}
	if err := o.showFolders(); err != nil {
		fmt.Fprintln(os.Stderr, "listenq: guest: the host's files are not to be seen:", err)
	}
	if Emulated() {
		if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0); err != nil {
			return fmt.Errorf("set the timer slack: %w", err)
		}
		if runtime.GOARCH == "amd64" {
			o.Env = append(o.Env, withoutCRC32)
		}
		if err := keepClock(); err != nil {
			o.Env = append(o.Env, clockJumpsEnv+"="+err.Error())
		}
	}
	return o.carryOut()
}

// carryOut runs the program, and whatever it leaves behind, until it ends.
func (o order) carryOut() error {
	opened := map[string]*os.File{}
	for _, name := range ports {
		f, err := openPort(name)
		if err != nil {
			return err
		}
		opened[name] = f
	}
	control := opened[portControl]
	if _, err := control.WriteString(lineStarted); err != nil {
		return err
	}
	cmd := exec.Cmd{Path: o.Args[0], Args: o.Args, Env: append(o.Env, emulatedEnv+"="+os.Getenv(emulatedEnv)), Dir: o.Dir, Stdout: opened[portStdout], Stderr: opened[portStderr]}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run %s: %w", o.Args[0], err)
	}
	code, err := reap(cmd.Process.Pid)
	if err != nil {
		return fmt.Errorf("wait for %s: %w", o.Args[0], err)
	}
	_, err = fmt.Fprintf(control, lineExit, code)
	return err
}

// reap waits for a child, and for those that the first process inherits.
func reap(child int) (code int, err error) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case pid != child:
		case status.Signaled():
			return 128 + int(status.Signal()), nil
		case status.Exited():
			return status.ExitStatus(), nil
		}
	}
}

// loadModules loads the modules that came along, in the order of their names.
// One that cannot be loaded is named; what needs it will fail and say so.
func loadModules() error {
	modules, err := os.ReadDir(modulesDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, m := range modules {
		f, err := os.Open(filepath.Join(modulesDir, m.Name()))
		if err != nil {
			return err
		}
		if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST {
			fmt.Fprintf(os.Stderr, "listenq: guest: load module %s: %v\n", m.Name(), err)
		}
		f.Close()
		if err := os.Remove(f.Name()); err != nil { // it is memory
			return err
		}
	}
	return err
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, request)
}

// showFolders makes the host's folders visible, below HostDir and, but for those that
// the guest has of its own, at their place.
func (o order) showFolders() error {
	for i, folder := range o.Folders {
		from := HostDir + folder
		if err := os.MkdirAll(from, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(shareTag(i), from, "9p", unix.MS_RDONLY|unix.MS_NODEV, "trans=virtio,version=9p2000.L,msize=512000,cache=loose"); err != nil {
			return fmt.Errorf("show %s: %w", folder, err)
		}
		switch err := os.Mkdir(folder, 0o755); {
		case errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			return err
		}
		if err := unix.Mount(from, folder, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("show %s: %w", folder, err)
		}
	}
	return nil
}

// portTimeout is how long the driver may take to make the ports known.
const portTimeout = 10 * time.Second

// openPort opens a virtio port by its name.
func openPort(name string) (*os.File, error) {
	for began := time.Now(); time.Since(began) < portTimeout; time.Sleep(time.Millisecond) {
		found, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
		for _, path := range found {
			text, err := os.ReadFile(path)
			if err != nil || strings.TrimSpace(string(text)) != name {
				continue
			}
			device := filepath.Join("/dev", filepath.Base(filepath.Dir(path)))
			if fd, err := unix.Open(device, unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
				return os.NewFile(uintptr(fd), name), nil
			}
		}
	}
	return nil, fmt.Errorf("no virtio port %s: is virtio_console loaded?", name)
}
