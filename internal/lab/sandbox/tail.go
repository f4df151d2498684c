package sandbox

import (
	"strings"
	"sync"
)

// Tail keeps the last of what a command writes.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

// maxOutput bounds what is kept of a command's output.
const maxOutput = 64 << 10

func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - maxOutput; over > 0 {
		t.text = t.text[over:]
	}
	return len(b), nil
}

func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.text), "?")
}

// Said is the end of the output for an error message.
func (t *Tail) Said() string {
	text := strings.TrimSpace(t.String())
	if text == "" {
		return ", and said nothing"
	}
	lines := strings.Split(text, "\n")
	return "; it said: " + strings.Join(lines[max(0, len(lines)-3):], " / ")
}
