package tui

import (
	"net/netip"
	"time"

	"listenq/internal/queue"
)

// What is kept to be saved and stepped through: so many samples, and rows of all of
// them, which is about 60 MB.
const (
	keptSamples = 3600
	keptRows    = 300_000
)

const (
	minute   = 60 * time.Second // what the course, the maximum and findings are about
	recently = 5 * time.Second  // what states and rates are about
)

// tape holds the samples that were taken or recorded, and the histories up to the
// one that is shown.
type tape struct {
	samples  []queue.Sample
	at       int           // the one that is shown; -1: none
	since    time.Duration // the histories begin here
	rows     int           // of all samples
	told     int           // how many the tally knows
	recently time.Duration
	minute   *queue.History
	recent   *queue.History
	tally    *queue.Tally     // of all samples that were seen
	seen     [2]time.Duration // when the first and the last of them were taken
}

func newTape(interval time.Duration) *tape {
	t := &tape{at: -1, tally: queue.NewTally()}
	t.pace(interval)
	return t
}

// pace sets how long `recently` is: three samples must be in it.
func (t *tape) pace(interval time.Duration) {
	t.recently = max(recently, interval*5/2)
	t.rewind()
}

// rewind begins the histories anew.
func (t *tape) rewind() {
	t.minute, t.recent = queue.NewHistory(max(minute, t.recently)), queue.NewHistory(t.recently)
}

// record takes a new sample in; the one that is shown stays.
func (t *tape) record(s queue.Sample) {
	t.samples = append(t.samples, s)
	t.rows += len(s.Listeners)
	t.tell(&s)
	drop := 0
	for drop < len(t.samples)-1 && (len(t.samples)-drop > keptSamples || t.rows > keptRows) {
		t.rows -= len(t.samples[drop].Listeners)
		drop++
	}
	if drop > 0 {
		clear(t.samples[:drop])
		t.samples = t.samples[drop:]
		t.at = max(t.at-drop, -1)
	}
}

// tell adds a sample to what is to be said at the end.
func (t *tape) tell(s *queue.Sample) {
	t.tally.Add(s)
	if t.told == 0 {
		t.seen[0] = s.T
	}
	t.seen[1] = s.T
	t.told++
}

// show makes the i-th sample the one that is shown. The one after it costs little,
// any other as much as the minute before it.
func (t *tape) show(i int) {
	i = min(max(i, 0), len(t.samples)-1)
	if i < 0 {
		return
	}
	first := i
	if t.minute.Samples() == 0 || i != t.at+1 {
		t.rewind()
		for first > 0 && t.samples[first-1].T >= max(t.since, t.samples[i].T-minute) {
			first--
		}
	}
	for ; first <= i; first++ {
		t.minute.Add(&t.samples[first])
		t.recent.Add(&t.samples[first])
	}
	t.at = i
}

// reset begins the histories with the last sample.
func (t *tape) reset() {
	if t.at >= 0 {
		t.since = t.samples[t.at].T
		t.rewind()
		t.show(t.at)
	}
}

// shown is the sample that is shown; nil if there is none.
func (t *tape) shown() *queue.Sample {
	if t.at < 0 {
		return nil
	}
	return &t.samples[t.at]
}

// identity tells listeners apart from sample to sample.
type identity struct {
	netns   queue.NetnsID
	cookie  uint64
	inode   uint32
	address netip.AddrPort
}

func identify(l *queue.Listener) identity {
	return identity{l.Netns, l.Cookie, l.Inode, l.Address}
}
