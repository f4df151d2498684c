package queue_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"listenq/internal/queue"
)

func TestFilter(t *testing.T) {
	trend := &queue.Trend{
		State:     queue.Dropping,
		Dropped:   queue.Known(3),
		Namespace: &queue.Namespace{ID: 42, Name: "blue", Host: true},
		Listener: queue.Listener{
			AcceptLen: 4, AcceptLimit: 3, Waiting: &queue.Waiting{Len: 4, Waits: []time.Duration{2 * time.Second}},
			Address: netip.MustParseAddrPort("[::1]:8080"), Netns: 42,
			Processes: []queue.Process{{PID: 7, Name: "nginx", Unit: "Web.service"}, {PID: 8, Name: "nginx"}},
		},
	}
	for words, want := range map[string]bool{
		"":                  true,
		":8080":             true,
		":80":               false,
		"!:80":              true,
		"[::1]:8080":        true,
		"[::1]:80":          false,
		"::1":               true,
		"[::1]":             true,
		"10.0.0.1":          false,
		"ngin":              true,
		"NGINX":             true,
		"web.serv":          true,
		"redis":             false,
		"pid:8":             true,
		"pid:9":             false,
		"state:full":        true,
		"state:ok":          false,
		"state:dropping":    true,
		"state:stalled":     true,
		"full":              true,
		"dropping":          true,
		"stalled":           true,
		"!full":             false,
		"waiting>1s":        true,
		"waiting>2s":        false,
		"full waiting>9s":   true,
		"netns:host":        true,
		"netns:blue":        true,
		"netns:42":          true,
		"netns:red":         false,
		"nginx :8080":       true,
		"nginx :81":         false,
		"nginx !state:full": false,
		":80 :8080":         true,
		":80 :81":           false,
		"redis nginx :8080": true,
		"redis nginx :80":   false,
		"!:80 !:81":         true,
		"!:80 !:8080":       false,
		":8080 !nginx":      false,
		"[::]:8081":         false,
	} {
		f, err := queue.ParseFilter([]string{words})
		if err != nil {
			t.Errorf("%q: %v", words, err)
			continue
		}
		if got := f.Match(trend); got != want {
			t.Errorf("%q matches: %v, want %v", words, got, want)
		}
	}
}

func TestFilterErrors(t *testing.T) {
	for _, words := range []string{"8080", "!8080", "pid:x", "pid:-1", "state:bad", "waiting>", "waiting>x", "waiting>-1s", ":0", ":99999", ":x", "!"} {
		_, err := queue.ParseFilter([]string{words})
		if _, ok := errors.AsType[*queue.FilterError](err); !ok {
			t.Errorf("%q: error %v, want a *FilterError", words, err)
		}
	}
}

// FuzzFilter: whatever is typed is a filter that matches or an error.
func FuzzFilter(f *testing.F) {
	for _, words := range []string{":8080", "pid:1 !nginx", "state:ok", "[::1]:1", "netns:"} {
		f.Add(words)
	}
	f.Fuzz(func(t *testing.T, words string) {
		filter, err := queue.ParseFilter([]string{words})
		if err != nil {
			return
		}
		again, err := queue.ParseFilter([]string{filter.String()})
		if err != nil {
			t.Fatalf("%q is written as %q, which is none: %v", words, filter, err)
		}
		trend := &queue.Trend{State: queue.OK}
		if filter.Match(trend) != again.Match(trend) {
			t.Fatalf("%q and %q match differently", words, filter)
		}
	})
}
