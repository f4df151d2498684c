package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"listenq/internal/answer"
	"listenq/internal/queue"
	"listenq/internal/text"
)

// tallScreen is the height from which on an empty line sets the table off.
const tallScreen = 16

// header says what is looked at, how old it is, what the kernel has counted, and
// what could not be looked at.
func (m *model) header() []string {
	lines := []string{m.titleLine(), m.counterLine()}
	if words := m.missing(); words != "" {
		lines = append(lines, words)
	}
	if m.height >= tallScreen {
		lines = append(lines, "")
	}
	return lines
}

func (m *model) titleLine() string {
	left := []piece{{m.theme.draw(strong, "listenq top"), 0}, {m.theme.visible(m.options.Title), 6}}
	right := []piece{}
	if s := m.player.sample(); s != nil {
		left = append(left, piece{m.theme.visible(s.Kernel), 8}, piece{m.netnsName(s), 7})
		right = append(right, piece{s.Time.Format(time.TimeOnly), 2}, m.agePiece())
	}
	left = append(left, piece{m.paceText(), 4})
	if m.frozen {
		right = append(right, piece{m.theme.draw(warning, "FROZEN"+m.frozenFor()), 1})
	}
	right = append(right, piece{m.costText(), 9}, piece{"? help", 10})
	return m.spread(left, right)
}

// frozenFor is how old what is on the screen is, on a machine that goes on.
func (m *model) frozenFor() string {
	if m.replay() || m.player.shown == nil {
		return ""
	}
	return " " + text.Span(max(0, m.now.Sub(m.player.sample().Time)).Round(time.Second))
}

// spread puts the left pieces to the left and the right ones to the right edge, as
// many of both as fit.
func (m *model) spread(left, right []piece) string {
	both := fitting(append(slices.Clone(left), right...), m.width)
	kept := func(all []piece) string {
		return join(slices.DeleteFunc(slices.Clone(all), func(p piece) bool { return !slices.Contains(both, p) }), m.width)
	}
	l, r := kept(left), kept(right)
	return l + strings.Repeat(" ", max(m.width-text.Width(l)-text.Width(r), 1)) + r
}

func (m *model) paceText() string {
	if !m.replay() {
		return "every " + m.interval.String()
	}
	speed := strconv.Itoa(1<<max(m.speed, 0)) + "x"
	if m.speed < 0 {
		speed = "1/" + strconv.Itoa(1<<-m.speed) + "x"
	}
	return fmt.Sprintf("replay %d/%d %s", m.player.at+1, len(m.player.tape.Samples()), speed)
}

// agePiece says how old the last sample is; in red when one should have come.
func (m *model) agePiece() piece {
	if m.replay() {
		return piece{}
	}
	age := m.now.Sub(m.got)
	words := fmt.Sprintf("%.0f s old", max(0, age).Seconds())
	if age > 2*m.interval+time.Second {
		return piece{m.theme.draw(bad, words+" STALE"), 1}
	}
	return piece{words, 5}
}

func (m *model) costText() string {
	if m.options.CPU == nil {
		return ""
	}
	return fmt.Sprintf("cpu %.1f %%", m.cost*100)
}

func (m *model) netnsName(s *queue.Sample) string {
	if m.netns == 0 {
		return fmt.Sprintf("ns: all (%d)", len(s.Namespaces))
	}
	return "ns: " + m.theme.visible(answer.NetnsName(s.Namespace(m.netns), m.netns))
}

func (m *model) counterLine() string {
	var parts []piece
	trends := m.recentNamespaces()
	for i, c := range queue.CounterTable {
		if c.Title != "" {
			parts = append(parts, piece{c.Title + " " + m.counterText(trends, c.Name), min(i+1, 4)})
		}
	}
	parts = append(parts, piece{somaxconnText(trends), 5})
	return join(parts, m.width)
}

func (m *model) recentNamespaces() []queue.NamespaceTrend {
	if m.player.shown == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(m.player.shown.Recent.Namespaces), func(n queue.NamespaceTrend) bool {
		return m.netns != 0 && n.Namespace.ID != m.netns
	})
}

// counterText is the sum of a counter, and at what rate it moves; unknown where one
// of the namespaces does not have it.
func (m *model) counterText(trends []queue.NamespaceTrend, name string) string {
	var sum uint64
	rate := queue.Rate{Known: true}
	for i := range trends {
		n, ok := trends[i].Namespace.Counters.Get(name)
		if !ok {
			return unknown
		}
		r := trends[i].PerSecond(name)
		sum += n
		rate.PerSecond += r.PerSecond
		rate.Known = rate.Known && r.Known
	}
	switch {
	case len(trends) == 0:
		return unknown
	case rate.Known && rate.PerSecond > 0:
		return fmt.Sprintf("%d ", sum) + m.theme.draw(bad, "(+"+rateText(rate)+"/s)")
	}
	return strconv.FormatUint(sum, 10)
}

func somaxconnText(trends []queue.NamespaceTrend) string {
	least, most, any := 0, 0, false
	for i := range trends {
		if v, ok := trends[i].Namespace.Somaxconn(); ok {
			if !any {
				least, most, any = v, v, true
			}
			least, most = min(least, v), max(most, v)
		}
	}
	switch {
	case !any:
		return "somaxconn " + unknown
	case least != most:
		return fmt.Sprintf("somaxconn %d to %d", least, most)
	}
	return fmt.Sprintf("somaxconn %d", least)
}

// missing says in one line why no sample came, or what could not be looked at.
func (m *model) missing() string {
	if m.failed != nil {
		return m.theme.draw(bad, "no sample: "+m.theme.visible(m.failed.Error()))
	}
	s := m.player.sample()
	if s == nil || len(s.Missing) == 0 {
		return ""
	}
	var what []string
	for _, n := range s.Missing {
		what = append(what, n.What+": "+n.Why)
	}
	words := m.theme.visible("not seen: " + strings.Join(what, "; "))
	const more = "  more: ?"
	return m.theme.draw(warning, m.theme.fit(words, m.width-len(more))+more)
}
