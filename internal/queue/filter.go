package queue

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Filter chooses listeners: those that match, of each kind of words in it, one word,
// and none with a "!". The empty one matches all.
type Filter struct{ words []word }

type word struct {
	text  string
	kind  kind
	not   bool
	match func(*Trend) bool
}

// kind is what a word is about; two words of one kind are alternatives.
type kind int

const (
	addressKind kind = iota
	nameKind
	pidKind
	stateKind
	netnsKind
	kinds
)

// FilterForms are the words that ParseFilter knows, for a help text.
const FilterForms = `:8080 or 10.0.0.1:8080   an address; :8080 is that port at any
10.0.0.1                 an address at any port
nginx                    part of a process's name, or of its unit or container
pid:12                   the listeners of a process
full, dropping, stalled  what is so now; one can be full and dropping
waiting>3s               its first connection has waited for longer
state:high               its STATE: one of these, high, or ok
netns:NAME               a network namespace: name, number or host
!WORD                    all that do not match`

// FilterError is a word of a filter that is not understood.
type FilterError struct{ Word, Why string }

func (e *FilterError) Error() string { return fmt.Sprintf("filter %q: %s", e.Word, e.Why) }

// ParseFilter reads a filter from its words. Its error is a *FilterError.
func ParseFilter(words []string) (Filter, error) {
	var f Filter
	for _, text := range words {
		for _, w := range strings.Fields(text) {
			parsed, err := parseWord(w)
			if err != nil {
				return Filter{}, err
			}
			f.words = append(f.words, parsed)
		}
	}
	return f, nil
}

// Match reports whether a listener is one of those chosen.
func (f Filter) Match(t *Trend) bool {
	var asked, met [kinds]bool
	for _, w := range f.words {
		matches := w.match(t)
		if w.not && matches {
			return false
		}
		asked[w.kind] = asked[w.kind] || !w.not
		met[w.kind] = met[w.kind] || !w.not && matches
	}
	return asked == met
}

// Empty reports whether the filter matches all.
func (f Filter) Empty() bool { return len(f.words) == 0 }

// String is the filter as it was written.
func (f Filter) String() string {
	var words []string
	for _, w := range f.words {
		words = append(words, w.text)
	}
	return strings.Join(words, " ")
}

func parseWord(text string) (w word, err error) {
	w.text = text
	rest, not := strings.CutPrefix(text, "!")
	w.not = not
	if rest == "" {
		return w, &FilterError{text, "nothing to match"}
	}
	if w.match = matchAddress(rest); w.match != nil {
		return w, nil
	}
	if strings.Trim(rest, "0123456789") == "" {
		return w, &FilterError{text, fmt.Sprintf("a number alone: :%s is a port, pid:%s a process", rest, rest)}
	}
	key, value, keyed := strings.Cut(rest, ":")
	least, waits := strings.CutPrefix(rest, "waiting>")
	switch {
	case waits:
		w.kind = stateKind
		w.match, err = matchWait(text, least)
	case facts[State(rest)] != nil:
		w.kind = stateKind
		w.match = facts[State(rest)]
	case keyed && key == "pid":
		w.kind = pidKind
		w.match, err = matchPID(text, value)
	case keyed && key == "state":
		w.kind = stateKind
		w.match, err = matchState(text, value)
	case keyed && key == "netns":
		w.kind = netnsKind
		w.match = matchNetns(value)
	case keyed && key == "":
		w.match, err = matchPort(text, value)
	default:
		w.kind = nameKind
		w.match = matchName(rest)
	}
	return w, err
}

func matchPID(text, value string) (func(*Trend) bool, error) {
	pid, err := strconv.Atoi(value)
	if err != nil || pid <= 0 {
		return nil, &FilterError{text, "a process ID is a positive number"}
	}
	return func(t *Trend) bool {
		return slices.ContainsFunc(t.Listener.Processes, func(p Process) bool { return p.PID == pid })
	}, nil
}

func matchState(text, value string) (func(*Trend) bool, error) {
	if !slices.Contains(States, State(value)) {
		return nil, &FilterError{text, "a state is dropping, full, stalled, high or ok"}
	}
	if fact := facts[State(value)]; fact != nil {
		return fact, nil
	}
	return func(t *Trend) bool { return t.State == State(value) }, nil
}

// facts are states as facts, of which several may hold at once.
var facts = map[State]func(*Trend) bool{
	Dropping: (*Trend).dropping,
	Full:     func(t *Trend) bool { return t.Listener.Full() },
	Stalled:  func(t *Trend) bool { return t.Listener.Stalled() },
}

func matchWait(text, least string) (func(*Trend) bool, error) {
	d, err := time.ParseDuration(least)
	if err != nil || d < 0 {
		return nil, &FilterError{text, "a wait is a duration such as 3s or 500ms"}
	}
	return func(t *Trend) bool {
		oldest, known := t.Listener.Waiting.Oldest()
		return known && oldest > d
	}, nil
}

func matchNetns(value string) func(*Trend) bool {
	return func(t *Trend) bool {
		return strconv.FormatUint(uint64(t.Listener.Netns), 10) == value ||
			t.Namespace != nil && (t.Namespace.Name == value || t.Namespace.Host && value == HostNetns)
	}
}

// HostNetns is how the network namespace of PID 1 is called, if it has no other name.
const HostNetns = "host"

func matchPort(text, value string) (func(*Trend) bool, error) {
	port, err := strconv.ParseUint(value, 10, 16)
	if err != nil || port == 0 {
		return nil, &FilterError{text, "a port is a number from 1 to 65535"}
	}
	return func(t *Trend) bool { return t.Listener.Address.Port() == uint16(port) }, nil
}

// matchAddress is nil for what is no address.
func matchAddress(value string) func(*Trend) bool {
	if at, err := netip.ParseAddrPort(value); err == nil {
		return func(t *Trend) bool { return t.Listener.Address == at }
	}
	if ip, err := netip.ParseAddr(strings.Trim(value, "[]")); err == nil {
		return func(t *Trend) bool { return t.Listener.Address.Addr() == ip }
	}
	return nil
}

func matchName(value string) func(*Trend) bool {
	value = strings.ToLower(value)
	return func(t *Trend) bool {
		return slices.ContainsFunc(t.Listener.Processes, func(p Process) bool {
			return strings.Contains(strings.ToLower(p.Name), value) || strings.Contains(strings.ToLower(p.Unit), value)
		})
	}
}
