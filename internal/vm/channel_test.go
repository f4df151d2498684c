package vm

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/test/memory"
)

func TestControl(t *testing.T) {
	endless := func(text string) io.Reader {
		return io.MultiReader(strings.NewReader(text), io.LimitReader(ones{}, 1<<30))
	}
	for name, c := range map[string]struct {
		port io.Reader
		code int
		want string // of the error
	}{
		"as it should be": {strings.NewReader("started\nexit 7\n"), 7, ""},
		"and more":        {endless("started\nexit 7\n"), 7, ""},
		"nothing":         {strings.NewReader(""), 0, errEnded.Error()},
		"another word":    {strings.NewReader("begun\n"), 0, `begins with "begun\n"`},
		"no end of one":   {endless("started"), 0, "begins with"},
		"no exit":         {strings.NewReader("started\n"), 0, errEnded.Error()},
		"no end of exit":  {endless("started\nexit "), 0, "ends with"},
		"a large code":    {strings.NewReader("started\nexit 256\n"), 0, "ends with"},
		"a negative one":  {strings.NewReader("started\nexit -1\n"), 0, "ends with"},
	} {
		t.Run(name, func(t *testing.T) {
			control := newControl(c.port)
			code, err := 0, control.awaitStart()
			if err == nil {
				code, err = control.awaitExit()
			}
			if code != c.code || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%d, %v; want %d, %q", code, err, c.code, c.want)
			}
			if err != nil && len(err.Error()) > 5*maxLine {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// ones are bytes without an end.
type ones struct{}

func (ones) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '1'
	}
	return len(p), nil
}

func FuzzChannel(f *testing.F) {
	f.Add([]byte("started\nexit 7\n"))
	f.Add([]byte("started\nexit -1\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		defer memory.Bound(t)()
		control := newControl(bytes.NewReader(said))
		if control.awaitStart() != nil {
			return
		}
		if code, err := control.awaitExit(); code < 0 || code > 255 || err != nil && !errors.Is(err, errEnded) && len(err.Error()) > 5*maxLine {
			t.Errorf("%d, %v", code, err)
		}
	})
}

// What the first process said before the kernel's last words says why it ended.
func TestTrouble(t *testing.T) {
	for name, tt := range map[string]struct {
		said string
		want []string
	}{
		"panic":    {"one\ntwo\nthree\nfour\nlistenq: guest: no root\nKernel panic - not syncing\nCPU: 0\n", []string{"two", "three", "four", "listenq: guest: no root", "Kernel panic - not syncing", "CPU: 0"}},
		"at first": {"Kernel panic\nCPU: 0\n", []string{"Kernel panic", "CPU: 0"}},
		"none":     {"a\nb\nc\nd\ne\nf\ng\n", []string{"b", "c", "d", "e", "f", "g"}},
	} {
		t.Run(name, func(t *testing.T) {
			var tail Tail
			tail.Write([]byte(tt.said))
			if diff := cmp.Diff(tt.want, tail.trouble(6)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzTail(f *testing.F) {
	f.Add([]byte("\x1bc\x1b[?7l\x1b[2JSeaBIOS\r\n[    1.0] one \x1b[31mred\x1b[0m\nKernel panic\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		defer memory.Bound(t)()
		var tail Tail
		tail.Write(said)
		for _, line := range append(tail.Lines(12), tail.trouble(12)...) {
			if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q", line)
			}
		}
	})
}
