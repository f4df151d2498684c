package lab

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/handshake"
	"listenq/internal/kernel"
	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
	"listenq/internal/record"
)

// readingOf is what a reading makes of what was seen, or its error.
func readingOf(value any, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(value)
}

// What other kernels show is read as what it is.
func TestReadings(t *testing.T) {
	clients := func(outcomes ...handshake.Outcome) (all []script.Conn) {
		for _, o := range outcomes {
			all = append(all, script.Conn{Outcome: o})
		}
		return all
	}
	const dropped, half = handshake.Unanswered, handshake.HalfOpen
	waiting := func(at, expires time.Duration, retransmits int) end {
		return end{Socket: handshake.Socket{T: at, State: handshake.SynSent, Retransmits: retransmits}, timer: kernel.TimerRetransmit, expires: expires}
	}
	third := func(c end) string { return readingOf(thirdOf(c, 100*time.Millisecond)) }
	five := 5
	for _, test := range []struct{ name, got, want string }{
		{"every SYN dropped", readingOf(ruleOf(clients(dropped, dropped, dropped, dropped))), "always"},
		{"young rule", readingOf(ruleOf(clients(half, half, dropped, dropped))), "young"},
		{"none dropped", readingOf(ruleOf(clients(half, half, half, half))), "never"},
		{"neither", readingOf(ruleOf(clients(half, dropped, half, half))), "client 2 of 4 is the first whose SYN is dropped: no rule that is known"},
		{"limit + 1", readingOf(testOf(5)), ">"},
		{"limit", readingOf(testOf(4)), ">="},
		{"power of two", readingOf(testOf(16)), "16, or the next power of two >"},
		{"no known limit", readingOf(testOf(24)), "a backlog of 4 holds 24 requests: no test that is known"},
		{"one each", readingOf(dropsEach(&five, 5)), "1"},
		{"uneven", readingOf(dropsEach(&five, 2)), "sk_drops rose by 5 for 2 dropped packets"},
		{"none dropped to count", readingOf(dropsEach(&five, 0)), "sk_drops rose by 5 for 0 dropped packets"},
		{"no sk_drops", readingOf(dropsEach(nil, 5)), "this kernel does not show sk_drops of listeners"},
		{"linear", third(waiting(1300*time.Millisecond, 830*time.Millisecond, 1)), "2"},
		{"exponential", third(waiting(1300*time.Millisecond, 1880*time.Millisecond, 1)), "3"},
		{"looked late", third(waiting(2900*time.Millisecond, 250*time.Millisecond, 1)), "3"},
		{"another pause", third(waiting(1300*time.Millisecond, 3*time.Second, 1)), "the third SYN is due 4s after the first: neither 2 nor 3 s"},
		{"too early", third(waiting(200*time.Millisecond, time.Second, 0)), "the client is in SYN_SENT after 0 retransmissions, timer on: not waiting to send its third SYN"},
		{"no socket", third(end{}), "the client is in  after 0 retransmissions, timer off: not waiting to send its third SYN"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", test.name, test.got, test.want)
		}
	}
}

// RFC 6298 and Documentation/networking/ip-sysctl.rst, tcp_syn_linear_timeouts.
func TestSynSchedule(t *testing.T) {
	for _, test := range []struct {
		linear, doubling, fails int
		times                   string
	}{
		{4, 6, 131, "1, 2, 3, 4, 5, 7, 11, 19, 35, 67"},
		{0, 6, 127, "1, 3, 7, 15, 31, 63"},
		{0, 1, 3, "1"},
		{0, 0, 1, ""},
		{0, 8, 367, "1, 3, 7, 15, 31, 63, 127, 247"}, // no pause is over 120 s
	} {
		times, fails := synSchedule(test.linear, test.doubling)
		if times != test.times || fails != test.fails {
			t.Errorf("%d linear, %d doubling: %q, fails at %d s; want %q, %d s", test.linear, test.doubling, times, fails, test.times, test.fails)
		}
	}
}

