package tui

import (
	"math"
	"strings"
	"time"

	"listenq/internal/queue"
	"listenq/internal/text"
)

// bar draws how full a queue is. It is all filled only when the next connection is
// dropped, and not all empty when one waits.
func (t *theme) bar(l *queue.Listener, width int) string {
	inside := width - len(t.edge[0]) - len(t.edge[1])
	if l.AcceptLimit == queue.NoLimit {
		return text.Pad(unknown, width, false)
	}
	n := share(l.Fill(), inside)
	if l.AcceptLen > 0 {
		n = max(n, 1)
	}
	return t.edge[0] + strings.Repeat(t.filled, n) + strings.Repeat(t.rest, inside-n) + t.edge[1]
}

// share is how many of n steps are filled.
func share(fill float64, n int) int {
	return int(math.Floor(min(max(fill, 0), 1) * float64(n)))
}

// dropMark stands in a course where drops rose.
const dropMark = "!"

// spell is what was seen of a queue in the time of one cell.
type spell struct {
	seen, full, dropped bool
	longest             int
}

// spells cuts the last minute before now into so many. A sample stands for the time
// up to the next one, if that came soon.
func spells(trend *queue.Trend, now time.Duration, n int) []spell {
	all := make([]spell, n)
	at := func(t time.Duration) int { return n - 1 - int((now-t)*time.Duration(n)/minute) }
	for i, p := range trend.Points {
		from, to := at(p.T), at(p.T)
		if i+1 < len(trend.Points) && trend.Points[i+1].T-p.T <= recently {
			to = max(to, at(trend.Points[i+1].T)-1)
		}
		for c := max(from, 0); c <= min(to, n-1); c++ {
			all[c].seen, all[c].longest = true, max(all[c].longest, p.AcceptLen)
			all[c].full = all[c].full || p.Full
		}
		if from >= 0 && from < n && p.Dropped.N > 0 {
			all[from].dropped = true
		}
	}
	return all
}

// course draws the last minute before now in so many cells: in each the longest
// queue of its time, by levels of the limit; a mark where drops rose; nothing where
// nothing was seen.
func (t *theme) course(trend *queue.Trend, now time.Duration, width int) string {
	var b strings.Builder
	for _, s := range spells(trend, now, width) {
		switch {
		case s.dropped:
			b.WriteString(dropMark)
		case !s.seen:
			b.WriteString(" ")
		default:
			b.WriteString(t.levels[t.level(s, trend.Listener.AcceptLimit)])
		}
	}
	return b.String()
}

// level is that of a queue: the last one only when it was full.
func (t *theme) level(s spell, limit int) int {
	top := len(t.levels) - 1
	switch {
	case s.full:
		return top
	case s.longest <= 0:
		return 0
	case limit <= 0:
		return top / 2
	}
	return min(1+share(float64(s.longest)/float64(limit+1), top-1), top-1)
}

// plot draws the same, several lines high, and below it where drops rose.
func (t *theme) plot(trend *queue.Trend, now time.Duration, width, height int) []string {
	all := spells(trend, now, width)
	scale := float64(max(trend.AcceptMax, trend.Listener.AcceptLimit+1, 1))
	var lines []string
	for row := height - 1; row >= 0; row-- {
		lines = append(lines, t.plotLine(all, scale/float64(height), row))
	}
	var marks strings.Builder
	for _, s := range all {
		if s.dropped {
			marks.WriteString(dropMark)
		} else {
			marks.WriteString(" ")
		}
	}
	return append(lines, marks.String())
}

// plotLine draws the line of a plot that begins at row times step.
func (t *theme) plotLine(all []spell, step float64, row int) string {
	var b strings.Builder
	for _, s := range all {
		steps := share(float64(s.longest)/step-float64(row), len(t.levels))
		switch {
		case !s.seen || steps == 0 && row > 0:
			b.WriteString(" ")
		default:
			b.WriteString(t.levels[max(steps, 1)-1])
		}
	}
	return b.String()
}
