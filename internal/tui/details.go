package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"listenq/internal/answer"
	"listenq/internal/queue"
	"listenq/internal/text"
)

// plotHeight is how many lines the course of the details has.
const plotHeight = 5

// details lists all that is known about the chosen listener.
func (m *model) details() []string {
	r := m.row()
	if r == nil {
		return []string{" the listener is gone"}
	}
	lines := []string{join([]piece{
		{m.theme.draw(strong, m.theme.visible(r.Listener.Address.String())), 0},
		{m.theme.draw(stateLook(r.State), m.theme.visible(answer.ColumnNamed(answer.StateColumn).Value(&r.doc))), 1},
		{lengthText(&r.Listener), 2},
		{m.theme.visible(answer.ProcessCell(&r.doc)), 3},
	}, m.width), ""}
	lines = append(lines, m.theme.plot(r.course, m.player.sample().T, max(min(m.width-2, 120), 1), plotHeight)...)
	lines = append(lines, m.theme.draw(faint, text.Pad("60 s ago", max(min(m.width-2, 120)-3, 0), false)+"now"))
	for _, section := range []struct {
		title string
		lines []string
	}{
		{"findings", m.rowFindings(r)},
		{"accept queue", m.queueFacts(r)},
		{"why this limit", []string{whyLimit(&r.Trend)}},
		{"processes", m.processes(r)},
		{"counters of its namespace, last 5 s", m.namespaceCounters(r)},
		{"last changes", m.changes(r)},
	} {
		if len(section.lines) == 0 {
			continue
		}
		lines = append(lines, "", m.theme.draw(strong, section.title))
		for _, words := range section.lines {
			lines = append(lines, wrap("  ", words, m.width)...)
		}
	}
	return lines
}

func (m *model) rowFindings(r *row) []string {
	var lines []string
	for i := range m.findings {
		if f := &m.findings[i]; f.Listener != nil && identify(&f.Listener.Listener) == r.id() {
			lines = append(lines, f.Code+" "+m.theme.visible(f.Title)+" (e explains)")
		}
	}
	return lines
}

// flowText is how many connections come into the accept queue and leave it.
func flowText(t *queue.Trend) string {
	if !t.Arrivals.Known && !t.Accepts.Known {
		return "arrivals and accepts: unknown (they are known while the queue is never empty and is seen whole)"
	}
	return fmt.Sprintf("arrivals %s/s, accepts %s/s", rateText(t.Arrivals), rateText(t.Accepts))
}

// queueFacts are what is known of both queues of a listener.
func (m *model) queueFacts(r *row) []string {
	lines := []string{
		fmt.Sprintf("%s now, at most %d in the last minute, full in %.0f %% of its samples", lengthText(&r.Listener), r.course.AcceptMax, 100*r.course.FullShare),
		fmt.Sprintf("dropped: %s in the last minute, %s/s now%s", countText(r.course.Dropped), rateText(r.DropRate), pathsText(r.course.Paths)+answer.DroppedByWords(r.course.DroppedBy)),
		flowText(&r.Trend),
		"SYN queue: " + synText(&r.Listener),
	}
	lines = append(lines, waits(&r.Trend)...)
	if r.Recreated {
		lines = append(lines, "a new socket: another one was at this address before")
	}
	return lines
}

func pathsText(p queue.Paths) string {
	if !p.SYN.Known || !p.ACK.Known {
		return ""
	}
	return fmt.Sprintf(" (%d SYNs or ACKs of cookies, %d ACKs or data of requests)", p.SYN.N, p.ACK.N)
}

func synText(l *queue.Listener) string {
	shown := countText(l.SynLen)
	if l.SynLen.Known && l.SynAge >= time.Second {
		shown += fmt.Sprintf(", counted %s before", text.Span(l.SynAge))
	}
	return shown
}

// waits reports how long connections have been in the accept queue.
func waits(t *queue.Trend) []string {
	w := t.Listener.Waiting
	if w == nil {
		if t.Listener.AcceptLen == 0 {
			return nil
		}
		return []string{"waits: not looked at"}
	}
	line := fmt.Sprintf("waiting: %d", w.Len)
	if longest, ok := w.Oldest(); ok {
		line += fmt.Sprintf(", the longest for %s, half of them for %s or more", text.Span(longest), text.Span(w.Waits[len(w.Waits)/2]))
	}
	lines := []string{line}
	if w.Closed > 0 {
		lines = append(lines, fmt.Sprintf("of them closed by their clients: %d", w.Closed))
	}
	if t.Dead.Known && t.Dead.N > 0 {
		lines = append(lines, fmt.Sprintf("reset by their clients, still holding a place: %d", t.Dead.N))
	}
	if t.Listener.Shared > 1 {
		lines = append(lines, fmt.Sprintf("%d listeners share this address; these waits are of all of them", t.Listener.Shared))
	}
	return lines
}

// whyLimit says where the limit of the accept queue comes from: it is
// min(backlog, somaxconn) as of the last listen() (__sys_listen, net/socket.c).
func whyLimit(t *queue.Trend) string {
	limit := t.Listener.AcceptLimit
	somaxconn, ok := t.Namespace.Somaxconn()
	const rule = "It is min(backlog, net.core.somaxconn) as of the last listen()"
	switch {
	case limit == queue.NoLimit:
		return "The limit is not known from this source."
	case !ok:
		return fmt.Sprintf("%d. %s; somaxconn could not be read here.", limit, rule)
	case limit < somaxconn:
		return fmt.Sprintf("%d, below net.core.somaxconn (%d): the program's own backlog, unless somaxconn was lower when it called listen().", limit, somaxconn)
	case limit == somaxconn:
		return fmt.Sprintf("%d, equal to net.core.somaxconn: likely clamped, the program may have asked for more.", limit)
	}
	return fmt.Sprintf("%d, above net.core.somaxconn (%d), which was lowered since. %s: the next one clamps it.", limit, somaxconn, rule)
}

func (m *model) processes(r *row) []string {
	var lines []string
	for _, p := range r.Listener.Processes {
		words := fmt.Sprintf("%s[%d]", p.Name, p.PID)
		if p.State != "" {
			words += " state " + p.State
		}
		if p.Unit != "" {
			words += ", " + p.Unit
		}
		if len(p.Command) > 0 {
			words += ": " + strings.Join(p.Command, " ")
		}
		lines = append(lines, m.theme.visible(words))
	}
	if len(lines) == 0 {
		return []string{"not known who has this socket open"}
	}
	return lines
}

func (m *model) namespaceCounters(r *row) []string {
	trends := m.player.shown.Recent.Namespaces
	i := slices.IndexFunc(trends, func(n queue.NamespaceTrend) bool { return n.Namespace.ID == r.Listener.Netns })
	if i < 0 {
		return []string{"not looked at"}
	}
	var lines []string
	for _, c := range queue.CounterTable {
		if n := trends[i].Moved(c.Name); n.Known && n.N > 0 {
			lines = append(lines, fmt.Sprintf("%s +%d (%s/s)", c.Name, n.N, rateText(trends[i].PerSecond(c.Name))))
		}
	}
	if len(lines) == 0 {
		return []string{"none of those that matter here moved"}
	}
	return lines
}

func (m *model) changes(r *row) []string {
	var lines []string
	for _, e := range events(m.player.tape.Samples()[:m.player.at+1], r.id()) {
		lines = append(lines, e.at.Format(time.TimeOnly)+" "+e.text)
	}
	if len(lines) == 0 {
		return []string{"none seen"}
	}
	return lines
}
