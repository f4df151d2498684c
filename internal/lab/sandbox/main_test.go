package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// roleArg makes the test binary another program of the tests: a role of roles.
const roleArg = "test-role"

// roles are the programs of the tests. What a role prints on descriptor 3 (or
// standard output, for a host or a probe) is its result.
var roles map[string]func(args []string) error

// quickRace keeps the race detector's runtime from a second of sleep at the end
// of each of the many processes.
const quickRace = "GORACE=atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	roles = map[string]func([]string) error{
		"host":       hostRole,
		"host-of":    hostOfRole,
		"crowded":    crowdedRole,
		"inside":     insideRole,
		"probe":      func(args []string) error { return probeRole(os.Stdout, args) },
		"listen":     listenRole,
		"victim":     victimRole,
		"no-clone":   noCloneRole,
		"old-kernel": oldKernelRole,
		"bare":       bareRole,
		"no-setting": noSettingRole,
		"mask-proc":  maskProcRole,
		"no-memory":  noMemoryRole,
		"chroot":     chrootRole,
		"lock":       lockRole,
		"key":        keyRole,
		"unchanged":  unchangedRole,
	}
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case DropArg:
			exitWith(Drop(os.Args[2:]), 126)
		case roleArg:
			exitWith(roles[os.Args[2]](os.Args[3:]), 1)
		}
	}
	os.Exit(m.Run())
}

func exitWith(err error, code int) {
	if err == nil {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, err)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		code = exit.ExitCode()
	}
	os.Exit(code)
}

// user is who runs listenq in a test.
type user struct {
	name   string
	uid    uint32
	before []string // roles that prepare the ground and then become the next

	forbidden bool // to make user namespaces
}

// ordinaryUID is an ordinary user's id that nobody has here.
const ordinaryUID = 54321

var users = []user{
	{name: "root"},
	{name: "root without user namespaces", before: []string{"no-clone"}, forbidden: true},
	{name: "root that wants none", before: []string{"bare"}},
	{name: "ordinary user", uid: ordinaryUID},
}

// command returns a role as a process of that user.
func (u user) command(args ...string) *exec.Cmd {
	line := []string{"sandbox-test", roleArg}
	line = append(line, u.before...)
	cmd := &exec.Cmd{Path: Self, Args: append(line, args...), Dir: "/", Env: append(os.Environ(), quickRace)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.uid, Gid: u.uid}, Pdeathsig: unix.SIGKILL}
	return cmd
}

// run runs a role as a process of that user and returns what it printed, and
// its error with what it complained of.
func (u user) run(args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := u.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// hostRole starts a sandbox that shows a folder ("" for none) and runs the
// inside role in it. It leaks a descriptor, as a careless parent would.
func hostRole(args []string) error {
	leaked, err := syscall.Open("/etc/passwd", syscall.O_RDONLY, 0)
	if err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(leaked), unix.F_DUPFD, 100); err != nil { // a number that is not taken for Files
		return err
	}
	copies, err := copiesOf(args[0])
	if err != nil {
		return err
	}
	return runBox(copies, args[0], args[1:])
}

// hostOfRole starts a sandbox that shows one file of a folder.
func hostOfRole(args []string) error {
	copies, err := Pack(args[0], args[1:2], nil)
	if err != nil {
		return err
	}
	return runBox(copies, args[0], args[2:])
}

func runBox(copies *os.File, dir string, args []string) error {
	box, err := Start(Spec{
		Args:   append([]string{roleArg, "inside"}, args...),
		Files:  []*os.File{os.Stdout},
		Copies: copies,
		Dir:    dir,
		Stderr: os.Stderr,
		Bare:   os.Getenv(bareEnv) != "",
	})
	if err != nil {
		if f, ok := errors.AsType[*Forbidden](err); ok {
			return fmt.Errorf("forbidden by %s=%s: %s: %w", f.Setting, f.Value, f.Way, err)
		}
		return err
	}
	return box.Wait()
}

// crowdedRole starts sandboxes with a file of each number in a range, one after the other.
func crowdedRole(args []string) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	for number := 90; number < 130; number++ {
		fd, err := unix.FcntlInt(null.Fd(), unix.F_DUPFD_CLOEXEC, number)
		if err != nil {
			return err
		}
		f := os.NewFile(uintptr(fd), "null")
		box, err := Start(Spec{Args: []string{roleArg, "inside", "shared"}, Files: []*os.File{f}, Stderr: os.Stderr})
		if err == nil {
			err = box.Wait()
		}
		if closed := f.Close(); err != nil || closed != nil {
			return errors.Join(err, closed)
		}
	}
	return nil
}

