package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"listenq/internal/queue"
)

const keysPage = "../../docs/reference/keys.md"

// TestKeysReference holds the page of the keys true.
func TestKeysReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Keys of `listenq top`\n\n`?` shows them, too.\n\n| key | what it does |\n|---|---|\n")
	for _, k := range bindings() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", k.name, k.help)
	}
	b.WriteString("\n# Columns\n\nA narrow terminal leaves out those at the end of this table.\n\n| column | what it is |\n|---|---|\n")
	all := columns()
	slices.SortFunc(all, func(a, b column) int { return a.Rank - b.Rank })
	for _, c := range all {
		fmt.Fprintf(&b, "| %s | %s |\n", c.Name, c.Help)
	}
	golden(t, keysPage, b.String())
}

// TestKeysAreOne holds that no key is in the table twice, and that a press finds each.
func TestKeysAreOne(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range bindings() {
		for _, key := range b.keys {
			if seen[key] {
				t.Errorf("%s has two meanings", key)
			}
			seen[key] = true
			if key != "ctrl+z" && key != "pgup" { // press checks how Bubble Tea calls it
				press(t, watching(t, Options{}, 80, 24, 2), key)
			}
		}
	}
}

func TestKeys(t *testing.T) {
	for _, test := range []struct {
		name string
		keys []string
		want func(*model) error
	}{
		{"the worst first", nil, rowsAre("8080", "443", "9090", "65535")},
		{"sort by the next column", []string{">"}, sortIs("FILL")},
		{"sort by the last column", []string{"<"}, sortIs("UID")},
		{"sort by an address", []string{">", ">", ">", ">", ">", ">", ">"}, rowsAre("8080", "9090", "443", "65535")},
		{"reverse", []string{"r"}, rowsAre("65535", "9090", "443", "8080")},
		{"filter", []string{"/", ":", "4", "4", "3", "enter"}, rowsAre("443")},
		{"filter, the other way round", []string{"/", "!", "n", "g", "i", "n", "x"}, rowsAre("8080", "9090", "65535")},
		{"filter, corrected", []string{"/", "x", "y", "backspace", "ctrl+u", "a", "p", "i", "space", "z", "ctrl+w"}, rowsAre("8080")},
		{"filter, given up", []string{"/", "z", "esc"}, rowsAre("8080", "443", "9090", "65535")},
		{"filter, cleared", []string{"/", "n", "g", "enter", "esc"}, rowsAre("8080", "443", "9090", "65535")},
		{"the mistake takes nothing away", []string{"/", "p", "i", "d", ":"}, rowsAre("8080", "443", "9090", "65535")},
		{"letters are letters in a filter", []string{"/", "q", "z"}, rowsAre()},
		{"down", []string{"down", "j"}, chosenIs("9090")},
		{"up", []string{"end", "k"}, chosenIs("9090")},
		{"not beyond the end", []string{"down", "down", "down", "down", "down"}, chosenIs("65535")},
		{"the chosen row follows its listener", []string{"down", "r"}, chosenIs("443")},
		{"the first row stays the first", []string{"r"}, chosenIs("65535")},
		{"details", []string{"enter"}, paneIs(paneDetails)},
		{"details, and back", []string{"enter", "esc"}, paneIs(paneTable)},
		{"help, and back", []string{"?", "?"}, paneIs(paneTable)},
		{"a finding", []string{"e"}, shows("what clients feel")},
		{"a namespace", []string{"n", "down", "down", "enter"}, rowsAre("8080")},
		{"all namespaces again", []string{"n", "down", "enter", "n", "enter"}, rowsAre("8080", "443", "9090", "65535")},
		{"hide a column", []string{"c", "end", "up", "up", "space", "esc"}, hides("ACCEPTS/s")},
		{"not the one that sorts", []string{"c", "enter", "esc"}, shows("STATE")},
		{"freeze and step back", []string{"space", "left", "left", "right"}, shownIs(39)},
		{"step without freezing", []string{"left"}, shownIs(40)},
		{"go on after freezing", []string{"space", "left", "space"}, shownIs(40)},
		{"a longer interval", []string{"+"}, intervalIs(2 * time.Second)},
		{"the longest interval", []string{"+", "+", "+", "+", "+", "+"}, intervalIs(10 * time.Second)},
		{"the shortest interval", []string{"-", "-", "-", "-", "-"}, intervalIs(100 * time.Millisecond)},
		{"reset", []string{"z"}, func(m *model) error {
			if n := m.player.shown.Samples; n != 1 {
				return fmt.Errorf("%d samples are left", n)
			}
			return nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := watching(t, Options{}, 200, 24, 41)
			press(t, m, test.keys...)
			if err := test.want(m); err != nil {
				t.Error(err)
			}
		})
	}
}

func rowsAre(want ...string) func(*model) error {
	return func(m *model) error {
		if diff := cmp.Diff(want, addresses(m)); diff != "" {
			return fmt.Errorf("rows (-want +got):\n%s", diff)
		}
		return nil
	}
}

func is[T comparable](want T, got func(*model) T) func(*model) error {
	return func(m *model) error {
		if g := got(m); g != want {
			return fmt.Errorf("it is %v, want %v", g, want)
		}
		return nil
	}
}

