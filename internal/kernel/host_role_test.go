package kernel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"unsafe"

	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// roleEnv makes the test binary something else than a test: a process of another
// user, or in a namespace of its own.
const roleEnv = "LISTENQ_KERNEL_TEST_ROLE"

var roles = map[string]func() error{
	"sample":          func() error { return sampleRole(HostOptions{Namespaces: true, Requests: true, Waiting: true}) },
	"sample-no-diag":  noDiagRole,
	"sample-netns":    netnsRole,
	"wait-for-signal": func() error { select {} },
}

func TestMain(m *testing.M) {
	name := os.Getenv(roleEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := roles[name](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// role is the test binary as another process.
func role(name string, attr syscall.SysProcAttr) *exec.Cmd {
	attr.Pdeathsig = unix.SIGKILL
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{"role"}, Dir: "/", Env: append(os.Environ(), roleEnv+"="+name)}
	cmd.SysProcAttr = &attr
	return cmd
}

// sampleAs is the sample that such a process took.
func sampleAs(t *testing.T, name string, attr syscall.SysProcAttr) (s queue.Sample) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := role(name, attr)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	check(t, json.Unmarshal(stdout.Bytes(), &s))
	return s
}

// sampleRole listens at port 8080, lets a connection wait, and prints a sample.
func sampleRole(o HostOptions) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	at := unix.SockaddrInet4{Port: 8080, Addr: [4]byte{127, 0, 0, 1}}
	if err := errors.Join(unix.Bind(fd, &at), unix.Listen(fd, 9)); err != nil {
		return err
	}
	h, err := OpenHost(o)
	if err != nil {
		return err
	}
	var s queue.Sample
	if err := errors.Join(h.Sample(&s), h.Sample(&s)); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}

// netnsRole is sampleRole with lo up.
func netnsRole() error {
	return errors.Join(loopbackUp(), sampleRole(HostOptions{Requests: true, Waiting: true}))
}

// noDiagRole is sampleRole where AF_NETLINK is forbidden, and one client waits.
func noDiagRole() error {
	if err := errors.Join(loopbackUp(), forbidNetlink()); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	at := unix.SockaddrInet6{Port: 8081, Addr: [16]byte{15: 1}}
	if err := errors.Join(unix.Bind(fd, &at), unix.Listen(fd, 9)); err != nil {
		return err
	}
	client, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(client, &at); err != nil {
		return err
	}
	return sampleRole(HostOptions{Requests: true, Waiting: true})
}

// forbidNetlink makes socket(AF_NETLINK) fail with EPERM for the whole process.
func forbidNetlink() error {
	const nr, arg0 = 0, 16 // struct seccomp_data
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	unless := func(k uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: skip}
	}
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	filter := []unix.SockFilter{
		load(nr), unless(unix.SYS_SOCKET, 3), load(arg0), unless(unix.AF_NETLINK, 1),
		ret(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)), ret(unix.SECCOMP_RET_ALLOW),
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}
