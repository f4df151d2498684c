package cli

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

// unknown is how a table shows what was not looked at; none, what there is none of.
const (
	unknown = "?"
	none    = "-"
)

func printListing(s screen, l answer.Listing, all bool) {
	if len(l.Listeners) == 0 {
		s.wrap("", nobody(l))
		return
	}
	table := s
	if all {
		table.width = 0
	}
	rows := l.Listeners
	if s.height > 0 && !all && l.Filter == "" {
		rows = screenful(rows, s.height-besides-2*len(l.Missing))
	}
	printTable(table, listingColumns(l, all), rows)
	if more := len(l.Listeners) - len(rows); more > 0 {
		s.line("%s", s.style(faint, fmt.Sprintf("%d more, none worse: listenq ls --all", more)))
	}
	s.blank()
	s.wrap("", verdict(l))
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
			name += " " + processCell(other)
		}
		others = append(others, name)
	}
	text := fmt.Sprintf("No listener matches %s. There is: %s", l.Filter, strings.Join(others, ", "))
	if more := len(l.Others) - len(others); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + "."
}

// listingColumns are the columns of `ls`. Without a window there is no rate: the
// drops since the socket was made stand in its place.
func listingColumns(l answer.Listing, all bool) []column[answer.Listener] {
	widest := 0
	for i := range l.Listeners {
		widest = max(widest, len(strconv.Itoa(l.Listeners[i].AcceptLen)))
	}
	once := l.Window == 0
	columns := []column[answer.Listener]{
		{title: "STATE", rank: 1, cell: stateCell, look: stateLook},
		{title: "ACCEPT Q", rank: 2, cell: func(r *answer.Listener) string { return acceptCell(r, widest) }},
		{title: "WAIT", right: true, rank: 8, extra: true, cell: waitCell},
		{title: "SYN Q", right: true, rank: 7, cell: func(r *answer.Listener) string { return countCell(r.SynLen) }},
		{title: "SYN AGE", right: true, rank: 13, extra: true, cell: func(r *answer.Listener) string { return durationCell(r.SynAge) }},
		dropsColumn(l),
		{title: "DROPS", right: true, rank: 11, extra: true, cell: func(r *answer.Listener) string { return countCell(r.Drops) }},
		{title: "LOCAL", rank: 3, least: 14, cell: func(r *answer.Listener) string { return r.Address }, cut: cutAddress},
		{title: "NETNS", rank: 10, extra: true, cell: func(r *answer.Listener) string { return r.NetnsName }},
		{title: "PROCESS", rank: 5, least: 8, cell: processCell},
		{title: "UNIT", rank: 9, extra: true, least: 12, cell: unitCell},
		{title: "UID", right: true, rank: 12, extra: true, cell: func(r *answer.Listener) string { return fmt.Sprint(r.UID) }},
		{title: "INODE", right: true, rank: 14, extra: true, cell: func(r *answer.Listener) string { return fmt.Sprint(r.Inode) }},
	}
	for i := range columns {
		c := &columns[i]
		switch {
		case c.title == "NETNS" && severalNetns(l):
			c.rank, c.extra = 6, false
		case c.title == "WAIT" && slices.ContainsFunc(l.Listeners, answer.Listener.Waits):
			c.rank, c.extra = 5, false
		case c.title == "DROPPED" && once:
			c.extra, c.rank = true, 100
		case c.title == "DROPS" && once:
			c.rank, c.extra = 4, false
		}
		c.extra = c.extra && !all
	}
	return columns
}

// leastRate is the shortest window that carries a rate: within a shorter one it is counted.
const leastRate = time.Second

// dropsColumn is what was dropped within the window, as a rate if that carries one.
func dropsColumn(l answer.Listing) column[answer.Listener] {
	if l.Window.Duration() < leastRate {
		return column[answer.Listener]{title: "DROPPED", right: true, rank: 4, cell: func(r *answer.Listener) string { return countCell(r.Dropped) }}
	}
	return column[answer.Listener]{title: "DROPS/s", right: true, rank: 4, cell: rateCell}
}

func severalNetns(l answer.Listing) bool {
	for i := range l.Listeners {
		if l.Listeners[i].Netns != l.Listeners[0].Netns {
			return true
		}
	}
	return false
}

func stateCell(r *answer.Listener) string {
	if r.State == "" {
		return unknown
	}
	return string(r.State)
}

func stateLook(r *answer.Listener) text.Look {
	switch r.State {
	case queue.Dropping, queue.Full:
		return red
	case queue.Stalled, queue.High:
		return yellow
	}
	return ""
}

// acceptCell is length and limit, the lengths below each other.
func acceptCell(r *answer.Listener, widest int) string {
	limit := unknown
	if r.AcceptLimit != nil {
		limit = strconv.Itoa(*r.AcceptLimit)
	}
	return pad(strconv.Itoa(r.AcceptLen), widest, true) + "/" + limit
}

func waitCell(r *answer.Listener) string {
	if r.AcceptLen == 0 {
		return none
	}
	return durationCell(r.OldestWait)
}

func rateCell(r *answer.Listener) string {
	if r.DropsPerS == nil {
		return unknown
	}
	return strconv.FormatFloat(*r.DropsPerS, 'f', 1, 64)
}

func countCell(n *uint64) string {
	if n == nil {
		return unknown
	}
	return strconv.FormatUint(*n, 10)
}

func durationCell(t *answer.Milliseconds) string {
	if t == nil {
		return unknown
	}
	return text.Span(t.Duration())
}

// processCell is the first process, and how many more have the socket open.
func processCell(r *answer.Listener) string {
	switch {
	case r.Processes == nil:
		return unknown
	case len(r.Processes) == 0:
		return none
	}
	text := r.Processes[0].Name + "[" + strconv.Itoa(r.Processes[0].PID) + "]"
	if more := len(r.Processes) - 1; more > 0 {
		text += " +" + strconv.Itoa(more)
	}
	return text
}

// unitCell is what the first process belongs to that belongs to anything.
func unitCell(r *answer.Listener) string {
	if r.Processes == nil {
		return unknown
	}
	for _, p := range r.Processes {
		if of := p.Belongs(); of != "" {
			return of
		}
	}
	return none
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
