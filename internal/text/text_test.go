package text_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"listenq/internal/text"
	"listenq/test/memory"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"nginx": "nginx", "a b": "a b", "a\x1b[2Jb": `a\x1b[2Jb`, "a\nb": `a\nb`, "a\tb": `a\tb`, "\u009b31m": `\u009b31m`, "a\u202eb": `a\u202eb`,
		"\xff": `\xff`, "\ufffd": "\ufffd", `say "hi" \o/`: `say "hi" \o/`, "漢字": "漢字", "<b>": "<b>", "\x7f": `\x7f`, "": "",
		"e\u0301": "e\u0301", "\u00a0": `\u00a0`, "\u200d": `\u200d`, "\ue000": `\ue000`, "\U000e0041": `\U000e0041`,
		text.Style(text.Red, "bad"): "\x1b[31mbad\x1b[0m", "\x1b[1;31mx\x1b[m": "\x1b[1;31mx\x1b[m",
		"\x1b[8mhidden": `\x1b[8mhidden`, "\x1b[31": `\x1b[31`, "\x1b]0;title\a": `\x1b]0;title\a`, "\x1b[31;5mx": `\x1b[31;5mx`, "\r\x1b[K": `\r\x1b[K`,
	} {
		if got := text.Line(in); got != want {
			t.Errorf("Line(%q) is %s, want %s", in, got, want)
		}
	}
	if got, want := text.Plain("a\x1b[31m\n漢"), `a\x1b[31m\n漢`; got != want {
		t.Errorf("Plain is %s, want %s", got, want)
	}
}

// TestWriter cuts what is written at every place: it comes out the same.
func TestWriter(t *testing.T) {
	const in = "plain\ttext\n\x1b[1;31mred 漢\x1b[0m \x1b[2J\u202e\xff\x1b\n\x1b[31"
	const want = "plain\ttext\n\x1b[1;31mred 漢\x1b[0m " + `\x1b[2J\u202e\xff\x1b` + "\n" + `\x1b[31`
	for i := range len(in) {
		var out bytes.Buffer
		w := text.NewWriter(&out)
		w.AllowLooks()
		for _, part := range []string{in[:i], in[i:]} {
			if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
				t.Errorf("wrote %d of %q: %v", n, part, err)
			}
		}
		if err := w.Flush(); err != nil || out.String() != want {
			t.Errorf("cut at %d: %q, %v, want %q", i, out.String(), err, want)
		}
	}
}

func TestRedraw(t *testing.T) {
	var out bytes.Buffer
	w := text.NewWriter(&out)
	if err := w.Redraw("line 1\n\r\x1b[Kforged"); err != nil || out.String() != "\r\x1b[K"+`line 1\n\r\x1b[Kforged` {
		t.Errorf("%q, %v", out.String(), err)
	}
}

type broken struct{}

var errBroken = errors.New("no space")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

// TestWriterKeepsError: that of the first write is told at the end.
func TestWriterKeepsError(t *testing.T) {
	w := text.NewWriter(broken{})
	_, err := w.Write([]byte("x"))
	if !errors.Is(err, errBroken) || !errors.Is(w.Flush(), errBroken) {
		t.Errorf("%v, then %v", err, w.Flush())
	}
}

var ours = regexp.MustCompile(`\x1b\[(?:[0127]?|3[123])(?:;(?:[0127]?|3[123]))*m`)

// FuzzWriter: whatever is written, a terminal obeys nothing but our looks, and lines.
func FuzzWriter(f *testing.F) {
	f.Add("a\x1b[2J\xff\u202e", 3)
	f.Add(text.Style(text.Red, "x")+"\x1b]8;;http://x\x1b\\", 9)
	f.Add("\x1b[3", 2)
	f.Fuzz(func(t *testing.T, in string, cut int) {
		defer memory.Bound(t)()
		var out bytes.Buffer
		w := text.NewWriter(&out)
		w.AllowLooks()
		cut = min(max(cut, 0), len(in))
		w.Write([]byte(in[:cut]))
		w.Write([]byte(in[cut:]))
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		obeyed(t, strings.NewReplacer("\n", "", "\t", "").Replace(out.String()))
		obeyed(t, text.Line(in))
		if strings.ContainsRune(text.Plain(in), '\x1b') {
			t.Errorf("a look is left of %q", in)
		}
	})
}

// obeyed fails if a text holds what a terminal obeys, other than our looks.
func obeyed(t *testing.T, out string) {
	t.Helper()
	left := ours.ReplaceAllString(out, "")
	if !utf8.ValidString(left) || strings.IndexFunc(left, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 || ansi.Strip(left) != left {
		t.Errorf("a terminal may obey %q", left)
	}
}
