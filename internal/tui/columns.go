package tui

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"listenq/internal/queue"
	"listenq/internal/text"
)

// column is one of the table.
type column struct {
	title, help string
	rank        int // the columns of the lowest ranks are left in a narrow terminal
	least, most int // cells; most 0: as wide as its contents
	fair        int // cells, before columns of wide terminals are shown; 0: as many as it likes
	right       bool
	address     bool // what does not fit is cut from its middle
	text        func(*model, *row) string
	look        func(*row) look
	compare     func(a, b *row) int // the worst first
}

// columns are all of them, from left to right.
func columns() []column {
	return []column{
		{title: "STATE", help: "dropping: drops rose in the last 5 s; full: longer than the limit; high: over 70 % of it; ok", rank: 1, least: 8,
			text: func(_ *model, r *row) string { return stateText(&r.Trend) }, look: func(r *row) look { return stateLook(r.State) },
			compare: func(a, b *row) int { return queue.Worse(&a.Trend, &b.Trend) }},
		{title: "ACCEPT QUEUE", help: "how full it is; all filled: the next connection is dropped", rank: 6, least: 12, most: 12,
			text: func(m *model, r *row) string { return m.theme.bar(&r.Listener, 12) }, look: func(r *row) look { return stateLook(r.State) }, compare: byFill},
		{title: "LEN/LIMIT", help: "connections in the accept queue, and its limit; Linux is full at more than the limit", rank: 2, least: 9, right: true,
			text: func(_ *model, r *row) string { return lengthText(&r.Listener) }, compare: byFill},
		{title: "60s", help: "the last minute, by levels of the limit; " + dropMark + ": drops rose", rank: 7, least: 12, most: 30,
			text:    func(m *model, r *row) string { return "" }, // drawn to its width
			compare: func(a, b *row) int { return cmp.Compare(b.course.FullShare, a.course.FullShare) }},
		{title: "DROPS/s", help: "packets dropped a second, in the last 5 s", rank: 4, least: 7, right: true,
			text: func(_ *model, r *row) string { return rateText(r.DropRate) }, look: dropLook,
			compare: func(a, b *row) int { return cmp.Compare(b.DropRate.PerSecond, a.DropRate.PerSecond) }},
		{title: "SYN Q", help: "requests whose handshake is not finished", rank: 8, least: 5, right: true,
			text:    func(_ *model, r *row) string { return countText(r.Listener.SynLen) },
			compare: func(a, b *row) int { return cmp.Compare(b.Listener.SynLen.N, a.Listener.SynLen.N) }},
		{title: "OLDEST", help: "how long the first in the accept queue has been waiting", rank: 9, least: 6, right: true,
			text: func(_ *model, r *row) string { return oldest(&r.Listener) }, compare: func(a, b *row) int { return cmp.Compare(oldestWait(b), oldestWait(a)) }},
		{title: "LOCAL", help: "the address and the port", rank: 3, least: 13, fair: 26, address: true,
			text: func(m *model, r *row) string { return visible(r.Listener.Address.String(), m.theme.ascii) }, compare: byAddress},
		{title: "PROCESS", help: "who has the socket; +N: so many more do", rank: 5, least: 10, fair: 24,
			text: func(m *model, r *row) string { return processText(&r.Listener, m.theme.ascii) },
			compare: func(a, b *row) int {
				return strings.Compare(processText(&a.Listener, true), processText(&b.Listener, true))
			}},
		{title: "NETNS", help: "the network namespace", rank: 10, least: 5, most: 16,
			text:    func(m *model, r *row) string { return netnsText(r.Namespace, r.Listener.Netns, m.theme.ascii) },
			compare: func(a, b *row) int { return cmp.Compare(a.Listener.Netns, b.Listener.Netns) }},
		{title: "UNIT", help: "the systemd unit or the container", rank: 11, least: 8, most: 32,
			text: func(m *model, r *row) string { return unitText(&r.Listener, m.theme.ascii) }, compare: func(a, b *row) int {
				return strings.Compare(unitText(&a.Listener, true), unitText(&b.Listener, true))
			}},
		{title: "MAX", help: "the longest accept queue of the last minute", rank: 12, least: 5, right: true,
			text:    func(_ *model, r *row) string { return strconv.Itoa(r.course.AcceptMax) },
			compare: func(a, b *row) int { return cmp.Compare(b.course.AcceptMax, a.course.AcceptMax) }},
		{title: "ACCEPTS/s", help: "connections accepted a second; known where the queue was never empty and was seen whole", rank: 13, least: 9, right: true,
			text:    func(_ *model, r *row) string { return rateText(r.Accepts) },
			compare: func(a, b *row) int { return cmp.Compare(b.Accepts.PerSecond, a.Accepts.PerSecond) }},
		{title: "LIMIT BY", help: "backlog: the program's own; somaxconn?: the limit equals net.core.somaxconn, so the backlog was likely larger", rank: 14, least: 10,
			text:    func(_ *model, r *row) string { return cmp.Or(string(r.LimitBy()), unknown) },
			compare: func(a, b *row) int { return cmp.Compare(a.LimitBy(), b.LimitBy()) }},
		{title: "UID", help: "the user that made the socket", rank: 15, least: 5, right: true,
			text:    func(_ *model, r *row) string { return strconv.FormatUint(uint64(r.Listener.UID), 10) },
			compare: func(a, b *row) int { return cmp.Compare(a.Listener.UID, b.Listener.UID) }},
	}
}

const courseTitle = "60s"

func byFill(a, b *row) int    { return cmp.Compare(b.Listener.Fill(), a.Listener.Fill()) }
func byAddress(a, b *row) int { return a.Listener.Address.Compare(b.Listener.Address) }

// stateText is the state; a queue whose limit is not known may be full.
func stateText(t *queue.Trend) string {
	if t.State == queue.OK && t.Listener.AcceptLimit == queue.NoLimit {
		return unknown
	}
	return string(t.State)
}

func dropLook(r *row) look {
	if r.DropRate.PerSecond > 0 {
		return bad
	}
	return plain
}

func oldestWait(r *row) time.Duration {
	wait, _ := r.Listener.Waiting.Oldest()
	return wait
}

func oldest(l *queue.Listener) string {
	wait, ok := l.Waiting.Oldest()
	switch {
	case ok:
		return text.Span(wait)
	case l.AcceptLen == 0:
		return none
	}
	return unknown
}

func unitText(l *queue.Listener, ascii bool) string {
	if l.Processes == nil {
		return unknown
	}
	for i := range l.Processes {
		if of := l.Processes[i].Belongs(); of != "" {
			return visible(of, ascii)
		}
	}
	return none
}
