package kernel

import (
	"maps"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// sysctlNames are the settings of a network namespace that bear on listen queues.
// Kernels before 4.9 to 4.15 have some of them for the whole machine, and show
// them in the first namespace alone.
var sysctlNames = [...]string{
	"net.core.somaxconn",
	"net.ipv4.tcp_abort_on_overflow",
	"net.ipv4.tcp_fastopen",
	"net.ipv4.tcp_max_syn_backlog",
	"net.ipv4.tcp_migrate_req",
	"net.ipv4.tcp_syn_retries",
	"net.ipv4.tcp_synack_retries",
	"net.ipv4.tcp_syncookies",
}

// sysctlsHold is for how long a reading of the settings is taken to hold.
const sysctlsHold = 5 * time.Second

// readSysctls reads the settings of the calling thread's network namespace, which
// is what /proc/sys/net shows. What this kernel does not have is left out.
func readSysctls() map[string]string {
	all := make(map[string]string, len(sysctlNames))
	for _, name := range sysctlNames {
		if value, err := readSysctl("/proc/sys/" + strings.ReplaceAll(name, ".", "/")); err == nil {
			all[name] = value
		}
	}
	return all
}

// withMachine adds to the settings of a namespace those that are there in the first
// namespace alone, which are the machine's, and names them, sorted. It changes neither map.
func withMachine(own, first map[string]string) (all map[string]string, machine []string) {
	for _, name := range sysctlNames {
		if _, has := own[name]; !has && first[name] != "" {
			machine = append(machine, name)
		}
	}
	if machine == nil {
		return own, nil
	}
	all = maps.Clone(own)
	for _, name := range machine {
		all[name] = first[name]
	}
	return all, machine
}

// readSysctl reads one of those numbers. An os.File would be watched for changes by
// epoll, as these files can be, and that takes longer than to read it.
func readSysctl(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var text [64]byte
	n, err := unix.Read(fd, text[:])
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(text[:n])), nil
}
