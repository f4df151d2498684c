package tui

import (
	"strconv"
	"strings"
	"testing"
)

func TestVisible(t *testing.T) {
	for _, test := range []struct{ in, utf8, ascii string }{
		{"nginx", "nginx", "nginx"},
		{"日本", "日本", `\u65e5\u672c`},
		{"a\x1b[2J\n\t\x7f", `a\x1b[2J\n\t\x7f`, `a\x1b[2J\n\t\x7f`},
		{"\u202e\u200b\u0085", `\u202e\u200b\u0085`, `\u202e\u200b\u0085`},
		{"\xff\xe6\x97", `\xff\xe6\x97`, `\xff\xe6\x97`},
		{`"<b>'`, `"<b>'`, `"<b>'`},
	} {
		if got := visible(test.in, false); got != test.utf8 {
			t.Errorf("visible(%q) = %q, want %q", test.in, got, test.utf8)
		}
		if got := visible(test.in, true); got != test.ascii {
			t.Errorf("visible(%q) in ASCII = %q, want %q", test.in, got, test.ascii)
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, text string) {
		for _, ascii := range []bool{true, false} {
			if i := strings.IndexFunc(visible(text, ascii), func(r rune) bool { return !strconv.IsPrint(r) || ascii && r > '~' }); i >= 0 {
				t.Errorf("visible(%q, %v) = %q", text, ascii, visible(text, ascii))
			}
		}
	})
}

func TestFitAddress(t *testing.T) {
	theme := newTheme(true, true)
	for _, test := range []struct {
		text  string
		width int
		want  string
	}{
		{"10.0.0.1:80", 11, "10.0.0.1:80"},
		{"[2001:db8::1]:443", 12, "[2001:d~:443"},
		{"[2001:db8::1]:443", 5, "~:443"},
	} {
		if got := theme.fitAddress(test.text, test.width); got != test.want {
			t.Errorf("%s in %d cells is %s, want %s", test.text, test.width, got, test.want)
		}
	}
}
