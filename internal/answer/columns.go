package answer

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"listenq/internal/queue"
	"listenq/internal/text"
)

// What a cell shows that was not looked at, and that there is none of.
const (
	UnknownCell = "?"
	NoneCell    = "-"
)

// Column is one of a table of listeners. A view chooses columns and draws them.
type Column struct {
	Name    string
	Help    string                                           // what it means, in one sentence
	Rank    int                                              // where there is no room for all, those of the lowest rank are shown
	Wide    bool                                             // for wide terminals
	Least   int                                              // cells that it can be cut to; 0: it cannot
	Right   bool                                             // numbers
	Cut     func(text string, width int, mark string) string // nil: at its end
	Value   func(*Listener) string
	Tone    func(*Listener) Tone     // nil: none
	Compare func(a, b *Listener) int // the worst, longest or first in front
}

// Tone is how urgent a cell is. Its words say the same: a tone never carries a meaning alone.
type Tone string

// The tones there are.
const (
	Calm    Tone = ""
	Warning Tone = "warning"
	Alarm   Tone = "alarm"
)

// The names of columns that a view treats in some way of its own.
const (
	StateColumn   = "STATE"
	AcceptColumn  = "ACCEPT Q"
	WaitColumn    = "WAIT"
	RateColumn    = "DROPS/s"
	DroppedColumn = "DROPPED"
	DropsColumn   = "DROPS"
	NetnsColumn   = "NETNS"
)

// Columns are those of a table of listeners, from left to right.
var Columns = []Column{
	{Name: StateColumn, Help: "dropping: drops rose just now; full: longer than the limit; stalled: one has waited for 2 s; high: over 70 % of the limit; ok", Rank: 1,
		Value: stateCell, Tone: stateTone, Compare: compareState},
	{Name: AcceptColumn, Help: "connections in the accept queue, and its limit; Linux is full at more than the limit", Rank: 2,
		Value: acceptCell, Compare: func(a, b *Listener) int { return cmp.Compare(b.Fill(), a.Fill()) }},
	{Name: WaitColumn, Help: "how long the first in the accept queue has been waiting", Rank: 9, Right: true, Wide: true,
		Value: waitCell, Compare: func(a, b *Listener) int { return byKnown(a.OldestWait, b.OldestWait) }},
	{Name: "SYN Q", Help: "requests whose handshake is not finished", Rank: 8, Right: true,
		Value: func(l *Listener) string { return CountCell(l.SynLen) }, Compare: func(a, b *Listener) int { return byKnown(a.SynLen, b.SynLen) }},
	{Name: "SYN AGE", Help: "how long ago the requests were counted", Rank: 14, Right: true, Wide: true,
		Value: func(l *Listener) string { return spanCell(l.SynAge) }, Compare: func(a, b *Listener) int { return byKnown(a.SynAge, b.SynAge) }},
	{Name: RateColumn, Help: "packets dropped a second just now", Rank: 4, Right: true,
		Value: func(l *Listener) string { return RateCell(l.DropsPerS) }, Tone: dropTone, Compare: func(a, b *Listener) int { return byKnown(a.DropsPerS, b.DropsPerS) }},
	{Name: DroppedColumn, Help: "packets dropped within the window", Rank: 4, Right: true,
		Value: func(l *Listener) string { return CountCell(l.Dropped) }, Tone: dropTone, Compare: func(a, b *Listener) int { return byKnown(a.Dropped, b.Dropped) }},
	{Name: DropsColumn, Help: "packets dropped since the socket was made", Rank: 12, Right: true, Wide: true,
		Value: func(l *Listener) string { return CountCell(l.Drops) }, Compare: func(a, b *Listener) int { return byKnown(a.Drops, b.Drops) }},
	{Name: "LOCAL", Help: "the address and the port", Rank: 3, Least: 14, Cut: text.CutAddress,
		Value: func(l *Listener) string { return l.Address }, Compare: compareAddress},
	{Name: NetnsColumn, Help: "the network namespace", Rank: 11, Wide: true,
		Value: func(l *Listener) string { return l.NetnsName }, Compare: func(a, b *Listener) int { return cmp.Compare(a.Netns, b.Netns) }},
	{Name: "PROCESS", Help: "who has the socket; +N: so many more do", Rank: 5, Least: 8, Cut: text.CutName,
		Value: ProcessCell, Compare: func(a, b *Listener) int { return strings.Compare(ProcessCell(a), ProcessCell(b)) }},
	{Name: "UNIT", Help: "the systemd unit, the container or the control group", Rank: 10, Least: 12, Wide: true,
		Value: unitCell, Compare: func(a, b *Listener) int { return strings.Compare(unitCell(a), unitCell(b)) }},
	{Name: "MAX", Help: "the longest accept queue of the window", Rank: 15, Right: true, Wide: true,
		Value: func(l *Listener) string { return strconv.Itoa(l.AcceptMax) }, Compare: func(a, b *Listener) int { return cmp.Compare(b.AcceptMax, a.AcceptMax) }},
	{Name: "ACCEPTS/s", Help: "connections accepted a second; known where the queue was never empty and was seen whole", Rank: 16, Right: true, Wide: true,
		Value: func(l *Listener) string { return RateCell(l.AcceptsPerS) }, Compare: func(a, b *Listener) int { return byKnown(a.AcceptsPerS, b.AcceptsPerS) }},
	{Name: "LIMIT BY", Help: "backlog: the program's own; somaxconn?: the limit equals net.core.somaxconn, so the backlog was likely larger", Rank: 17, Wide: true,
		Value: func(l *Listener) string { return cmp.Or(string(l.LimitBy), UnknownCell) }, Compare: func(a, b *Listener) int { return cmp.Compare(a.LimitBy, b.LimitBy) }},
	{Name: "UID", Help: "the user that made the socket", Rank: 13, Right: true, Wide: true,
		Value: func(l *Listener) string { return strconv.FormatUint(uint64(l.UID), 10) }, Compare: func(a, b *Listener) int { return cmp.Compare(a.UID, b.UID) }},
	{Name: "INODE", Help: "the inode of the socket", Rank: 18, Right: true, Wide: true,
		Value: func(l *Listener) string { return strconv.FormatUint(uint64(l.Inode), 10) }, Compare: func(a, b *Listener) int { return cmp.Compare(a.Inode, b.Inode) }},
}

