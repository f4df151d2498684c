package tui

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"listenq/internal/diagnose"
	"listenq/internal/queue"
	"listenq/internal/watch"
)

// pane is what is on the screen below the header.
type pane int

const (
	paneTable pane = iota
	paneDetails
	paneFinding
	paneHelp
	paneColumns
	paneNamespaces
)

// model is all that the screen is made from.
type model struct {
	options       Options
	theme         theme
	watch         *watch.Watch // nil: a replay
	player        player
	width, height int
	now           time.Time // of the last message that had one
	got           time.Time // when the last sample came
	failed        error     // of the last attempt to take one
	turn          int       // of waiting for a sample or a step: an older one is over
	cost          float64   // share of a core that this program took
	used          time.Duration

	interval time.Duration
	speed    int // of a replay, a power of two
	frozen   bool
	filter   queue.Filter
	netns    queue.NetnsID // 0: all
	sort     string        // the title of a column
	reverse  bool
	hidden   map[string]bool

	rows     []*row // that are shown, in order
	all      int    // how many there were before the filter
	findings []diagnose.Finding

	pane     pane
	scroll   int // lines of a pane, or the item that is chosen in it
	cursor   int // the row that is chosen
	first    int // on the screen
	selected identity
	picked   bool // by the user: the cursor follows its listener, else it stays at the top

	typing  bool   // the filter
	input   string // so far
	mistake error  // in it
	status  string // what the last key came to
	saved   string // the last recording
	leave   bool   // the screen is to be left behind
}

func newModel(o Options) (*model, error) {
	filter, err := queue.ParseFilter(o.Filter)
	if err != nil {
		return nil, err
	}
	m := &model{
		options: o, theme: newTheme(o.ASCII, o.Theme), width: 80, height: 24,
		interval: o.Interval, filter: filter, sort: columns()[0].Name, hidden: map[string]bool{},
	}
	if o.Source == nil {
		m.player = newPlayer(watch.Recorded(o.Replay, minute, recent(paceOf(o.Replay))))
		return m, nil
	}
	m.player = newPlayer(watch.NewTape(minute, recent(o.Interval), kept))
	m.watch = watch.New(o.Source, watch.Options{Window: minute, Recent: recent(o.Interval), Scope: o.Scope})
	return m, nil
}

func (m *model) replay() bool { return m.watch == nil }

// paceOf is the usual time between the samples of a recording.
func paceOf(all []queue.Sample) time.Duration {
	if len(all) < 2 {
		return time.Second
	}
	return (all[len(all)-1].T - all[0].T) / time.Duration(len(all)-1)
}

// show makes the i-th sample the one on the screen.
func (m *model) show(i int) {
	m.player.show(i)
	m.refresh()
}

// showLive makes the latest sample of this machine the one on the screen.
func (m *model) showLive() {
	if s := m.watch.Snapshot(); s != nil {
		m.player.live(s)
		m.refresh()
	}
}

// refresh computes what the screen shows of the Snapshot.
func (m *model) refresh() {
	s := m.player.shown
	if s == nil {
		return
	}
	m.findings, m.rows = slices.Clone(s.Findings), rowsOf(s)
	m.all = len(m.rows)
	m.rows = slices.DeleteFunc(m.rows, func(r *row) bool { return !m.matches(&r.Trend) })
	shown := make(map[identity]bool, len(m.rows))
	for _, r := range m.rows {
		shown[r.id()] = true
	}
	m.findings = slices.DeleteFunc(m.findings, func(f diagnose.Finding) bool { return !m.concerns(&f, shown) })
	m.order()
}

func (m *model) matches(t *queue.Trend) bool {
	return (m.netns == 0 || t.Listener.Netns == m.netns) && m.filter.Match(t)
}

// concerns reports whether a finding is about what is shown.
func (m *model) concerns(f *diagnose.Finding, shown map[identity]bool) bool {
	if f.Listener == nil {
		return (m.netns == 0 || f.Netns == m.netns) && m.filter.Empty()
	}
	return shown[identify(&f.Listener.Listener)]
}

// order sorts the rows and finds the chosen one again.
func (m *model) order() {
	i := slices.IndexFunc(columns(), func(c column) bool { return c.Name == m.sort })
	compare := columns()[i].compare
	slices.SortStableFunc(m.rows, func(a, b *row) int {
		n := compare(a, b)
		if n == 0 {
			n = queue.Worse(&a.Trend, &b.Trend)
		}
		if m.reverse {
			return -n
		}
		return n
	})
	if at := slices.IndexFunc(m.rows, func(r *row) bool { return r.id() == m.selected }); at >= 0 && m.picked {
		m.cursor = at
	}
	m.moveTo(m.cursor, m.picked)
}

// moveTo chooses a row and brings it onto the screen.
func (m *model) moveTo(i int, picked bool) {
	m.cursor = min(max(i, 0), max(len(m.rows)-1, 0))
	m.picked = picked
	if len(m.rows) == 0 {
		return
	}
	m.selected = m.rows[m.cursor].id()
	room := max(m.tableHeight()-1, 1)
	m.first = min(max(m.first, m.cursor-room+1), m.cursor)
	m.first = max(min(m.first, len(m.rows)-room), 0)
}

// row is the one that is chosen; nil if there is none.
func (m *model) row() *row {
	if m.cursor >= len(m.rows) {
		return nil
	}
	return m.rows[m.cursor]
}

func (m *model) summary() Summary {
	sums := m.player.tally.Sums()
	s := Summary{Watched: sums.Window, Recording: m.saved}
	if all := sums.Listeners; len(all) > 0 {
		s.Worst = &all[0]
		s.Drops = dropsOf(all)
	}
	if m.leave {
		s.Screen = m.frame()
	}
	return s
}

// dropsOf is the sum over all listeners whose drops are known; unknown if there are none.
func dropsOf(all []queue.Total) (sum queue.Count) {
	for i := range all {
		if n := all[i].Dropped; n.Known {
			sum = queue.Known(sum.N + n.N)
		}
	}
	return sum
}

// Init asks for the first sample.
func (m *model) Init() tea.Cmd {
	first := m.take
	if m.replay() {
		first = m.play
	}
	if m.options.Theme != Auto {
		return tea.Batch(first(), beat())
	}
	return tea.Batch(first(), beat(), tea.RequestBackgroundColor)
}

// View draws the screen.
func (m *model) View() tea.View {
	v := tea.NewView(m.frame())
	v.AltScreen = true
	v.MouseMode = tea.MouseModeCellMotion
	return v
}
