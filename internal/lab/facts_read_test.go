package lab

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/judge"
	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
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
	clients := func(outcomes ...judge.Outcome) (all []script.Conn) {
		for _, o := range outcomes {
			all = append(all, script.Conn{Outcome: o})
		}
		return all
	}
	const dropped, half = judge.Unanswered, judge.HalfOpen
	five := 5
	for _, test := range []struct{ name, got, want string }{
		{"every SYN dropped", readingOf(ruleOf(clients(dropped, dropped, dropped, dropped))), "always"},
		{"young rule", readingOf(ruleOf(clients(half, half, dropped, dropped))), "young"},
		{"none dropped", readingOf(ruleOf(clients(half, half, half, half))), "never"},
		{"neither", readingOf(ruleOf(clients(half, dropped, half, half))), "client 2 of 4 is the first whose SYN is dropped: no rule that is known"},
		{"limit + 1", readingOf(testOf(5)), ">"},
		{"limit", readingOf(testOf(4)), ">="},
		{"power of two", readingOf(testOf(16)), "power of two"},
		{"no known limit", readingOf(testOf(24)), "a backlog of 4 holds 24 requests: no test that is known"},
		{"one each", readingOf(dropsEach(&five, 5)), "1"},
		{"uneven", readingOf(dropsEach(&five, 2)), "sk_drops rose by 5 for 2 dropped packets"},
		{"none dropped to count", readingOf(dropsEach(&five, 0)), "sk_drops rose by 5 for 0 dropped packets"},
		{"no sk_drops", readingOf(dropsEach(nil, 5)), "this kernel does not show sk_drops of listeners"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", test.name, test.got, test.want)
		}
	}
}

// The pause after the second SYN is told only where looks come close enough.
func TestSecondPause(t *testing.T) {
	const ms = time.Millisecond
	early := timerLook{900 * ms, 910 * ms, 0, 100 * ms}
	for _, test := range []struct {
		name  string
		looks []timerLook
		want  string
	}{
		{"linear", []timerLook{early, {1010 * ms, 1020 * ms, 1, 990 * ms}}, "1s"},
		{"exponential", []timerLook{early, {1010 * ms, 1020 * ms, 1, 1990 * ms}}, "2s"},
		{"linear, slow look", []timerLook{early, {920 * ms, 1600 * ms, 1, 500 * ms}}, "1s"},
		{"exponential, slow look", []timerLook{early, {920 * ms, 1600 * ms, 1, 1400 * ms}}, "2s"},
		{"exponential, looked a second late", []timerLook{early, {1900 * ms, 2000 * ms, 1, 1000 * ms}},
			"the pause after the second SYN is from 1s to 2.1s: the machine was too busy to tell"},
		{"first look too late", []timerLook{{1100 * ms, 1110 * ms, 1, 900 * ms}}, "looked too late, the second SYN was sent before: the machine was too busy"},
		{"third SYN sent", []timerLook{early, {2500 * ms, 2510 * ms, 2, 500 * ms}}, "looked too late, the second SYN was sent before: the machine was too busy"},
		{"no socket", nil, "the client has no SYN to send again"},
	} {
		looks := test.looks
		got := readingOf(secondPause(func() (timerLook, error) {
			if len(looks) == 0 {
				return timerLook{}, errors.New("the client has no SYN to send again")
			}
			look := looks[0]
			looks = looks[1:]
			return look, nil
		}))
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
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
	situation, claim := answer.Expectation{Text: `expect c.outcome == "half-open"`, Got: `c.outcome is "unanswered"`}, answer.Expectation{}
	e := experiment{script: &script.Script{Name: "x"}, expectations: []answer.Expectation{situation, claim}}
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
			if r.title == "" || r.meaning == nil {
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
	in.outside = map[string]string{"net.core.somaxconn": "128", "net.ipv4.tcp_max_syn_backlog": "512"}
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
		"default_tcp_max_syn_backlog":     "<nil>this kernel has it for the whole machine, not for namespaces: it is 512",
		"default_tcp_synack_retries":      "<nil>this kernel has no such setting",
		"default_tcp_syn_retries":         "<nil>this kernel has no such setting",
		"default_tcp_migrate_req":         "<nil>this kernel has no such setting",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// The limit of a listener that asks for the most is the setting of its namespace.
func TestLongestQueue(t *testing.T) {
	want, err := os.ReadFile(sysctlPath(somaxconnSetting))
	if err != nil {
		t.Skipf("needs %s to compare with: %v", somaxconnSetting, err)
	}
	got, err := longestQueue()
	if err != nil || fmt.Sprintln(got) != string(want) {
		t.Errorf("%d, %v; want %s", got, err, want)
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
	in.Run.Facts, in.Run.Missing = nil, []answer.Missing{{What: "syn_retries_linear", Why: "no namespace"}}
	if diff := cmp.Diff("no namespace", in.schedule().UnknownBecause); diff != "" {
		t.Errorf("unknown because (-want +got):\n%s", diff)
	}
}
