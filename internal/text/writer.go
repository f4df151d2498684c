package text

import (
	"bytes"
	"io"
	"sync"
	"unicode/utf8"
)

// Writer passes to another writer what a terminal may be given.
type Writer struct {
	below io.Writer

	mu    sync.Mutex
	looks bool
	left  []byte // the beginning of a character or of a look, whose rest is to come
	buf   []byte
	err   error // the first
}

// NewWriter writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{below: w} }

// Below is what is written to: a command that is run may have it for itself.
func (w *Writer) Below() io.Writer { return w.below }

// AllowLooks lets looks pass, which are escaped before: a file has no use for them.
func (w *Writer) AllowLooks() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks = true
}

// Write writes what a terminal may be given of b; line feeds and tabs as they are.
func (w *Writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.left) == 0 && inert(b) {
		return w.pass(b, len(b))
	}
	whole := append(w.left, b...)
	end := len(whole) - unfinished(whole)
	w.buf = appendShown(w.buf[:0], string(whole[:end]), kept{looks: w.looks, lines: true})
	w.left = append([]byte(nil), whole[end:]...)
	return w.pass(w.buf, len(b))
}

// pass writes and keeps the first error: a full disk must not pass for a good answer.
func (w *Writer) pass(b []byte, n int) (int, error) {
	if _, err := w.below.Write(b); err != nil {
		if w.err == nil {
			w.err = err
		}
		return 0, err
	}
	return n, nil
}

// Redraw puts a line in place of the terminal's last, without a line feed; nothing, to
// erase it.
func (w *Writer) Redraw(line string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.pass([]byte("\r\x1b[K"+Plain(line)), 0)
	return err
}

// Flush writes what is left over, which nothing has ended, and returns the first error
// of all writes.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.left) > 0 {
		left := Plain(string(w.left))
		w.left = nil
		_, _ = w.pass([]byte(left), 0) // kept
	}
	return w.err
}

// inert reports whether all bytes can be passed as they are.
func inert(b []byte) bool {
	for _, c := range b {
		if (c < ' ' || c > '~') && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// unfinished is how many of the last bytes may be the beginning of a character or a look.
func unfinished(b []byte) int {
	if i := bytes.LastIndexByte(b, '\x1b'); i >= 0 && len(b)-i < longestLook && opens(b[i:]) {
		return len(b) - i
	}
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if last := b[len(b)-n:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}

// opens reports whether these bytes may go on as a look.
func opens(b []byte) bool {
	for i, c := range b {
		switch {
		case i == 0, i == 1 && c == '[', i > 1 && (c == ';' || c >= '0' && c <= '9'):
		default:
			return false
		}
	}
	return true
}