// A probe whose situation did not come about tells nothing.
func TestClaim(t *testing.T) {
	situation, claim := record.Expectation{Text: `expect c.outcome == "half-open"`, Got: `c.outcome is "unanswered"`}, record.Expectation{}
	e := experiment{script: &script.Script{Name: "x"}, expectations: []record.Expectation{situation, claim}}
	const want = `the experiment did not come to what it is about: c.outcome == "half-open", but c.outcome is "unanswered"`
	if got := e.claim(nil); got.err == nil || got.err.Error() != want || got.value != nil {
		t.Errorf("%+v, want unknown: %s", got, want)
	}
	e.expectations[0].Pass = true
	if got := e.claim(nil); got.err != nil || got.value != false {
		t.Errorf("%+v, want false", got)
	}
	e.expectations[1].Pass = true
	if got := e.claim(nil); got.err != nil || got.value != true {
		t.Errorf("%+v, want true", got)
	}
	if got := e.claim(errNoDrops); !errors.Is(got.err, errNoDrops) || got.value != nil {
		t.Errorf("%+v, want unknown", got)
	}
}

// The text of a probe says what its fact means either way.
func TestProbeTexts(t *testing.T) {
	for _, name := range scenarios.Facts() {
		s := probe(name)
		ifTrue, ifFalse := meanings(s)
		if strings.HasPrefix(ifFalse, "Not so") || ifTrue == "" || s.Source == "" {
			t.Errorf("%s: true: %q, false: %q, source: %q", name, ifTrue, ifFalse, s.Source)
		}
		if _, ok := s.Steps[len(s.Steps)-1].Do.(script.Expect); !ok {
			t.Errorf("%s does not end with an expectation", name)
		}
		for _, r := range readings[name] {
			if r.name != name && (r.title == "" || r.meaning == nil) {
				t.Errorf("%s has no title or meaning", r.name)
			}
		}
	}
}

// Without experiments the same facts are there, and each says why it is unknown.
func TestInsideUnknown(t *testing.T) {
	in := insideFacts{err: errors.New("namespaces are not allowed here")}
	var got []string
	for _, f := range append(append(in.experiments(), in.defaults()...), in.unprivileged()...) {
		if f.Value != nil || f.UnknownBecause != in.err.Error() || f.Meaning == "" {
			t.Errorf("%+v", f)
		}
		got = append(got, f.Name)
	}
	for _, f := range Facts() {
		if !strings.Contains(strings.Join(got, " "), f.Name) {
			t.Errorf("%s is left out", f.Name)
		}
	}
}

// A kernel without a setting has no such default, and says so.
func TestDefaultsOfAnOlderKernel(t *testing.T) {
	in := insideFacts{done: done{Defaults: map[string]string{"net.core.somaxconn": "4096", "net.ipv4.tcp_syncookies": "permission denied"}}}
	got := map[string]string{}
	for _, f := range in.defaults() {
		got[f.Name] = fmt.Sprint(f.Value, f.UnknownBecause)
	}
	for name, want := range map[string]string{
		"default_somaxconn":               "4096",
		"default_tcp_syncookies":          "<nil>permission denied",
		"default_tcp_syn_linear_timeouts": "<nil>this kernel has no such setting",
		"has_tcp_child_ehash_entries":     "false",
		"default_tcp_child_ehash_entries": "<nil>this kernel has no such setting",
		"default_tcp_abort_on_overflow":   "<nil>this kernel has no such setting",
		"default_tcp_max_syn_backlog":     "<nil>this kernel has no such setting",
		"default_tcp_synack_retries":      "<nil>this kernel has no such setting",
		"default_tcp_syn_retries":         "<nil>this kernel has no such setting",
		"default_tcp_migrate_req":         "<nil>this kernel has no such setting",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// The schedule of clients follows from what was probed and the defaults.
func TestSchedule(t *testing.T) {
	in := insideFacts{}
	in.Defaults = map[string]string{"net.ipv4.tcp_syn_retries": "6", "net.ipv4.tcp_syn_linear_timeouts": "4"}
	for linear, want := range map[any]string{true: "1, 2, 3, 4, 5, 7, 11, 19, 35, 67", false: "1, 3, 7, 15, 31, 63"} {
		in.Run.Facts = map[string]any{"syn_retries_linear": linear}
		if got := in.schedule(); got.Value != want {
			t.Errorf("linear %v: %+v", linear, got)
		}
	}
	in.Run.Facts, in.Run.Missing = nil, []record.Missing{{What: "syn_retries_linear", Why: "no namespace"}}
	if diff := cmp.Diff("no namespace", in.schedule().UnknownBecause); diff != "" {
		t.Errorf("unknown because (-want +got):\n%s", diff)
	}
}
