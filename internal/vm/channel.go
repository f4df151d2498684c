package vm

import (
	"bufio"
	"errors"
	"fmt"
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

// The lines on portControl.
const (
	lineStarted = "started\n"
	lineExit    = "exit %d\n" // with the program's exit code
)

// errEnded says that a guest's machine ended before its program.
var errEnded = errors.New("ended before its program did")

// awaitStart reads portControl up to lineStarted.
func awaitStart(control *bufio.Reader) error {
	line, err := control.ReadString('\n')
	if err != nil {
		return errEnded
	}
	if line != lineStarted {
		return fmt.Errorf("begins with %q", line)
	}
	return nil
}

// awaitExit reads the exit code of the guest's program.
func awaitExit(control *bufio.Reader) (code int, err error) {
	line, err := control.ReadString('\n')
	if err != nil {
		return 0, errEnded
	}
	if _, err := fmt.Sscanf(line, lineExit, &code); err != nil {
		return 0, fmt.Errorf("ends with %q", line)
	}
	return code, nil
}

// tail keeps the last bytes of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 16 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(b), nil
}

// lines returns the last count lines, without control characters and empty ones.
func (t *tail) lines(count int) []string {
	lines := t.all()
	return lines[max(0, len(lines)-count):]
}

// trouble returns count lines of a console: from where the kernel began to say
// that it cannot go on, or else the last.
func (t *tail) trouble(count int) []string {
	lines := t.all()
	at := slices.IndexFunc(lines, func(line string) bool {
		return strings.Contains(line, "Kernel panic") || strings.Contains(line, "BUG:") || strings.Contains(line, "Oops")
	})
	if at < 0 {
		return lines[max(0, len(lines)-count):]
	}
	return lines[at:min(len(lines), at+count)]
}

func (t *tail) all() []string {
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
