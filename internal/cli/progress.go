package cli

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/term"

	"listenq/internal/lab"
)

// progress tells on stderr what the experiments wait for: on a terminal in one
// line that is drawn again, elsewhere in one line for each long wait.
type progress struct {
	w     io.Writer
	width int // 0: not a terminal

	mu      sync.Mutex
	current lab.Progress
	began   time.Time
	stop    chan struct{}
}

// longWait is when a wait is worth a line where lines cannot be taken back.
const longWait = 2 * time.Second

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, stop: make(chan struct{})}
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return p
	}
	p.width = 80
	if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
		p.width = columns
	}
	go p.redraw()
	return p
}

func (p *progress) redraw() {
	for tick := time.NewTicker(500 * time.Millisecond); ; {
		select {
		case <-p.stop:
			tick.Stop()
			return
		case <-tick.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// step is told of every step of every experiment.
func (p *progress) step(now lab.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(now.Enter) > 0 {
		p.erase()
		fmt.Fprintf(p.w, "listenq: %s stands until Ctrl-C; look inside:\n", now.Scenario)
		for _, side := range slices.Sorted(maps.Keys(now.Enter)) {
			fmt.Fprintf(p.w, "  %s: %s ss -tan\n", side, now.Enter[side])
		}
	}
	p.current, p.began = now, time.Now()
	if p.width == 0 && now.AtMost >= longWait {
		fmt.Fprintf(p.w, "listenq: %s\n", p.line())
	}
}

func (p *progress) line() string {
	if p.current.Scenario == "" {
		return "starting"
	}
	text := fmt.Sprintf("%s: line %d: %s", p.current.Scenario, p.current.Line, clean(p.current.Text))
	if p.current.Kernel != "" {
		text = "Linux " + clean(p.current.Kernel) + ": " + text
	}
	if p.current.AtMost > 0 && p.width > 0 {
		text += fmt.Sprintf(" (%.0f of at most %.0f s)", time.Since(p.began).Seconds(), p.current.AtMost.Seconds())
	}
	return text
}

func (p *progress) draw() {
	text := []rune(p.line())
	fmt.Fprintf(p.w, "\r\x1b[K%s", string(text[:min(len(text), p.width-1)]))
}

func (p *progress) erase() {
	if p.width > 0 {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// clear ends the display.
func (p *progress) clear() {
	close(p.stop)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
}
