package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/queue"
)

func TestWhyLimit(t *testing.T) {
	for _, test := range []struct {
		name, somaxconn string
		limit           int
		want            string
	}{
		{"below", "4096", 128, "128, below net.core.somaxconn (4096)"},
		{"equal", "4096", 4096, "likely clamped"},
		{"above", "128", 4096, "which was lowered since"},
		{"no somaxconn", "", 128, "could not be read"},
		{"no limit", "4096", queue.NoLimit, "not known from this source"},
	} {
		n := &queue.Namespace{Sysctls: map[string]string{"net.core.somaxconn": test.somaxconn}}
		if got := whyLimit(&queue.Trend{Listener: queue.Listener{AcceptLimit: test.limit}, Namespace: n}); !strings.Contains(got, test.want) {
			t.Errorf("%s: %s", test.name, got)
		}
	}
}

// TestEvents holds that changes are told as they were, the newest first, sk_drops
// having wrapped in between.
func TestEvents(t *testing.T) {
	var all []queue.Sample
	for n, l := range []*queue.Listener{
		nil,
		{Cookie: 1, AcceptLimit: 4, Drops: queue.Known(1<<32 - 1)},
		{Cookie: 1, AcceptLimit: 4, AcceptLen: 5, Drops: queue.Known(2)},
		{Cookie: 1, AcceptLimit: 4, AcceptLen: 5, Drops: queue.Known(2)},
		{Cookie: 1, AcceptLimit: 4, AcceptLen: 1, Drops: queue.Known(2)},
		{Cookie: 1, AcceptLimit: 8, AcceptLen: 1},
	} {
		s := queue.Sample{Time: noon.Add(time.Duration(n) * time.Second)}
		if l != nil {
			s.Listeners = []queue.Listener{*l}
		}
		all = append(all, s)
	}
	var got []string
	for _, e := range events(all, identity{cookie: 1}) {
		got = append(got, e.at.Format(time.TimeOnly)+" "+e.text)
	}
	want := []string{
		"12:00:05 listen() again: limit 8, was 4", "12:00:04 no longer full: 1/4", "12:00:02 full: 5/4; 3 dropped", "12:00:01 listens, limit 4",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCourse holds that a gap in the samples is a gap on the screen, that a slow
// pace is none, and that only a full queue is drawn full.
func TestCourse(t *testing.T) {
	theme := newTheme(true, Mono)
	point := func(second, length int, dropped uint64) queue.Point {
		return queue.Point{T: time.Duration(second) * time.Second, AcceptLen: length, Full: length > 100, Dropped: queue.Known(dropped)}
	}
	trend := queue.Trend{Listener: queue.Listener{AcceptLimit: 100}, Points: []queue.Point{
		point(0, 0, 0), point(5, 1, 0), point(10, 100, 0), point(30, 101, 0), point(35, 50, 3), point(60, 0, 0),
	}}
	if diff := cmp.Diff(":%   #!    .", theme.course(&trend, time.Minute, 12)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
