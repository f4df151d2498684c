package show

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

func Listing(s text.Screen, l answer.Listing, all bool) {
	if len(l.Listeners) == 0 {
		s.Wrap("", nobody(l))
		return
	}
	table := s
	if all {
		table.Width = 0
	}
	rows := l.Listeners
	if s.Height > 0 && !all && l.Filter == "" {
		rows = screenful(rows, s.Height-besides-2*len(l.Missing))
	}
	table.Table(listingColumns(l, rows, all), len(rows))
	if more := len(l.Listeners) - len(rows); more > 0 {
		s.Line("%s", s.Style(text.Faint, fmt.Sprintf("%d more, none worse: listenq ls --all", more)))
	}
	s.Blank()
	s.Wrap("", verdict(l))
}

// besides are the lines around the rows: the titles, what is said below, the prompt.
const besides = 7

// screenful is so many of the rows, worst first, as there are lines; all in trouble.
func screenful(rows []answer.Listener, lines int) []answer.Listener {
	trouble := 0
	for i := range rows {
		if rows[i].Bad() || rows[i].Waits() {
			trouble = i + 1
		}
	}
	return rows[:min(len(rows), max(trouble, lines, 1))]
}

// mostNamed is how many listeners are named that a filter does not match.
const mostNamed = 5

// nobody says that there is no row, and which there would be.
func nobody(l answer.Listing) string {
	if len(l.Others) == 0 {
		return "No TCP socket listens here."
	}
	var others []string
	for i := range l.Others[:min(len(l.Others), mostNamed)] {
		other := &l.Others[i]
		name := other.Address
		if len(other.Processes) > 0 {
			name += " " + answer.ProcessCell(other)
		}
		others = append(others, name)
	}
	words := fmt.Sprintf("No listener matches %s. There is: %s", l.Filter, strings.Join(others, ", "))
	if more := len(l.Others) - len(others); more > 0 {
		words += fmt.Sprintf(" and %d more", more)
	}
	return words + "."
}

// listed are the columns of `ls`, from left to right.
var listed = []string{
	answer.StateColumn, answer.AcceptColumn, answer.WaitColumn, "SYN Q", "SYN AGE", answer.RateColumn, answer.DropsColumn, "LOCAL",
	answer.NetnsColumn, "PROCESS", "UNIT", "UID", "INODE",
}

// listingColumns are the columns of `ls` for rows of a listing.
func listingColumns(l answer.Listing, rows []answer.Listener, all bool) []text.Column {
	columns := make([]text.Column, 0, len(listed))
	for _, name := range listed {
		c := listingColumn(l, answer.ColumnNamed(name))
		columns = append(columns, text.Column{
			Title: c.Name, Right: c.Right, Rank: c.Rank, Extra: c.Wide && !all, Least: c.Least,
			Cell: func(i int) string { return c.Value(&rows[i]) }, Cut: cutOf(&c), Look: lookOf(&c, rows),
		})
	}
	return columns
}

// leastRate is the shortest window that carries a rate: within a shorter one it is counted.
const leastRate = time.Second

// listingColumn is a column as a listing needs it. Without a window nothing was dropped within
// it: the drops since the socket was made stand in its place.
func listingColumn(l answer.Listing, c answer.Column) answer.Column {
	once := l.Window == 0
	if c.Name == answer.RateColumn && l.Window.Duration() < leastRate {
		c = answer.ColumnNamed(answer.DroppedColumn)
	}
	switch {
	case c.Name == answer.AcceptColumn:
		c.Value = aligned(l.Listeners, c.Value)
	case c.Name == answer.NetnsColumn && severalNetns(l):
		c.Rank, c.Wide = 6, false
	case c.Name == answer.WaitColumn && slices.ContainsFunc(l.Listeners, answer.Listener.Waits):
		c.Rank, c.Wide = 5, false
	case c.Name == answer.DroppedColumn && once:
		c.Rank, c.Wide = 100, true
	case c.Name == answer.DropsColumn && once:
		c.Rank, c.Wide = 4, false
	}
	return c
}

