package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// NewNetns makes a network namespace in which loopback is up and a command may
// listen on any port, where the kernel can allow that (Linux 4.11). It lives until the file is closed and everything in it
// has ended.
func (in *Inside) NewNetns() (*os.File, error) {
	type result struct {
		netns *os.File
		err   error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends in its namespace
		netns, err := newNetns()
		made <- result{netns, err}
	}()
	r := <-made
	if r.err != nil {
		return nil, fmt.Errorf("make network namespace: %w", r.err)
	}
	return r.netns, nil
}

// newNetns moves the calling thread into a new network namespace.
func newNetns() (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	if err := loopbackUp(); err != nil {
		return nil, fmt.Errorf("bring up loopback: %w", err)
	}
	// A command has no CAP_NET_BIND_SERVICE, and port 80 is a server's usual one. Before
	// Linux 4.11 there is no such setting, and its ports begin at 1024.
	err := os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.Open(ofThread("ns/net"))
}

// loopbackUp sets IFF_UP on lo (netdevice(7)).
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}
