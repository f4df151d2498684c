package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"listenq/internal/queue"
	"listenq/internal/watch"
)

// Options say what is shown, and where.
type Options struct {
	Source   watch.Source   // nil with Replay
	Scope    watch.Scope    // which processes are looked at closely
	Replay   []queue.Sample // a recording, oldest first
	Interval time.Duration  // between samples
	Filter   []string       // words of a queue.Filter
	Title    string         // the host, or the recording
	ASCII    bool           // draw with ASCII alone
	Theme    Theme          // which colours

	// Save writes a recording of the samples that are kept and returns its path; nil: S does nothing.
	Save func([]queue.Sample) (string, error)
	// CPU is the processor time that this program has used so far; nil: not known.
	CPU func() time.Duration

	In  io.Reader // the terminal
	Out io.Writer
}

// Summary is what is left to say when it ends.
type Summary struct {
	Worst     *queue.Total // of all listeners that were seen; nil if there was none
	Drops     queue.Count  // of all listeners; unknown unless two samples had it
	Watched   time.Duration
	Recording string // the last that was saved; empty if none
	Screen    string // the last frame, if the user asked to leave it
}

// ErrPanic says that the program failed; the terminal is restored, and the stack
// was printed.
var ErrPanic = tea.ErrProgramPanic

// Run shows the listeners until the user quits or ctx ends, which both are a normal end.
func Run(ctx context.Context, o Options) (Summary, error) {
	m, err := newModel(o)
	if err != nil {
		return Summary{}, err
	}
	program := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(o.In), tea.WithOutput(o.Out), tea.WithoutSignalHandler(), tea.WithFPS(30))
	_, err = program.Run()
	if ctx.Err() != nil && !errors.Is(err, ErrPanic) {
		err = nil
	}
	if err != nil {
		return m.summary(), fmt.Errorf("draw: %w", err)
	}
	return m.summary(), nil
}
