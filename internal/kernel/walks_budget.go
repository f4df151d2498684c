package kernel

import (
	"cmp"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// budget is a share of a core, saved up to be spent on walks.
type budget struct {
	share float64
	saved time.Duration // less than none: in debt
	at    time.Duration
}

// savings is for how long a budget may be saved up.
const savings = time.Second

// earn adds what the time since the last call gives.
func (b *budget) earn(now time.Duration) {
	share := func(d time.Duration) time.Duration { return time.Duration(b.share * float64(d)) }
	b.saved = min(b.saved+share(now-b.at), share(savings))
	b.at = now
}

// urgently is how many times the budget may be spent on namespaces that drop: then
// the picture matters most, and so does the machine.
const urgently = 10

// walks looks into the namespaces that have something to look for, as many as the
// budget allows: those first that drop, and then those not looked at for longest.
// It adds what could not be looked at.
func (h *Host) walks() (failed error) {
	now := h.since()
	h.calm.earn(now)
	h.urgent.earn(now)
	for _, n := range h.due() {
		from := &h.calm
		if n.dropping {
			from = &h.urgent
		}
		if !h.first() && h.options.Budget > 0 && from.saved < 0 {
			continue
		}
		started := threadTime()
		if err := n.walk(h.since(), h.options); err != nil {
			failed = err
		}
		from.saved -= threadTime() - started
	}
	return failed
}

// due are the namespaces whose walk would find something.
func (h *Host) due() []*netns {
	h.order = h.order[:0]
	for _, n := range h.namespaces {
		if len(n.groups) > 0 && (h.options.Requests || h.options.Waiting && n.queued > 0) {
			h.order = append(h.order, n)
		}
	}
	slices.SortStableFunc(h.order, func(a, b *netns) int {
		return cmp.Or(compareBool(b.dropping, a.dropping), compareBool(a.walked, b.walked), cmp.Compare(a.walkedAt, b.walkedAt))
	})
	return h.order
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// threadTime is the CPU time of the calling thread.
func threadTime() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
