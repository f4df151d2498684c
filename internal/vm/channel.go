package vm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// The virtio ports of a guest, in the order of their numbers.
const (
	portStdout  = "stdout"
	portStderr  = "stderr"
	portControl = "control" // a line when the guest is about to run the program, and one when that has ended
)

var ports = []string{portStdout, portStderr, portControl}

// portConsole is the guest's first serial port.
const portConsole = "console"

// The lines on portControl.
const (
	lineStarted = "started\n"
	lineExit    = "exit %d\n" // with the program's exit code
)

// maxLine bounds a line on portControl, in bytes.
const maxLine = 64

// errEnded says that a guest's machine ended before its program.
var errEnded = errors.New("ended before its program did")

// control reads portControl. A guest may write there what it likes.
type control struct{ lines *bufio.Reader }

func newControl(port io.Reader) control { return control{bufio.NewReaderSize(port, maxLine)} }

func (c control) line() (string, error) {
	line, err := c.lines.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return "", errEnded
	}
	return string(line), nil
}

// awaitStart reads portControl up to lineStarted.
func (c control) awaitStart() error {
	line, err := c.line()
	if err == nil && line != lineStarted {
		err = fmt.Errorf("begins with %q", line)
	}
	return err
}

// awaitExit reads the exit code of the guest's program, and from then on whatever else
// is written there: a guest whose port is full would stand still.
func (c control) awaitExit() (code int, err error) {
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(line, lineExit, &code); err != nil || code < 0 || code > 255 {
		return 0, fmt.Errorf("ends with %q", line)
	}
	go io.Copy(io.Discard, c.lines)
	return code, nil
}

// Tail keeps the last 16 KiB of what is written to it, and so bounds what somebody
// else may say, as a guest on its Stderr.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 16 << 10

// Write never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b[max(0, len(b)-tailSize):]...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(b), nil
}

// Lines returns the last count lines, without control characters and empty ones.
func (t *Tail) Lines(count int) []string {
	lines := t.all()
	return lines[max(0, len(lines)-count):]
}

// saidBefore is how many lines are shown of what came before a kernel's last words: what
// the first process said when it ended.
const saidBefore = 4

// trouble returns count lines of a console: from a little before the kernel began to say
// that it cannot go on, or else the last.
func (t *Tail) trouble(count int) []string {
	lines := t.all()
	at := slices.IndexFunc(lines, func(line string) bool {
		return strings.Contains(line, "Kernel panic") || strings.Contains(line, "BUG:") || strings.Contains(line, "Oops")
	})
	if at < 0 {
		return lines[max(0, len(lines)-count):]
	}
	at = max(0, at-saidBefore)
	return lines[at:min(len(lines), at+count)]
}

func (t *Tail) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for line := range strings.Lines(string(t.text)) {
		if line = strings.TrimSpace(printable(line)); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// printable drops control characters and terminal sequences (ECMA-48, CSI and
// the two-character ones), which a BIOS prints.
func printable(line string) string {
	var b strings.Builder
	rest := []rune(line)
	for len(rest) > 0 {
		r := rest[0]
		rest = rest[1:]
		if r == 0x1b {
			rest = skipSequence(rest)
		} else if r >= ' ' && r < 0x7f {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// skipSequence skips what follows ESC up to the sequence's final character.
func skipSequence(rest []rune) []rune {
	if len(rest) == 0 || rest[0] != '[' && rest[0] != 'c' {
		return rest
	}
	if rest[0] == 'c' {
		return rest[1:]
	}
	for i, r := range rest[1:] {
		if r >= 0x40 && r <= 0x7e {
			return rest[i+2:]
		}
	}
	return nil
}
