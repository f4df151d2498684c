package tui

import (
	"math"
	"strings"
	"time"

	"listenq/internal/queue"
)

// bar draws how full a queue is. It is all filled only when the next connection is
// dropped, and not all empty when one waits.
func (t *theme) bar(l *queue.Listener, width int) string {
	inside := width - len(t.edge[0]) - len(t.edge[1])
	if l.AcceptLimit == queue.NoLimit {
		return pad(unknown, width, false)
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

// course draws the last minute before now in so many cells: in each the longest
// queue of its time, by levels of the limit; a mark where drops rose; nothing where
// nothing was seen.
func (t *theme) course(trend *queue.Trend, now time.Duration, width int) string {
	cells := make([]string, width)
	for i := range cells {
		cells[i] = " "
	}
	most := make([]int, width)
	for _, p := range trend.Points {
		i := width - 1 - int((now-p.T)*time.Duration(width)/minute)
		if i < 0 || i >= width {
			continue
		}
		switch level := t.level(p, trend.Listener.AcceptLimit); {
		case p.Dropped.Known && p.Dropped.N > 0:
			cells[i] = dropMark
		case cells[i] != dropMark && level+1 > most[i]:
			cells[i], most[i] = t.levels[level], level+1
		}
	}
	return strings.Join(cells, "")
}

// level is that of a queue: the last one only when it was full.
func (t *theme) level(p queue.Point, limit int) int {
	top := len(t.levels) - 1
	switch {
	case p.Full:
		return top
	case p.AcceptLen <= 0:
		return 0
	case limit <= 0:
		return top / 2
	}
	return min(1+share(float64(p.AcceptLen)/float64(limit+1), top-1), top-1)
}

// plot draws the same, several lines high: each column the longest queue of its
// time. Below it stands where drops rose.
func (t *theme) plot(trend *queue.Trend, now time.Duration, width, height int) []string {
	fills := make([]float64, width)
	marks := make([]string, width)
	for i := range fills {
		fills[i], marks[i] = -1, " "
	}
	scale := float64(max(trend.AcceptMax, trend.Listener.AcceptLimit+1, 1))
	for _, p := range trend.Points {
		i := width - 1 - int((now-p.T)*time.Duration(width)/minute)
		if i < 0 || i >= width {
			continue
		}
		fills[i] = max(fills[i], float64(p.AcceptLen)/scale)
		if p.Dropped.Known && p.Dropped.N > 0 {
			marks[i] = dropMark
		}
	}
	lines := make([]string, 0, height+1)
	for row := height - 1; row >= 0; row-- {
		lines = append(lines, t.plotLine(fills, row, height))
	}
	return append(lines, strings.Join(marks, ""))
}

func (t *theme) plotLine(fills []float64, row, height int) string {
	var b strings.Builder
	for _, fill := range fills {
		steps := share(fill*float64(height)-float64(row), len(t.levels))
		switch {
		case fill < 0 || steps == 0 && row > 0:
			b.WriteString(" ")
		case steps == 0:
			b.WriteString(t.levels[0])
		default:
			b.WriteString(t.levels[steps-1])
		}
	}
	return b.String()
}