// aligned puts the lengths of accept queues below each other.
func aligned(all []answer.Listener, value func(*answer.Listener) string) func(*answer.Listener) string {
	widest := 0
	for i := range all {
		widest = max(widest, len(strconv.Itoa(all[i].AcceptLen)))
	}
	return func(l *answer.Listener) string {
		return strings.Repeat(" ", widest-len(strconv.Itoa(l.AcceptLen))) + value(l)
	}
}

func cutOf(c *answer.Column) func(string, int) string {
	if c.Cut == nil {
		return nil
	}
	return func(s string, width int) string { return c.Cut(s, width, text.Ellipsis) }
}

func lookOf(c *answer.Column, rows []answer.Listener) func(int) text.Look {
	if c.Tone == nil {
		return nil
	}
	return func(i int) text.Look { return tones[c.Tone(&rows[i])] }
}

// tones are how answers draw what is urgent.
var tones = map[answer.Tone]text.Look{answer.Alarm: text.Red, answer.Warning: text.Yellow}

func severalNetns(l answer.Listing) bool {
	for i := range l.Listeners {
		if l.Listeners[i].Netns != l.Listeners[0].Netns {
			return true
		}
	}
	return false
}

// verdict says in a sentence how bad it is, and what to do next.
func verdict(l answer.Listing) string {
	var bad []*answer.Listener
	number := map[queue.State]int{}
	drops := true
	for i := range l.Listeners {
		r := &l.Listeners[i]
		number[r.State]++
		drops = drops && r.Dropped != nil
		if r.Bad() {
			bad = append(bad, r)
		}
	}
	next := ""
	if len(bad) > 0 {
		next = "Why and what to do: listenq doctor" + where(bad)
	}
	switch {
	case number[queue.Dropping] > 0 && number[queue.Full] > 0:
		return fmt.Sprintf("%s dropping connections, %d more full. %s", are(number[queue.Dropping]), number[queue.Full], next)
	case number[queue.Dropping] > 0:
		return fmt.Sprintf("%s dropping connections. %s", are(number[queue.Dropping]), next)
	case number[queue.Full] > 0:
		return fmt.Sprintf("%s full: the next connection is dropped. %s", are(number[queue.Full]), next)
	case number[queue.Stalled] > 0:
		return stalled(bad)
	case number[queue.High] > 0:
		return fmt.Sprintf("%s more than 70 %% full. %s", are(number[queue.High]), next)
	}
	switch {
	case number[""] > 0:
		return "How full they are is not known here. To watch them: listenq top"
	case l.Window == 0:
		return "No accept queue is full. With --window 0 nobody looked whether connections are dropped."
	case !drops:
		return "No accept queue is full. Whether each of them drops connections is not known. To watch them: listenq top"
	}
	return "No accept queue is full, and none dropped a connection just now. To watch them: listenq top"
}

// stalled says how long connections wait that have room.
func stalled(bad []*answer.Listener) string {
	var longest time.Duration
	bad = slices.DeleteFunc(bad, func(r *answer.Listener) bool { return r.State != queue.Stalled })
	for _, r := range bad {
		if r.OldestWait != nil {
			longest = max(longest, r.OldestWait.Duration())
		}
	}
	return fmt.Sprintf("No accept queue is full, but connections have waited to be accepted for up to %s. Why and what to do: listenq doctor%s", text.Span(longest), where(bad))
}

func are(n int) string {
	if n == 1 {
		return "1 listener is"
	}
	return fmt.Sprintf("%d listeners are", n)
}

// where is the filter for those listeners, if one word is enough.
func where(bad []*answer.Listener) string {
	port := func(r *answer.Listener) string { return r.Address[strings.LastIndexByte(r.Address, ':'):] }
	for _, r := range bad {
		if port(r) != port(bad[0]) {
			return ""
		}
	}
	return " " + port(bad[0])
}
