package inside

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"listenq/internal/answer"
	"listenq/internal/judge"
	"listenq/internal/lab/facts"
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
			"the pause after the second SYN is from 1s to 2.1s: the machine was too busy to measure it"},
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

// Each reading of a probe has a way to read it, and none is left over.
func TestReaders(t *testing.T) {
	known := map[string]bool{}
	for _, all := range facts.Readings {
		for _, r := range all {
			known[r.Name] = true
			if readers[r.Name] == nil {
				t.Errorf("%s cannot be read", r.Name)
			}
		}
	}
	for name := range readers {
		if !known[name] {
			t.Errorf("%s is no reading", name)
		}
	}
}
