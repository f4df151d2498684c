package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"listenq/internal/watch"
)

// taken says that a look has ended.
type taken struct {
	look watch.Look
	used time.Duration // processor time, so far
}

// next says that it is time for the next sample of that turn, or the next step of
// a replay.
type next int

// beaten comes once a second, so that a sample that does not come is seen to age.
type beaten time.Time

// saved is the end of saving.
type saved struct {
	path string
	err  error
}

func beat() tea.Cmd {
	return tea.Tick(time.Second, func(t time.Time) tea.Msg { return beaten(t) })
}

// take asks the source for a sample.
func (m *model) take() tea.Cmd {
	watch, cpu := m.watch, m.options.CPU
	return func() tea.Msg {
		watch.Take() // its error is in Last
		watch.Snapshot()
		t := taken{look: watch.Last()}
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
			m.width, m.height = 80, 24 // a serial line does not report its size
		}
		m.moveTo(m.cursor, m.picked)
	case taken:
		return m, m.takeIn(msg)
	case next:
		return m, m.goOn(msg)
	case beaten:
		m.now = time.Time(msg)
		return m, beat()
	case saved:
		m.keep(msg)
	case tea.BackgroundColorMsg:
		if m.options.Theme == Auto && !msg.IsDark() {
			m.theme.colour(Light)
		}
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
	at := t.look.At
	m.now, m.failed = at, t.look.Err
	if !m.got.IsZero() && m.options.CPU != nil && at.After(m.got) {
		m.cost = float64(t.used-m.used) / float64(at.Sub(m.got))
	}
	if m.failed == nil {
		m.got, m.used = at, t.used
		m.player.record(m.watch.Snapshot())
		if !m.frozen {
			m.showLive()
		}
	}
	return m.wait(watch.Every(m.interval)(t.look.Took))
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
	at, all := m.player.at+1, m.player.tape.Samples()
	if m.frozen || at >= len(all) {
		return nil
	}
	m.step(at)
	if at+1 == len(all) {
		return nil
	}
	gap := min(all[at+1].T-all[at].T, 10*time.Second)
	return m.wait(scale(gap, m.speed))
}

// step shows a sample of the recording; what was not seen before counts in the summary.
func (m *model) step(i int) {
	all := m.player.tape.Samples()
	if i < 0 || i >= len(all) {
		return
	}
	for m.replay() && m.player.seen <= i {
		m.player.count(&all[m.player.seen])
	}
	m.show(i)
}

func scale(d time.Duration, speed int) time.Duration {
	if speed < 0 {
		return d << -speed
	}
	return d >> speed
}

func (m *model) keep(k saved) {
	if k.err != nil {
		m.status = fmt.Sprintf("not saved: %s", m.theme.visible(k.err.Error()))
		return
	}
	m.saved = k.path
	m.status = "saved: " + m.theme.visible(k.path)
}
