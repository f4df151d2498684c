package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"listenq/internal/queue"
)

// taken is a sample that came, or why none did.
type taken struct {
	sample queue.Sample
	err    error
	at     time.Time // the end of it
	took   time.Duration
	used   time.Duration // processor time, so far
}

// next says that it is time for the next sample of that turn, or the next step of
// a replay.
type next int

// beaten comes once a second, so that a sample that does not come is seen to age.
type beaten time.Time

// kept is the end of saving.
type kept struct {
	path string
	err  error
}

func beat() tea.Cmd {
	return tea.Tick(time.Second, func(t time.Time) tea.Msg { return beaten(t) })
}

// take asks the source for a sample.
func (m *model) take() tea.Cmd {
	source, cpu := m.options.Source, m.options.CPU
	return func() tea.Msg {
		var t taken
		began := time.Now()
		t.err = source(&t.sample)
		t.at = time.Now()
		t.took = t.at.Sub(began)
		if cpu != nil {
			t.used = cpu()
		}
		return t
	}
}

// wait comes back after that time, unless another turn has begun.
func (m *model) wait(d time.Duration) tea.Cmd {
	m.turn++
	turn := m.turn
	return tea.Tick(d, func(time.Time) tea.Msg { return next(turn) })
}

// Update takes a message.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		if m.width, m.height = msg.Width, msg.Height; m.width <= 0 || m.height <= 0 {
			m.width, m.height = 80, 24 // a serial line does not tell
		}
		m.moveTo(m.cursor, m.picked)
	case taken:
		return m, m.takeIn(msg)
	case next:
		return m, m.goOn(msg)
	case beaten:
		m.now = time.Time(msg)
		return m, beat()
	case kept:
		m.keep(msg)
	case tea.PasteMsg:
		if m.typing {
			m.narrow(m.input + msg.Content)
		}
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.MouseWheelMsg:
		m.wheel(msg.Mouse().Button)
	case tea.MouseClickMsg:
		m.click(msg.Mouse())
	}
	return m, nil
}

func (m *model) takeIn(t taken) tea.Cmd {
	m.now, m.failed = t.at, t.err
	if !m.got.IsZero() && m.options.CPU != nil && t.at.After(m.got) {
		m.cost = float64(t.used-m.used) / float64(t.at.Sub(m.got))
	}
	if t.err == nil {
		m.got, m.used = t.at, t.used
		m.tape.record(t.sample.Clone())
		if !m.frozen {
			m.show(len(m.tape.samples) - 1)
		}
	}
	return m.wait(max(m.interval-t.took, m.interval/10))
}

func (m *model) goOn(turn next) tea.Cmd {
	switch {
	case int(turn) != m.turn:
		return nil
	case m.replay():
		return m.play()
	}
	return m.take()
}

// play shows the next sample of the recording, and waits as long as it did then.
func (m *model) play() tea.Cmd {
	at := m.tape.at + 1
	if m.frozen || at >= len(m.tape.samples) {
		return nil
	}
	m.step(at)
	if at+1 == len(m.tape.samples) {
		return nil
	}
	gap := min(m.tape.samples[at+1].T-m.tape.samples[at].T, 10*time.Second)
	return m.wait(scale(gap, m.speed))
}

// step shows a sample of the recording; what was not seen before counts in the summary.
func (m *model) step(i int) {
	if i < 0 || i >= len(m.tape.samples) {
		return
	}
	for m.replay() && m.tape.told <= i {
		m.tape.tell(&m.tape.samples[m.tape.told])
	}
	m.show(i)
}

func scale(d time.Duration, speed int) time.Duration {
	if speed < 0 {
		return d << -speed
	}
	return d >> speed
}

func (m *model) keep(k kept) {
	if k.err != nil {
		m.status = fmt.Sprintf("not saved: %s", visible(k.err.Error(), m.theme.ascii))
		return
	}
	m.saved = k.path
	m.status = "saved: " + visible(k.path, m.theme.ascii)
}
