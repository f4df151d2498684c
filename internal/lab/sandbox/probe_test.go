package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// probes are things that a command of an experiment must not be able to do. A
// probe succeeds if it can.
var probes = map[string]func(arg string) error{
	"write":                 appendTo,
	"remount, write":        remountAndWrite,
	"look at":               func(path string) error { _, err := os.Stat(path); return err },
	"see":                   seeProcess,
	"find the runner":       findRunner,
	"signal":                signalProcess,
	"trace":                 traceProcess,
	"connect to":            connect,
	"hold":                  holdFile,
	"have rights":           haveRights,
	"have right":            haveRight,
	"be root":               beRoot,
	"be root by":            func(path string) error { return runProbe(exec.Command(path), "be root", "") },
	"set":                   setSysctl,
	"unmount":               func(path string) error { return unix.Unmount(path, unix.MNT_DETACH) },
	"make a user namespace": makeUserns,
	"touch":                 func(path string) error { return os.Chtimes(path, time.Time{}, time.Now()) },
	"write to FIFO":         writeToFifo,
	"keep a key":            func(string) error { _, err := keepKey("sandbox-test", keyProcess); return err },
	"read a key":            readKey,
	"see keys":              seeKeys,
	"call":                  func(name string) error { return calls[name]() },
	"open socket":           openFamily,
}

// probeRole runs one probe, its name and its argument, and prints whether it
// can. Its error is that it could not be tried.
func probeRole(out io.Writer, args []string) error {
	answer := "can"
	if err := probes[args[0]](args[1]); errors.Is(err, errNotTried) {
		return err
	} else if err != nil {
		answer = "cannot: " + err.Error()
	}
	_, err := fmt.Fprintln(out, answer)
	return err
}

var errNotTried = errors.New("not tried")

// runProbe runs a probe in another process.
func runProbe(cmd *exec.Cmd, name, arg string) error {
	cmd.Args = []string{"sandbox-test", roleArg, "probe", name, arg}
	cmd.Stderr = os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%w: %w", errNotTried, err)
	}
	if reason, cannot := strings.CutPrefix(string(answer), "cannot: "); cannot {
		return errors.New(strings.TrimSpace(reason))
	}
	return nil
}

func appendTo(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString("x")
	return err
}

func seeProcess(pid string) error {
	line, err := os.ReadFile("/proc/" + pid + "/cmdline")
	if err == nil && !bytes.Contains(line, []byte("victim")) {
		err = fmt.Errorf("process %s is %q", pid, line)
	}
	return err
}

// findRunner looks for the process that runs the inside role.
func findRunner(string) error {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, path := range lines {
		if line, _ := os.ReadFile(path); bytes.Contains(line, []byte(roleArg+"\x00inside\x00")) {
			return nil
		}
	}
	return errors.New("not found")
}

func signalProcess(pid string) error {
	n, err := strconv.Atoi(pid)
	if err != nil {
		return err
	}
	return unix.Kill(n, 0)
}

func traceProcess(pid string) error {
	n, err := strconv.Atoi(pid)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.PtraceAttach(n); err != nil {
		return err
	}
	if _, err := unix.Wait4(n, nil, unix.WALL, nil); err != nil {
		return err
	}
	return unix.PtraceDetach(n)
}

// connect takes "network address".
func connect(where string) error {
	network, address, _ := strings.Cut(where, " ")
	conn, err := net.DialTimeout(network, address, time.Second)
	if err == nil {
		err = conn.Close()
	}
	return err
}

// holdFile takes the identity of a file.
func holdFile(identity string) error {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, fd := range fds {
		if held, err := fileIdentity("/proc/self/fd/" + fd.Name()); err == nil && held == identity {
			return nil
		}
	}
	return errors.New("no descriptor for it")
}

// fileIdentity is the device and inode of a file, as the host numbers them.
func fileIdentity(path string) (string, error) {
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d of %d", stat.Ino, stat.Dev), nil
}

// haveRights succeeds if this thread has a capability, or a way to get one.
func haveRights(string) error {
	text, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		if strings.HasPrefix(name, "Cap") && strings.Trim(value, "0") != "" {
			return nil
		}
		if name == "NoNewPrivs" && value != "1" {
			return nil
		}
	}
	return errors.New("no capability in any set, and no_new_privs")
}

// haveRight takes the number of a capability.
func haveRight(number string) error {
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	var now [2]unix.CapUserData
	if err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &now[0]); err != nil {
		return err
	}
	if now[n/32].Permitted&(1<<(n%32)) == 0 {
		return errors.New("not permitted")
	}
	return nil
}

// beRoot succeeds as the host's root, whatever our user namespace calls it.
func beRoot(string) error {
	if uid := os.Geteuid(); uid != 0 {
		return fmt.Errorf("uid is %d", uid)
	}
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return err
	}
	var inside, outside int
	if _, err := fmt.Sscan(string(ids), &inside, &outside); err != nil {
		return err
	}
	if inside == 0 && outside != 0 {
		return fmt.Errorf("uid is 0 here and %d on the host", outside)
	}
	return nil
}

// remountAndWrite makes the mount that the file is in writable, if it can.
func remountAndWrite(path string) error {
	refused := unix.Mount("", filepath.Dir(path), "", unix.MS_BIND|unix.MS_REMOUNT, "")
	if err := appendTo(path); err != nil {
		return errors.Join(refused, err)
	}
	return nil
}

func setSysctl(path string) error { return os.WriteFile(path, []byte("2"), 0) }
