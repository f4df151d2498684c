package text

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCut(t *testing.T) {
	tests := []struct {
		name, got, want string
	}{
		{"fits", Cut("nginx", 5, Ellipsis), "nginx"},
		{"long", Cut("prometheus", 5, Ellipsis), "prom…"},
		{"wide characters", Cut("漢字漢字", 5, Ellipsis), "漢字…"},
		{"address fits", CutAddress("0.0.0.0:80", 10, Ellipsis), "0.0.0.0:80"},
		{"address", CutAddress("[2001:db8:1234:5678::1]:443", 14, Ellipsis), "[2001:db8…:443"},
		{"process", CutName("prometheus[4711] +2", 14, Ellipsis), "prom…[4711] +2"},
		{"process fits", CutName("nginx[1]", 8, Ellipsis), "nginx[1]"},
		{"hardly any room for a process", CutName("nginx[4711]", 7, Ellipsis), "nginx[…"},
		{"hardly any room", CutAddress("[2001:db8:1234:5678::1]:443", 5, Ellipsis), "…:443"},
		{"pad", Pad("漢", 4, false), "漢  "},
		{"pad right", Pad("7", 3, true), "  7"},
		{"pad nothing", Pad("1234", 3, true), "1234"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name, lead, words string
		width             int
		want              string
	}{
		{"fits", "- ", "one two", 9, "- one two"},
		{"two lines", "- ", "one two three", 9, "- one two\n  three"},
		{"no width", "- ", "one two three", 0, "- one two three"},
		{"a long word", "", "one incomprehensibilities two three", 9, "one\nincomprehensibilities\ntwo three"},
		{"nothing", "- ", "", 9, "- "},
		{"wide characters", "", "漢字 漢字 漢字", 9, "漢字 漢字\n漢字"},
		{"looks take no room", "", Style(Red, "one") + " two " + Style(Bold, "three"), 9, Style(Red, "one") + " two\n" + Style(Bold, "three")},
		{"hardly any room", "- ", "one two", 1, "- one\n  two"},
	} {
		if got := strings.Join(Wrap(c.lead, c.words, c.width), "\n"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
