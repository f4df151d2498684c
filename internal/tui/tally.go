package tui

import (
	"cmp"
	"time"

	"listenq/internal/queue"
)

// tally is what is to be said at the end of all samples that were seen.
type tally struct {
	history *queue.History
	first   time.Duration
	last    time.Duration
	drops   queue.Count
	of      map[identity]uint64 // drops
	worst   queue.Trend
	worstN  uint64
	any     bool
}

func newTally() tally {
	return tally{history: queue.NewHistory(0), of: map[identity]uint64{}}
}

func (t *tally) add(s *queue.Sample) {
	t.history.Add(s)
	if t.history.Samples() == 1 {
		t.first = s.T
	}
	t.last = s.T
	for _, trend := range t.history.Trends() {
		id := identify(&trend.Listener)
		if n := trend.Points[len(trend.Points)-1].Dropped; n.Known {
			t.of[id] += n.N
			t.drops = queue.Known(t.drops.N + n.N)
		}
		t.compare(trend, t.of[id])
	}
}

// compare keeps the trend if it is worse than all before: more drops, else fuller.
func (t *tally) compare(trend queue.Trend, drops uint64) {
	worse := cmp.Or(cmp.Compare(drops, t.worstN), cmp.Compare(trend.Listener.Fill(), t.worst.Listener.Fill())) > 0
	if !t.any || worse {
		trend.Dropped = queue.Count{N: drops, Known: t.drops.Known}
		t.worst, t.worstN, t.any = trend, drops, true
	}
}
