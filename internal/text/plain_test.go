package text

import (
	"strconv"
	"strings"
	"testing"
)

func TestASCII(t *testing.T) {
	for _, test := range []struct{ in, plain, ascii string }{
		{"nginx", "nginx", "nginx"},
		{"日本", "日本", `\u65e5\u672c`},
		{"a\x1b[2J\n\t\x7f", `a\x1b[2J\n\t\x7f`, `a\x1b[2J\n\t\x7f`},
		{"\u202e\u200b\u0085", `\u202e\u200b\u0085`, `\u202e\u200b\u0085`},
		{"\xff\xe6\x97", `\xff\xe6\x97`, `\xff\xe6\x97`},
		{`"<b>'`, `"<b>'`, `"<b>'`},
	} {
		if got := Plain(test.in); got != test.plain {
			t.Errorf("Plain(%q) = %q, want %q", test.in, got, test.plain)
		}
		if got := ASCII(test.in); got != test.ascii {
			t.Errorf("ASCII(%q) = %q, want %q", test.in, got, test.ascii)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("\x1b[2J\x1b]0;x\a\"<b>\u202e\xff日本")
	f.Fuzz(func(t *testing.T, s string) {
		for name, got := range map[string]string{"Plain": Plain(s), "ASCII": ASCII(s)} {
			if i := strings.IndexFunc(got, func(r rune) bool { return !strconv.IsPrint(r) || name == "ASCII" && r > '~' }); i >= 0 {
				t.Errorf("%s(%q) = %q", name, s, got)
			}
		}
	})
}