// copiesOf packs all files and folders in a folder, which may be "".
func copiesOf(dir string) (*os.File, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() || entry.Type().IsRegular() {
			names = append(names, entry.Name())
		}
	}
	return Pack(dir, names, nil)
}

// insideRole enters the sandbox and does what its first argument says with the rest.
func insideRole(args []string) error {
	in, err := Enter()
	if err != nil {
		return err
	}
	out := os.NewFile(3, "out")
	switch args[0] {
	case "command": // run a command
		return runCommand(in, out, args[1:])
	case "runner": // run a probe with the rights of the runner
		return probeRole(out, args[1:])
	case "netns":
		return netnsRole(in, out)
	case "shared":
		_, err := fmt.Fprintln(out, strings.Join(in.Shared(), "\n"))
		return err
	case "commands": // several commands, one after the other
		return commandsRole(in, out)
	case "stay": // start a command that never ends and say so
		return stay(in, out)
	}
	return fmt.Errorf("no such thing to do: %s", args[0])
}

func runCommand(in *Inside, out io.Writer, argv []string) error {
	cmd, err := in.Command(argv)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	cmd.Env = append(cmd.Env, quickRace)
	if err := startInNetns(in, cmd); err != nil {
		return err
	}
	return cmd.Wait()
}

// startInNetns starts a command in a network namespace of its own.
func startInNetns(in *Inside, cmd *exec.Cmd) error {
	netns, err := in.NewNetns()
	if err != nil {
		return err
	}
	defer netns.Close()
	return inNetns(netns, func() error { return in.Start(cmd) })
}

// inNetns calls fn on a thread that ends in that network namespace.
func inNetns(netns *os.File, fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			err = fn()
		}
		done <- err
	}()
	return <-done
}

func stay(in *Inside, out io.Writer) error {
	cmd, err := in.Command([]string{"sleep", "1000"})
	if err != nil {
		return err
	}
	if err := in.Start(cmd); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return err
	}
	return cmd.Wait()
}

// noSettingRole forbids user namespaces in the user namespace that it is in by
// the sysctl, and becomes the next role as the user that its first argument names.
func noSettingRole(args []string) error {
	if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
		return err
	}
	return becomeAs(args)
}

// noMemoryRole forbids to execute files in memory in the PID namespace that it is in, and
// then as noSettingRole.
func noMemoryRole(args []string) error {
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/vm/memfd_noexec", []byte("2"), 0); err != nil {
		return err
	}
	return becomeAs(args)
}

// maskProcRole hides a file of /proc as containers do, and then as noSettingRole.
func maskProcRole(args []string) error {
	if err := bind("/dev/null", "/proc/keys"); err != nil {
		return err
	}
	return becomeAs(args)
}

// chrootRole changes the root directory, and then as noSettingRole.
func chrootRole(args []string) error {
	const root = "/mnt/root"
	b := builder{root: root, view: view{Devices: harmlessDevices}}
	err := errors.Join(
		unix.Mount("tmpfs", "/mnt", "tmpfs", 0, ""),
		os.MkdirAll(root+"/proc", 0o755),
		os.Mkdir(root+"/dev", 0o755),
		os.Mkdir(root+"/tmp", 0o755),
		os.Mkdir(root+emptyFolder, 0o755),
		b.systemFolders(),
		b.dev(),
		bind("/proc", root+"/proc"),
		unix.Chroot(root),
		os.Chdir("/"),
	)
	if err != nil {
		return err
	}
	return becomeAs(args)
}

func becomeAs(args []string) error {
	uid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if uid != 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setresgid(uid, uid, uid), syscall.Setresuid(uid, uid, uid)); err != nil {
			return err
		}
	}
	return become(args[1:])
}

// noCloneRole forbids user namespaces to itself by a seccomp filter as
// containers have one, and becomes the next role.
func noCloneRole(args []string) error {
	if err := denyUserNamespaces(); err != nil {
		return err
	}
	return become(args)
}

// oldKernelRole makes the kernel an old one to the next role.
func oldKernelRole(args []string) error {
	if err := denyNewCalls(); err != nil {
		return err
	}
	return become(args)
}

// bareEnv in the environment makes hostRole start a bare sandbox.
const bareEnv = "SANDBOX_TEST_BARE"

// bareRole makes the next role start a bare sandbox.
func bareRole(args []string) error {
	if err := os.Setenv(bareEnv, "1"); err != nil {
		return err
	}
	return become(args)
}

func become(args []string) error {
	return syscall.Exec(Self, append([]string{"sandbox-test", roleArg}, args...), os.Environ())
}
