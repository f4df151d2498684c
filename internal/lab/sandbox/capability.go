package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// bareCapabilities are what the first process of a sandbox without a user
// namespace keeps of root's rights: those that set-up, an experiment and the
// start of commands need.
var bareCapabilities = []int{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_KILL, unix.CAP_SETGID, unix.CAP_SETUID,
	unix.CAP_SETPCAP, unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_SYS_CHROOT,
	unix.CAP_SYS_PTRACE, unix.CAP_SYS_ADMIN,
}

// lastCapability returns the highest capability that the kernel knows.
func lastCapability() int {
	if n, err := strconv.Atoi(strings.TrimSpace(readSetting("/proc/sys/kernel/cap_last_cap"))); err == nil {
		return n
	}
	return unix.CAP_LAST_CAP
}

// boundCapabilities takes all but those out of the calling thread's bounding
// set. It needs CAP_SETPCAP.
func boundCapabilities(keep []int) error {
	for c := 0; ; c++ {
		if slices.Contains(keep, c) {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0)
		if errors.Is(err, unix.EINVAL) { // one beyond the last
			return nil
		}
		if err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
}

// clearCapabilities takes all capabilities from the calling thread.
func clearCapabilities() error {
	// Before Linux 4.3 there are none.
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	var none [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("clear capabilities: %w", err)
	}
	return nil
}
