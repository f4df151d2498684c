package facts

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/lab/settings"
)

// Fresh are the settings of a new network namespace that are facts, and
// what they mean.
var Fresh = []struct{ Name, Meaning string }{
	{Somaxconn, "An accept queue's limit is this at most, whatever listen() asks for."},
	{"net.ipv4.tcp_max_syn_backlog", "Matters without SYN cookies alone: its last quarter is for known peers. Set by the size of memory."},
	{"net.ipv4.tcp_syncookies", "0: a SYN that finds the SYN queue full is dropped. 1: it is answered with a cookie. 2: all are."},
	{"net.ipv4.tcp_abort_on_overflow", "0: a final ACK that finds the accept queue full is dropped. 1: it is answered with a reset."},
	{"net.ipv4.tcp_synack_retries", "So often a server sends its SYN-ACK again: 5 take 63 s, then the request is forgotten."},
	{"net.ipv4.tcp_syn_retries", "So often a client sends its SYN again before connect() fails."},
	{"net.ipv4.tcp_syn_linear_timeouts", "So often it does that a second apart, before the pauses double: on top of the others."},
	{"net.ipv4.tcp_migrate_req", "1: what waits at a listener that is closed moves to another of its SO_REUSEPORT group."},
	{"net.ipv4.tcp_child_ehash_entries", "0: sockets are in the table of the parent namespace, which a walk takes long to read."},
}

// ReadFresh reads them in the calling thread's namespace, which nobody has
// configured yet. One that this kernel does not have is left out.
func ReadFresh() map[string]string {
	values := map[string]string{}
	for _, s := range Fresh {
		text, err := os.ReadFile(settings.Path(s.Name))
		if err == nil {
			values[s.Name] = strings.TrimSpace(string(text))
		} else if !errors.Is(err, fs.ErrNotExist) {
			values[s.Name] = err.Error()
		}
	}
	// Older kernels do not show it in user namespaces (sysctl_core_net_init,
	// net/core/sysctl_net_core.c): then a listener that asks for more shows it.
	if _, shown := values[Somaxconn]; !shown {
		limit, err := LongestQueue()
		if values[Somaxconn] = strconv.Itoa(int(limit)); err != nil {
			values[Somaxconn] = err.Error()
		}
	}
	return values
}

const Somaxconn = "net.core.somaxconn"

// LongestQueue is the limit that a listener gets that asks for the most.
func LongestQueue() (limit uint32, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Listen(fd, math.MaxInt32); err != nil {
		return 0, fmt.Errorf("listen: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, fmt.Errorf("getsockname: %w", err)
	}
	port := uint16(name.(*unix.SockaddrInet4).Port)
	err = dump(kernel.Request{Family: unix.AF_INET, States: kernel.States(evidence.Listen), LocalPort: port}, func(s *kernel.Socket) bool {
		limit = s.SendQ
		return true
	})
	return limit, err
}
