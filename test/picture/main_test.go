package main

import (
	"strings"
	"testing"
)

func TestScreen(t *testing.T) {
	lines, err := screen([]byte("\x1b[?1049hearlier\x1b[?1049l\x1b[?25h\x1b[1mtop\x1b[0m\r\nsecond\r\nworst: none\r\n"))
	if err != nil || len(lines) != 2 || lines[0] != "\x1b[1mtop\x1b[0m" || lines[1] != "second" {
		t.Errorf("%q, %v", lines, err)
	}
	for _, given := range []string{"", "\x1b[?1049lno end"} {
		if _, err := screen([]byte(given)); err == nil {
			t.Errorf("%q has a screen", given)
		}
	}
}

// TestDraw: a process may be called what it likes; in the picture it is text.
func TestDraw(t *testing.T) {
	got := draw([]string{"\x1b[1;31mLQ001\x1b[0m <script>", "\x1b[7m>chosen\x1b[0m"})
	for _, want := range []string{`fill="#ff7a72" font-weight="bold"`, "LQ001", "&lt;script&gt;", `fill="#d7dce2"/>`, "&gt;chosen"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, "<script>") || strings.Contains(got, "\x1b") {
		t.Errorf("not fit to be shown:\n%s", got)
	}
}
