package story

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// subject is the packet that a note is about.
func subject(n *evidence.Note) string {
	return [...]string{
		evidence.SegOther: "the SYN-ACK", evidence.SegSYN: "the SYN", evidence.SegACK: "the final ACK",
		evidence.SegData: "the client's data", evidence.SegFIN: "the client's FIN", evidence.SegRST: "the client's RST",
	}[n.Segment]
}

// reason says why the server dropped it.
func (a *narrator) reason(n *evidence.Note) string {
	switch judge.CauseOf(n.Witness, n.Segment, &a.Scene.Settings) {
	case judge.AcceptQueueFull:
		return "the accept queue is full" + measure(n)
	case judge.SynQueueFull:
		return "the SYN queue is full" + measure(n)
	case judge.SynQueueReserve:
		return "the rest of tcp_max_syn_backlog is reserved for clients known from before" + measure(n)
	case judge.DeferAccept:
		return "with TCP_DEFER_ACCEPT the server waits for data"
	case judge.HostDrop:
		switch n.Witness {
		case evidence.FilterTook:
			return "a packet filter takes it"
		case evidence.SumErrors:
			return "its checksum is wrong"
		case evidence.ReversePath:
			return "the way back to its sender's address is another one (rp_filter)"
		}
		return "memory, route or a security module failed"
	}
	return "not because a queue is full"
}

func measure(n *evidence.Note) string {
	if !n.Measured {
		return ""
	}
	switch n.Witness {
	case evidence.QFull:
		return fmt.Sprintf(" (%s, limit %d)", requests(n), n.Limit)
	case evidence.DropsReserved:
		return fmt.Sprintf(" (%s, tcp_max_syn_backlog %d)", requests(n), n.Limit)
	}
	return fmt.Sprintf(" (%d of limit %d)", n.Length, n.Limit)
}

func requests(n *evidence.Note) string {
	if n.Length == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n.Length)
}

// whyCookie says why the server sent a cookie.
func whyCookie(n *evidence.Note) string {
	switch {
	case n.Always && n.Witness == evidence.QFull:
		return ": the SYN queue is full" + measure(n) + ", or tcp_syncookies is 2"
	case n.Always:
		return ": tcp_syncookies is 2"
	case n.Witness == evidence.QFull:
		return ": the SYN queue is full" + measure(n)
	}
	return ""
}

// repeated says how often and when something happened, from start.
func repeated(n *evidence.Note, start time.Duration) string {
	var b strings.Builder
	known := min(int(n.N), evidence.MaxTimes)
	b.WriteString(times(n.N))
	later := slices.DeleteFunc(slices.Clone(n.Times[:known]), func(t time.Duration) bool { return t-start < roundTo/2 })
	switch {
	case len(later) == 0 && n.N == 1:
		return ""
	case len(later) == 0:
		return b.String() + " within 0.1 s"
	case len(later) < known:
		b.WriteString(", at first and after ")
	default:
		b.WriteString(", after ")
	}
	for i, t := range later {
		switch {
		case i == 0:
		case i == len(later)-1 && int(n.N) == known:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(seconds(t - start))
	}
	b.WriteString(" s")
	if int(n.N) > known {
		b.WriteString(" and later")
	}
	return b.String()
}

// roundTo is the precision of durations in a story.
const roundTo = 100 * time.Millisecond

func seconds(d time.Duration) string {
	if d < roundTo/2 {
		return "less than 0.1"
	}
	return fmt.Sprintf("%.1f", d.Round(roundTo).Seconds())
}

// after says how long something took; nothing if it was done at once.
func after(d time.Duration) string {
	if d < roundTo/2 {
		return ""
	}
	return " after " + seconds(d) + " s"
}

// times says how often something happened; nothing if it was once.
func times(n int32) string {
	switch n {
	case 1:
		return ""
	case 2:
		return " twice"
	}
	return fmt.Sprintf(" %d times", n)
}
