package kernel

import (
	"testing"

	"listenq/internal/queue"
)

func TestCountsDrops(t *testing.T) {
	for release, want := range map[string]bool{
		"3.10.0-1160.el7.x86_64": false, "4.4.11": false, "4.6.7": false, "4.7.0": true, "4.9.80": true, "5.10.0-46-amd64": true, "10.1": true, "next": true,
	} {
		if got := countsDrops(release); got != want {
			t.Errorf("%s: %v, want %v", release, got, want)
		}
	}
}

// TestDoubtDrops: a 0 of a kernel that may not count is unknown, until another number shows
// that it does.
func TestDoubtDrops(t *testing.T) {
	h := &Host{counts: countsDrops("3.10.0-1160.el7.x86_64")}
	s := queue.Sample{Listeners: []queue.Listener{{Drops: queue.Known(0)}, {}}}
	h.doubtDrops(&s)
	if s.Listeners[0].Drops.Known || len(s.Missing) != 1 {
		t.Errorf("a 0 is taken for a count: %+v, missing %v", s.Listeners[0].Drops, s.Missing)
	}
	s = queue.Sample{Listeners: []queue.Listener{{Drops: queue.Known(0)}, {Drops: queue.Known(3)}}}
	h.doubtDrops(&s)
	if !s.Listeners[0].Drops.Known || s.Listeners[1].Drops.N != 3 || s.Missing != nil {
		t.Errorf("it counts: %+v, missing %v", s.Listeners, s.Missing)
	}
	s = queue.Sample{Listeners: []queue.Listener{{Drops: queue.Known(0)}}}
	if h.doubtDrops(&s); !s.Listeners[0].Drops.Known {
		t.Error("it is known to count, and doubted again")
	}
}
