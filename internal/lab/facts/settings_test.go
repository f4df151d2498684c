package facts

import (
	"os"
	"strings"
	"testing"

	"listenq/internal/answer"
)

// A setting has a value as /proc/sys has it, or a reason why not.
func TestHostSettings(t *testing.T) {
	known := map[string]bool{}
	for _, s := range Settings() {
		want, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(s.Name, ".", "/"))
		if value := strings.TrimSpace(string(want)); err == nil && s.Value != value || (s.Value == "") == (s.UnknownBecause == "") {
			t.Errorf("%s is %q, unknown because %q; want %q", s.Name, s.Value, s.UnknownBecause, value)
		}
		known[s.Name] = s.Value != "" && s.Meaning != ""
	}
	for _, name := range []string{"net.core.somaxconn", "net.ipv4.tcp_abort_on_overflow", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_max_tw_buckets"} {
		if !known[name] {
			t.Errorf("%s is not known", name)
		}
	}
	none := answer.Setting{Name: "net.ipv4.tcp_no_such_setting"}
	if readSetting(&none); none.Value != "" || none.UnknownBecause == "" {
		t.Errorf("a setting that there is not: %+v", none)
	}
}
