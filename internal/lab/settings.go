package lab

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/agext/levenshtein"

	"listenq/internal/kernel"
)

// settings are the sysctls that decide what happens at a listen queue; a
// recording keeps their values.
var settings = []string{
	"net.core.somaxconn",
	"net.ipv4.tcp_abort_on_overflow",
	"net.ipv4.tcp_max_syn_backlog",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.tcp_syn_retries",
	"net.ipv4.tcp_syn_linear_timeouts",
	"net.ipv4.tcp_synack_retries",
	"net.ipv4.tcp_retries1",
	"net.ipv4.tcp_retries2",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_orphan_retries",
	"net.ipv4.tcp_tw_reuse",
	"net.ipv4.tcp_max_tw_buckets",
	"net.ipv4.tcp_fastopen",
	"net.ipv4.tcp_migrate_req",
	"net.ipv4.tcp_timestamps",
	"net.ipv4.tcp_sack",
	"net.ipv4.tcp_window_scaling",
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

func sysctlPath(name string) string { return "/proc/sys/" + strings.ReplaceAll(name, ".", "/") }

// sysctls are the settings of each side. One that this kernel does not have is
// left out.
func (n *network) sysctls() (map[string]map[string]string, error) {
	names := [...]string{"server", "client"}
	all := map[string]map[string]string{}
	for i, side := range n.sides() {
		values := map[string]string{}
		err := kernel.InNetns(int(side.netns.Fd()), func() error {
			for _, name := range settings {
				if value, err := os.ReadFile(sysctlPath(name)); err == nil {
					values[name] = strings.Join(strings.Fields(string(value)), " ")
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
