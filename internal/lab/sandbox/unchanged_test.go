package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestHostUnchanged compares everything that an experiment could change of the
// host. The host is a set of namespaces, so that nobody else changes it.
func TestHostUnchanged(t *testing.T) {
	needRoot(t)
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			cmd := user{}.command(append([]string{"unchanged", strconv.Itoa(int(u.uid))}, u.before...)...)
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Unshareflags: unix.CLONE_NEWNS, // also makes the mounts private
				Cloneflags:   unix.CLONE_NEWNET | unix.CLONE_NEWPID,
				Pdeathsig:    unix.SIGKILL,
			}
			out, err := cmd.CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestSysctlsUnchanged looks at the sysctls that only the real host has.
func TestSysctlsUnchanged(t *testing.T) {
	needRoot(t)
	before, err := sysctls()
	check(t, err)
	for _, u := range users {
		if _, err := u.run("host", "", "netns"); err != nil {
			t.Fatal(err)
		}
	}
	after, err := sysctls()
	check(t, err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("sysctls before and after (-want +got):\n%s", diff)
	}
}

// unchangedRole runs a sandbox as that user to its end and another to its
// violent end, and prints what has changed by them.
func unchangedRole(args []string) error {
	uid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Mount("proc", "/proc", "proc", 0, ""), loopbackUp()); err != nil {
		return err
	}
	first, err := snapshot()
	if err != nil {
		return err
	}
	host := user{uid: uint32(uid), before: args[1:]}
	if _, err := host.run("host", "", "netns"); err != nil {
		return err
	}
	if err := killStaying(host); err != nil {
		return err
	}
	second, err := snapshot()
	if err != nil {
		return err
	}
	fmt.Print(cmp.Diff(first, second))
	return seesChanges(first)
}

// killStaying kills the parent of a sandbox and waits until all is gone: this
// process is the init of it.
func killStaying(host user) error {
	cmd := host.command("host", "", "stay")
	ready, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		return err
	}
	if err := cmd.Process.Kill(); err != nil {
		return err
	}
	_ = cmd.Wait()
	for err = nil; !errors.Is(err, unix.ECHILD); {
		_, err = unix.Wait4(-1, nil, 0, nil)
	}
	return nil
}

// seesChanges is the counter-proof: it does outside of a sandbox what was done
// inside, and what would be left behind.
func seesChanges(before map[string]string) error {
	if err := overflow(); err != nil {
		return err
	}
	left := exec.Command("sleep", "10")
	if err := left.Start(); err != nil {
		return err
	}
	defer left.Process.Kill()
	if err := unix.Mount("tmpfs", "/mnt", "tmpfs", 0, ""); err != nil {
		return err
	}
	after, err := snapshot()
	if err != nil {
		return err
	}
	for _, what := range []string{"/proc/sys/net/ipv4/tcp_syncookies", "counters", "processes", "mounts"} {
		if before[what] == after[what] {
			return fmt.Errorf("counter-proof: no change of %s seen", what)
		}
	}
	return nil
}

// snapshot is what of a host could be changed, by name.
func snapshot() (map[string]string, error) {
	all, err := sysctls()
	if err != nil {
		return nil, err
	}
	for _, what := range []string{"addr", "link", "route", "rule"} {
		out, err := exec.Command("ip", "-j", what).Output()
		if err != nil {
			return nil, err
		}
		all[what+"s"] = string(out)
	}
	for name, path := range map[string]string{"counters": "/proc/net/netstat", "mounts": "/proc/self/mountinfo"} {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all[name] = string(text)
	}
	pids, err := filepath.Glob("/proc/[0-9]*")
	all["processes"] = strings.Join(pids, " ")
	return all, err
}

// sysctls reads all that are settings; the rest counts something.
func sysctls() (map[string]string, error) {
	counters := []string{"/proc/sys/kernel/random/", "/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/pty/nr", "/proc/sys/net/netfilter/nf_conntrack_count"}
	all := map[string]string{}
	for _, root := range []string{"/proc/sys/net", "/proc/sys/kernel", "/proc/sys/user", "/proc/sys/vm"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			for _, counter := range counters {
				if strings.HasPrefix(path, counter) {
					return nil
				}
			}
			if text, err := os.ReadFile(path); err == nil { // some can only be written
				all[path] = string(text)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// netnsRole does in a network namespace of the sandbox what must not be seen on
// the host: it sets sysctls, and a connection overflows a queue. It also
// shows that its sysctls are those of that namespace alone.
func netnsRole(in *Inside, out *os.File) error {
	used, err := in.NewNetns()
	if err != nil {
		return err
	}
	other, err := in.NewNetns()
	if err != nil {
		return err
	}
	got := map[string]string{}
	err = errors.Join(
		inNetns(used, func() error { return errors.Join(overflow(), settings(got, "used ")) }),
		inNetns(other, func() error { return settings(got, "other ") }),
	)
	for _, name := range []string{"used syncookies", "other syncookies", "other port"} {
		fmt.Fprintf(out, "%s %s", name, got[name])
	}
	return errors.Join(err, used.Close(), other.Close())
}

// overflow listens on a port of the privileged range and connects once more
// than the accept queue has room for.
func overflow() error {
	if err := os.WriteFile("/proc/sys/net/ipv4/tcp_syncookies", []byte("2"), 0); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Port: 80}), unix.Listen(fd, 0)); err != nil {
		return err
	}
	first, err := net.Dial("tcp", "127.0.0.1:80")
	if err != nil {
		return err
	}
	defer first.Close()
	second := net.Dialer{Timeout: 50 * time.Millisecond}
	if conn, err := second.Dial("tcp", "127.0.0.1:80"); err == nil {
		conn.Close()
		return errors.New("the accept queue has not overflowed")
	}
	return nil
}

func settings(got map[string]string, prefix string) error {
	syncookies, err := os.ReadFile("/proc/sys/net/ipv4/tcp_syncookies")
	port, err2 := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	maps.Copy(got, map[string]string{prefix + "syncookies": string(syncookies), prefix + "port": string(port)})
	return errors.Join(err, err2)
}

// TestNewNetns reads what netnsRole found: only what is set in a network
// namespace is changed, and only there.
func TestNewNetns(t *testing.T) {
	needRoot(t)
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			got, err := u.run("host", "", "netns")
			check(t, err)
			if diff := cmp.Diff("used syncookies 2\nother syncookies 1\nother port 0\n", got); diff != "" {
				t.Errorf("sysctls (-want +got):\n%s", diff)
			}
		})
	}
}