// ColumnNamed returns the column of that name, which must exist.
func ColumnNamed(name string) Column {
	return Columns[slices.IndexFunc(Columns, func(c Column) bool { return c.Name == name })]
}

// byKnown puts the largest in front, and what is not known behind all.
func byKnown[T cmp.Ordered](a, b *T) int {
	if a == nil || b == nil {
		return cmp.Compare(number(b != nil), number(a != nil))
	}
	return cmp.Compare(*b, *a)
}

func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func compareState(a, b *Listener) int {
	return cmp.Compare(slices.Index(queue.States, cmp.Or(a.State, queue.OK)), slices.Index(queue.States, cmp.Or(b.State, queue.OK)))
}

func compareAddress(a, b *Listener) int {
	return cmp.Or(a.at.Compare(b.at), strings.Compare(a.Address, b.Address))
}

func stateCell(l *Listener) string { return cmp.Or(string(l.State), UnknownCell) }

func stateTone(l *Listener) Tone { return ToneOf(l.State) }

// ToneOf is how urgent a state is.
func ToneOf(s queue.State) Tone {
	switch s {
	case queue.Dropping, queue.Full:
		return Alarm
	case queue.Stalled, queue.High:
		return Warning
	}
	return Calm
}

func dropTone(l *Listener) Tone {
	if l.Dropped != nil && *l.Dropped > 0 && !l.DroppedBy.Harmless() {
		return Alarm
	}
	return Calm
}

// acceptCell is length/limit.
func acceptCell(l *Listener) string {
	limit := UnknownCell
	if l.AcceptLimit != nil {
		limit = strconv.Itoa(*l.AcceptLimit)
	}
	return strconv.Itoa(l.AcceptLen) + "/" + limit
}

func waitCell(l *Listener) string {
	if l.AcceptLen == 0 {
		return NoneCell
	}
	return spanCell(l.OldestWait)
}

// RateCell is a rate that may not be known.
func RateCell(perSecond *float64) string {
	switch {
	case perSecond == nil:
		return UnknownCell
	case *perSecond >= 100:
		return strconv.FormatFloat(*perSecond, 'f', 0, 64)
	}
	return strconv.FormatFloat(*perSecond, 'f', 1, 64)
}

// CountCell is a number that may not be known.
func CountCell(n *uint64) string {
	if n == nil {
		return UnknownCell
	}
	return strconv.FormatUint(*n, 10)
}

func spanCell(t *Milliseconds) string {
	if t == nil {
		return UnknownCell
	}
	return text.Span(t.Duration())
}

// ProcessCell names the first process of a listener, and says how many more have it open.
func ProcessCell(l *Listener) string {
	switch {
	case l.Processes == nil:
		return UnknownCell
	case len(l.Processes) == 0:
		return NoneCell
	}
	name := l.Processes[0].Name + "[" + strconv.Itoa(l.Processes[0].PID) + "]"
	if more := len(l.Processes) - 1; more > 0 {
		name += " +" + strconv.Itoa(more)
	}
	return name
}

// unitCell is what the first process belongs to that belongs to anything.
func unitCell(l *Listener) string {
	if l.Processes == nil {
		return UnknownCell
	}
	for _, p := range l.Processes {
		if of := p.Belongs(); of != "" {
			return of
		}
	}
	return NoneCell
}
