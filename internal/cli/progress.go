package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"listenq/internal/lab/job"
	"listenq/internal/text"
)

// progress shows on stderr what the experiments wait for: on a terminal in one
// line that is drawn again, elsewhere in one line for each long wait.
type progress struct {
	w     *text.Writer
	width int // 0: not a terminal

	mu      sync.Mutex
	current job.Progress
	began   time.Time
	stop    chan struct{}
}

// longWait is when a wait is worth a line where lines cannot be taken back.
const longWait = 2 * time.Second

func newProgress(w io.Writer) *progress {
	p := &progress{w: asText(w), width: terminalWidth(w), stop: make(chan struct{})}
	if p.width > 0 {
		go p.redraw()
	}
	return p
}

// asText is a writer for the terminal.
func asText(w io.Writer) *text.Writer {
	if t, ok := w.(*text.Writer); ok {
		return t
	}
	return text.NewWriter(w)
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

// step is called for every step of every experiment.
func (p *progress) step(now job.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(now.Enter) > 0 {
		p.erase()
		s := text.NewScreen(p.w, "never")
		s.Line("listenq: %s stands until Ctrl-C; look inside:", now.Scenario)
		for _, side := range slices.Sorted(maps.Keys(now.Enter)) {
			s.Line("  %s: %s ss -tan", side, now.Enter[side])
		}
	}
	p.current, p.began = now, time.Now()
	if p.width == 0 && now.AtMost >= longWait {
		text.NewScreen(p.w, "never").Line("%s: waiting, %s at most: %s", p.where(), text.Span(now.AtMost), now.Text)
	}
}

// where is the experiment and, where there are several, its kernel.
func (p *progress) where() string {
	if p.current.Kernel != "" {
		return "Linux " + p.current.Kernel + ": " + p.current.Scenario
	}
	return p.current.Scenario
}

func (p *progress) line() string {
	if p.current.Scenario == "" {
		return "starting"
	}
	line := fmt.Sprintf("%s: line %d: %s", p.where(), p.current.Line, p.current.Text)
	if p.current.AtMost > 0 && p.width > 0 {
		line += fmt.Sprintf(" (%.0f of at most %.0f s)", time.Since(p.began).Seconds(), p.current.AtMost.Seconds())
	}
	return line
}

func (p *progress) draw() {
	line := []rune(text.Plain(p.line()))
	p.w.Redraw(string(line[:min(len(line), p.width-1)]))
}

func (p *progress) erase() {
	if p.width > 0 {
		p.w.Redraw("")
	}
}

// clear ends the display.
func (p *progress) clear() {
	close(p.stop)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
}
