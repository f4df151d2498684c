package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/text"
)

func TestCut(t *testing.T) {
	tests := []struct {
		name, got, want string
	}{
		{"fits", cut("nginx", 5), "nginx"},
		{"long", cut("prometheus", 5), "prom…"},
		{"wide characters", cut("漢字漢字", 5), "漢字…"},
		{"address fits", cutAddress("0.0.0.0:80", 10), "0.0.0.0:80"},
		{"address", cutAddress("[2001:db8:1234:5678::1]:443", 14), "[2001:db8…:443"},
		{"hardly any room", cutAddress("[2001:db8:1234:5678::1]:443", 5), "…:443"},
		{"pad", pad("漢", 4, false), "漢  "},
		{"pad right", pad("7", 3, true), "  7"},
		{"pad nothing", pad("1234", 3, true), "1234"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is printed as JSON is what was meant, and steers no terminal.
func TestInertJSON(t *testing.T) {
	name := "\x1b[2J\u009b31m\u202e\u2028\U000e0001\x7f<b>\"漢"
	var out bytes.Buffer
	if err := printJSON(&out, map[string]string{"name": name}); err != nil {
		t.Fatal(err)
	}
	if line := strings.ReplaceAll(out.String(), "\n", ""); text.Plain(line) != line {
		t.Errorf("not fit for a terminal: %q", line)
	}
	var read map[string]string
	if err := json.Unmarshal(out.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(name, read["name"]); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
}
