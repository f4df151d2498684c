package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/agext/levenshtein"

	"listenq/internal/kernel"
)

// settings are the sysctls that decide what happens at a listen queue. Every
// experiment begins with these values, the kernel's defaults for a machine with
// much memory, whatever this machine has; a recording keeps those at its end.
var settings = []struct{ name, value string }{
	{"net.core.somaxconn", "4096"},
	{"net.ipv4.tcp_abort_on_overflow", "0"},
	{"net.ipv4.tcp_fastopen", "1"},
	{"net.ipv4.tcp_fin_timeout", "60"},
	{"net.ipv4.tcp_max_syn_backlog", "4096"},
	{"net.ipv4.tcp_max_tw_buckets", "262144"},
	{"net.ipv4.tcp_migrate_req", "0"},
	{"net.ipv4.tcp_no_metrics_save", "0"},
	{"net.ipv4.tcp_orphan_retries", "0"},
	{"net.ipv4.tcp_retries1", "3"},
	{"net.ipv4.tcp_retries2", "15"},
	{"net.ipv4.tcp_sack", "1"},
	{"net.ipv4.tcp_syn_linear_timeouts", "4"},
	{"net.ipv4.tcp_syn_retries", "6"},
	{"net.ipv4.tcp_synack_retries", "5"},
	{"net.ipv4.tcp_syncookies", "1"},
	{"net.ipv4.tcp_timestamps", "1"},
	{"net.ipv4.tcp_tw_reuse", "2"},
	{"net.ipv4.tcp_window_scaling", "1"},
}

func sysctlPath(name string) string { return "/proc/sys/" + strings.ReplaceAll(name, ".", "/") }

// setDefaults writes the settings in the calling thread's namespace. One that
// this kernel does not have is left out.
func setDefaults() error {
	for _, s := range settings {
		err := os.WriteFile(sysctlPath(s.name), []byte(s.value), 0)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("set %s: %w", s.name, err)
		}
	}
	return nil
}

// nearSetting suggests the setting of this kernel with the most similar name.
func nearSetting(name string) string {
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

// sysctls are the settings of each side. One that this kernel does not have is
// left out.
func (n *network) sysctls() (map[string]map[string]string, error) {
	names := [...]string{"server", "client"}
	all := map[string]map[string]string{}
	for i, side := range n.sides() {
		values := map[string]string{}
		err := kernel.InNetns(int(side.netns.Fd()), func() error {
			for _, s := range settings {
				if value, err := os.ReadFile(sysctlPath(s.name)); err == nil {
					values[s.name] = strings.Join(strings.Fields(string(value)), " ")
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		all[names[i]] = values
	}
	return all, nil
}

// tellSettings gives the settings of the server's namespace to the model.
func (e *experiment) tellSettings() error {
	all, err := e.net.sysctls()
	for name, value := range all["server"] {
		e.obs.setting(name, value)
	}
	return err
}

// stay leaves everything as it is until ctx ends, and says how to look at it.
func (e *experiment) stay(ctx context.Context) error {
	p := Progress{Scenario: e.script.Name, Namespaces: map[string]int{}}
	names := [...]string{"server", "client"}
	for i, side := range e.net.sides() {
		p.Namespaces[names[i]] = int(side.netns.Fd())
	}
	e.tell(p)
	<-ctx.Done()
	return nil
}

// enterCommand is how to run a command in a namespace that process pid holds open.
func enterCommand(pid, fd int) string {
	return fmt.Sprintf("nsenter --target %d --user --net=/proc/%d/fd/%d", pid, pid, fd)
}
