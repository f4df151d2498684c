package lab

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/job"
)

// RFC 6298 and Documentation/networking/ip-sysctl.rst, tcp_syn_linear_timeouts.
func TestSynSchedule(t *testing.T) {
	for _, test := range []struct {
		linear, doubling, fails int
		times                   string
	}{
		{4, 6, 131, "1, 2, 3, 4, 5, 7, 11, 19, 35, 67"},
		{0, 6, 127, "1, 3, 7, 15, 31, 63"},
		{0, 1, 3, "1"},
		{0, 0, 1, ""},
		{0, 8, 367, "1, 3, 7, 15, 31, 63, 127, 247"}, // no pause is over 120 s
	} {
		times, fails := synSchedule(test.linear, test.doubling)
		if times != test.times || fails != test.fails {
			t.Errorf("%d linear, %d doubling: %q, fails at %d s; want %q, %d s", test.linear, test.doubling, times, fails, test.times, test.fails)
		}
	}
}

// Without experiments the same facts are there, and each says why it is unknown.
func TestInsideUnknown(t *testing.T) {
	in := insideFacts{err: errors.New("namespaces are not allowed here")}
	var got []string
	for _, f := range append(append(in.experiments(), in.defaults()...), in.unprivileged()...) {
		if f.Value != nil || f.UnknownBecause != in.err.Error() || f.Meaning == "" {
			t.Errorf("%+v", f)
		}
		got = append(got, f.Name)
	}
	for _, f := range facts.All() {
		if !strings.Contains(strings.Join(got, " "), f.Name) {
			t.Errorf("%s is left out", f.Name)
		}
	}
}

// A kernel without a setting has no such default, and says so.
func TestDefaultsOfAnOlderKernel(t *testing.T) {
	in := insideFacts{Done: job.Done{Defaults: map[string]string{"net.core.somaxconn": "4096", "net.ipv4.tcp_syncookies": "permission denied"}}}
	in.outside = map[string]string{"net.core.somaxconn": "128", "net.ipv4.tcp_max_syn_backlog": "512"}
	got := map[string]string{}
	for _, f := range in.defaults() {
		got[f.Name] = fmt.Sprint(f.Value, f.UnknownBecause)
	}
	for name, want := range map[string]string{
		"default_somaxconn":               "4096",
		"default_tcp_syncookies":          "<nil>permission denied",
		"default_tcp_syn_linear_timeouts": "<nil>this kernel has no such setting",
		"has_tcp_child_ehash_entries":     "false",
		"default_tcp_child_ehash_entries": "<nil>this kernel has no such setting",
		"default_tcp_abort_on_overflow":   "<nil>this kernel has no such setting",
		"default_tcp_max_syn_backlog":     "<nil>this kernel has it for the whole machine, not for namespaces: it is 512",
		"default_tcp_synack_retries":      "<nil>this kernel has no such setting",
		"default_tcp_syn_retries":         "<nil>this kernel has no such setting",
		"default_tcp_migrate_req":         "<nil>this kernel has no such setting",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// The schedule of clients follows from what was probed and the defaults.
func TestSchedule(t *testing.T) {
	in := insideFacts{}
	in.Defaults = map[string]string{"net.ipv4.tcp_syn_retries": "6", "net.ipv4.tcp_syn_linear_timeouts": "4"}
	for linear, want := range map[any]string{true: "1, 2, 3, 4, 5, 7, 11, 19, 35, 67", false: "1, 3, 7, 15, 31, 63"} {
		in.Run.Facts = map[string]any{"syn_retries_linear": linear}
		if got := in.schedule(); got.Value != want {
			t.Errorf("linear %v: %+v", linear, got)
		}
	}
	in.Run.Facts, in.Run.Missing = nil, []answer.Missing{{What: "syn_retries_linear", Why: "no namespace"}}
	if diff := cmp.Diff("no namespace", in.schedule().UnknownBecause); diff != "" {
		t.Errorf("unknown because (-want +got):\n%s", diff)
	}
}
