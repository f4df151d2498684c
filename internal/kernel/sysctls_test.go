package kernel

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWithMachine: what only the first namespace shows is the machine's; what it does not
// show either is nobody's, and what a namespace has of its own stays.
func TestWithMachine(t *testing.T) {
	first := map[string]string{"net.core.somaxconn": "128", "net.ipv4.tcp_abort_on_overflow": "1", "net.ipv4.tcp_max_syn_backlog": "512"}
	own := map[string]string{"net.core.somaxconn": "4096"}
	all, machine := withMachine(own, first)
	if diff := cmp.Diff(map[string]string{"net.core.somaxconn": "4096", "net.ipv4.tcp_abort_on_overflow": "1", "net.ipv4.tcp_max_syn_backlog": "512"}, all); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"net.ipv4.tcp_abort_on_overflow", "net.ipv4.tcp_max_syn_backlog"}, machine); diff != "" {
		t.Errorf("of the machine (-want +got):\n%s", diff)
	}
	if len(own) != 1 {
		t.Errorf("the namespace's own were changed: %v", own)
	}
	if all, machine := withMachine(first, first); machine != nil || len(all) != len(first) {
		t.Errorf("with all of its own: %v, %v", all, machine)
	}
}
