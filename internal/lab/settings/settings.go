package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/agext/levenshtein"

	"listenq/internal/lab/script"
)

// All are the sysctls that decide what happens at a listen queue. Every
// experiment begins with these values, the kernel's defaults for a machine with
// much memory, whatever this machine has; a recording keeps those at its end.
// What they mean: Documentation/networking/ip-sysctl.rst, and experiments.
var All = []struct{ Name, Value, Meaning string }{
	{"net.core.somaxconn", "4096", "the most that listen() takes for a limit of the accept queue: a higher backlog counts as this. What listens already keeps its limit."},
	{"net.ipv4.tcp_abort_on_overflow", "0", "0: a final ACK that finds the accept queue full is dropped, and the SYN-ACK sent again. 1: it is answered with a reset. A SYN is dropped, and a cookie's ACK, whatever it says."},
	{"net.ipv4.tcp_fastopen", "1", "bits: 1 for clients that send data with their SYN, 2 for servers that take it, 4 and 512 for both without a cookie."},
	{"net.ipv4.tcp_fin_timeout", "60", "seconds that a closed socket stays in FIN_WAIT2, waiting for the FIN of the other side."},
	{"net.ipv4.tcp_max_syn_backlog", "4096", "no limit of the SYN queue, which is the backlog's. Without SYN cookies its last quarter is kept for peers that are known."},
	{"net.ipv4.tcp_max_tw_buckets", "262144", "the most sockets in TIME_WAIT, and of closed ones in FIN_WAIT2. One more is gone at once."},
	{"net.ipv4.tcp_migrate_req", "0", "1: what waits at a listener that is closed moves to another of its SO_REUSEPORT group. 0: it is reset."},
	{"net.ipv4.tcp_no_metrics_save", "0", "0: what was learnt of a peer is kept for its next connections. 1: it is forgotten."},
	{"net.ipv4.tcp_orphan_retries", "0", "how long a closed socket sends its FIN and data again: as long as so many retransmissions take that begin 200 ms apart. 0 is 8."},
	{"net.ipv4.tcp_retries1", "3", "retransmissions after which another route is looked for."},
	{"net.ipv4.tcp_retries2", "15", "retransmissions after which a connection ends with ETIMEDOUT: 15 take a quarter of an hour."},
	{"net.ipv4.tcp_sack", "1", "1: selective acknowledgements are offered."},
	{"net.ipv4.tcp_syn_linear_timeouts", "4", "how many SYNs a client sends again a second apart, before the time between them doubles."},
	{"net.ipv4.tcp_syn_retries", "6", "how often a client sends its SYN again before connect() gives ETIMEDOUT; those of tcp_syn_linear_timeouts come on top."},
	{"net.ipv4.tcp_synack_retries", "5", "how often a server sends its SYN-ACK again before the request expires: 5 take 63 s."},
	{"net.ipv4.tcp_syncookies", "1", "1: when the SYN queue is full a SYN is answered with a cookie, and nothing is kept of it. 0: it is dropped. 2: cookies always."},
	{"net.ipv4.tcp_timestamps", "1", "1: timestamps are offered. A SYN cookie needs them to keep window scaling and SACK."},
	{"net.ipv4.tcp_tw_reuse", "2", "whether a client may take the port of its connection in TIME_WAIT again: 0 no, 1 yes, 2 on loopback."},
	{"net.ipv4.tcp_window_scaling", "1", "1: windows of more than 64 KiB are offered."},
}

func Path(name string) string { return "/proc/sys/" + strings.ReplaceAll(name, ".", "/") }

// Apply writes the settings in the calling thread's namespace, or where they are
// those of the machine. One that this kernel does not have is left out.
func Apply(m *Machine) error {
	for _, s := range All {
		err := os.WriteFile(Path(s.Name), []byte(s.Value), 0)
		if errors.Is(err, fs.ErrNotExist) {
			err = m.Set(s.Name, s.Value)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("set %s: %w", s.Name, err)
		}
	}
	return nil
}

// Hidden returns one of settings that is not there in the calling thread's
// namespace; empty if all are. In network namespaces of a user namespace older
// kernels hide net.core (sysctl_core_net_init, net/core/sysctl_net_core.c); those of
// the first user namespace have it.
func Hidden(settings []string) string {
	for _, name := range settings {
		if _, err := os.Stat(Path(name)); errors.Is(err, fs.ErrNotExist) {
			return name
		}
	}
	return ""
}

// LeastSomaxconn is what experiments begin with.
const LeastSomaxconn = 4096

// Core are the settings of net.core that a script sets and this machine has.
func Core(s *script.Script) []string {
	var names []string
	for _, step := range s.Steps {
		if do, ok := step.Do.(script.Sysctl); ok && strings.HasPrefix(do.Name, "net.core.") && Hidden([]string{do.Name}) == "" {
			names = append(names, do.Name)
		}
	}
	return names
}

// Near suggests the setting of this kernel with the most similar name.
func Near(name string) string {
	best := ""
	filepath.WalkDir("/proc/sys/net", func(path string, d fs.DirEntry, err error) error { // what cannot be read is no suggestion
		if err != nil || d.IsDir() {
			return nil
		}
		known := strings.ReplaceAll(strings.TrimPrefix(path, "/proc/sys/"), "/", ".")
		if best == "" || levenshtein.Distance(name, known, nil) < levenshtein.Distance(name, best, nil) {
			best = known
		}
		return nil
	})
	return fmt.Sprintf("did you mean %s?", best)
}