func chosenIs(port string) func(*model) error {
	return is(port, func(m *model) string { return addresses(m)[m.cursor] })
}
func paneIs(p pane) func(*model) error { return is(p, func(m *model) pane { return m.pane }) }
func sortIs(title string) func(*model) error {
	return is(title, func(m *model) string { return m.sort })
}
func shownIs(i int) func(*model) error { return is(i, func(m *model) int { return m.player.at }) }
func intervalIs(d time.Duration) func(*model) error {
	return is(d, func(m *model) time.Duration { return m.interval })
}
func shows(text string) func(*model) error {
	return is(true, func(m *model) bool { return strings.Contains(m.frame(), text) })
}
func hides(text string) func(*model) error {
	return is(false, func(m *model) bool { return strings.Contains(m.frame(), text) })
}

// TestFreezeGoesOn holds that samples are taken while the screen stands still.
func TestFreezeGoesOn(t *testing.T) {
	m := watching(t, Options{}, 120, 24, 10)
	press(t, m, "space")
	before := m.frame()
	second(m, 10)
	m.now = noon.Add(9 * time.Second)
	if m.player.at != 9 || len(m.player.tape.Samples()) != 11 {
		t.Errorf("shows sample %d of %d", m.player.at, len(m.player.tape.Samples()))
	}
	if diff := cmp.Diff(before, m.frame()); diff != "" {
		t.Errorf("the frozen screen moved:\n%s", diff)
	}
}

// TestChosenIsGone holds that the details of a listener that was closed say so.
func TestChosenIsGone(t *testing.T) {
	m := watching(t, Options{}, 120, 24, 3)
	press(t, m, "/", "a", "p", "i", "enter", "enter")
	s := host(3)
	s.Listeners = s.Listeners[:2]
	give(m, s, nil, s.Time, 0)
	if err := shows("the listener is gone")(m); err != nil {
		t.Errorf("%v:\n%s", err, m.frame())
	}
}

func TestSave(t *testing.T) {
	var n int
	o := Options{Save: func(all []queue.Sample) (string, error) { n = len(all); return "/tmp/x\x1b[2J", nil }}
	m := watching(t, o, 80, 24, 5)
	m.Update(m.save()())
	if n != 5 || !strings.Contains(m.frame(), `saved: /tmp/x\x1b[2J`) || m.summary().Recording != "/tmp/x\x1b[2J" {
		t.Errorf("%d samples saved; %q", n, m.status)
	}
	m.Update(saved{err: errors.New("disk full")})
	if !strings.Contains(m.frame(), "not saved: disk full") {
		t.Errorf("no word of the failure: %q", m.status)
	}
}

func TestMouse(t *testing.T) {
	m := watching(t, Options{}, 200, 24, 41)
	head := len(m.header())
	click := func(x, y int) { m.Update(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft}) }
	click(5, head+2)
	if err := chosenIs("443")(m); err != nil {
		t.Errorf("click: %v", err)
	}
	click(5, head+2)
	if err := paneIs(paneDetails)(m); err != nil {
		t.Errorf("second click: %v", err)
	}
	press(t, m, "esc")
	m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	if err := chosenIs("65535")(m); err != nil {
		t.Errorf("wheel: %v", err)
	}
	lines := strings.Split(m.frame(), "\n")
	click(len([]rune(lines[head][:strings.Index(lines[head], "LOCAL")])), head)
	if err := sortIs("LOCAL")(m); err != nil {
		t.Errorf("click on the heading: %v", err)
	}
	click(5, 500)
	click(500, head)
}

func TestReplay(t *testing.T) {
	var all []queue.Sample
	for n := range 41 {
		all = append(all, host(n))
	}
	m, err := newModel(Options{Replay: all, Title: "incident"})
	if err != nil {
		t.Fatal(err)
	}
	m.Update(tea.WindowSizeMsg{Width: 120, Height: 24})
	m.Init()
	for range 30 {
		m.Update(next(m.turn))
	}
	if err := shownIs(30)(m); err != nil {
		t.Error(err)
	}
	press(t, m, "+", "+", "space")
	if !strings.Contains(m.frame(), "replay 31/41 4x") || !strings.Contains(m.frame(), "FROZEN") {
		t.Errorf("the header is\n%s", m.frame())
	}
	m.Update(next(m.turn))
	press(t, m, "left", "right", "right")
	if err := shownIs(31)(m); err != nil {
		t.Error(err)
	}
	press(t, m, "S")
	if m.status != "this is a recording already" {
		t.Errorf("S says %q", m.status)
	}
	press(t, m, "space")
	for range 20 {
		m.Update(next(m.turn))
	}
	s := m.summary()
	if s.Worst.Listener.Address.Port() != 8080 || s.Worst.AcceptMax != 129 || s.Drops != queue.Known(370) || s.Watched != 40*time.Second {
		t.Errorf("the summary is %+v", s)
	}
	// What was stepped over twice counts once.
	if got := m.player.seen; got != len(all) {
		t.Errorf("%d samples told", got)
	}
}

// TestStepIsSame holds that a sample looks the same however it was come to.
func TestStepIsSame(t *testing.T) {
	forward := watching(t, Options{}, 200, 40, 36)
	back := watching(t, Options{}, 200, 40, 41)
	press(t, forward, "space")
	press(t, back, "space", "left", "left", "left", "left", "left")
	back.now, back.got, back.cost = forward.now, forward.got, forward.cost
	if diff := cmp.Diff(forward.frame(), back.frame()); diff != "" {
		t.Errorf("(-forward +back):\n%s", diff)
	}
}
