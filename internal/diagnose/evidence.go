package diagnose

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"listenq/internal/queue"
	"listenq/internal/text"
)

const shown = 4 // of a list; the rest is counted

// evidence is what was seen of a listener's accept queue.
func (s *situation) evidence() []string {
	all := []string{s.queueLine()}
	if s.Dropped.Known && s.Dropped.N > 0 {
		all = append(all, s.dropLine())
	}
	if n := s.netns.moved("TcpExtListenOverflows"); n.Known && n.N > 0 && s.overflowed && !s.alone {
		all = append(all, fmt.Sprintf("ListenOverflows of its namespace rose by %d; other listeners there dropped packets, too", n.N))
	}
	if points := s.recent(); s.fullShare() > 0 && len(points) > 1 {
		all = append(all, fmt.Sprintf("full in %.0f %% of %d samples within %s", 100*s.fullShare(), len(points), text.Span(min(s.Window, recentWindow))))
	}
	if w := s.waitLine(); w != "" {
		all = append(all, w)
	}
	if closed, dead, queued, worth := s.leavers(); worth && s.cause.explains() {
		all = append(all, leaversLine(closed, dead, queued)+": clients give up, and keep their places")
	}
	return append(all, "process: "+s.owners())
}

func (s *situation) queueLine() string {
	l := &s.Listener
	if l.AcceptLimit < 0 {
		return fmt.Sprintf("accept queue: %d, its limit is not known", l.AcceptLen)
	}
	text := fmt.Sprintf("accept queue: %d of limit %d", l.AcceptLen, l.AcceptLimit)
	if s.AcceptMax > l.AcceptLen {
		text += fmt.Sprintf(", %d at most", s.AcceptMax)
	}
	return text + fmt.Sprintf(" (it holds %d, then it is full)", l.AcceptLimit+1)
}

func (s *situation) dropLine() string {
	text := fmt.Sprintf("sk_drops rose by %d within %s", s.Dropped.N, text.Span(s.Window))
	if p := s.Paths; p.SYN.Known && p.ACK.Known {
		text += fmt.Sprintf(": %s or ACKs of SYN cookies, %s or data of requests", count(p.SYN.N, "SYN"), count(p.ACK.N, "final ACK"))
	}
	return text
}

func (s *situation) waitLine() string {
	w := s.Listener.Waiting
	oldest, ok := w.Oldest()
	if !ok || w.Age > stoppedAfter {
		return ""
	}
	text := "the first in the queue has waited for " + text.Span(oldest)
	if s.Listener.Shared > 1 && !s.waitsAreOwn() {
		text += fmt.Sprintf(" (of the %d listeners at this address one)", s.Listener.Shared)
	}
	return text
}

// owners names the processes of a listener.
func (s *situation) owners() string {
	all := s.Listener.Processes
	if len(all) == 0 {
		return "not known"
	}
	var names []string
	for _, p := range all[:min(len(all), shown)] {
		names = append(names, fmt.Sprintf("%s[%d]", quoted(p.Name), p.PID))
	}
	text := strings.Join(names, " ")
	if more := len(all) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// blocked describes where the threads of a listener's processes sleep.
func (s *situation) blocked() []string {
	places, threads := map[string]int{}, 0
	for _, p := range s.Listener.Processes {
		for _, t := range p.Threads {
			threads++
			places[sleep(t)]++
		}
	}
	if threads == 0 {
		return []string{"where its threads are blocked was not looked at"}
	}
	names := slices.SortedFunc(maps.Keys(places), func(a, b string) int {
		return cmpCounts(places[b], places[a], a, b)
	})
	var all []string
	for _, name := range names[:min(len(names), shown)] {
		all = append(all, count(uint64(places[name]), "thread")+" "+name)
	}
	return all
}

func cmpCounts(a, b int, x, y string) int {
	if a != b {
		return a - b
	}
	return strings.Compare(x, y)
}

func sleep(t queue.Thread) string {
	switch {
	case t.State == "R":
		return "running (state R)"
	case t.Wait == "":
		return "in state " + quoted(t.State) + ", where is not known"
	}
	return "in " + quoted(t.Wait) + " (state " + quoted(t.State) + ")"
}

const longest = 64 // bytes of a name; the kernel's own have 15

// quoted is a name that somebody else chose, so that it cannot steer a terminal or
// be taken for several words.
func quoted(name string) string {
	if len(name) > longest {
		return strconv.Quote(name[:longest]) + "…"
	}
	plain := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !strconv.IsPrint(r) || strings.ContainsRune(" \"'`\\<>&\uFFFD", r)
	})
	if plain {
		return name
	}
	return strconv.Quote(name)
}

// count is so many of something.
func count(n uint64, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
