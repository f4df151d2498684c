package watch

import (
	"time"

	"listenq/internal/queue"
)

// Tape holds samples that were taken one after the other, and gives the Snapshot of each. It
// is for one goroutine.
type Tape struct {
	samples []queue.Sample
	rows    int // of all samples
	most    TapeSize
	window  time.Duration
	recent  time.Duration
	history *queue.History
	at      int           // the last that the history has taken; -1: none
	since   time.Duration // the history begins here
}

// TapeSize is how much a Tape keeps: the oldest samples make room for new ones.
type TapeSize struct{ Samples, Listeners int }

// NewTape returns an empty Tape, whose Snapshots have those windows as with [Options].
func NewTape(window, recent time.Duration, most TapeSize) *Tape {
	if window == 0 {
		window = forever
	}
	return &Tape{most: most, window: window, recent: recent, history: queue.NewHistory(window), at: -1}
}

// Recorded returns a Tape of all samples of a recording, oldest first.
func Recorded(samples []queue.Sample, window, recent time.Duration) *Tape {
	t := NewTape(window, recent, TapeSize{})
	t.samples = samples
	return t
}

// Add keeps one more sample, which is the Tape's from then on. It returns how many of the
// oldest have made room.
func (t *Tape) Add(s queue.Sample) (dropped int) {
	t.samples = append(t.samples, s)
	t.rows += len(s.Listeners)
	for dropped < len(t.samples)-1 && (len(t.samples)-dropped > t.most.Samples || t.rows > t.most.Listeners) {
		t.rows -= len(t.samples[dropped].Listeners)
		dropped++
	}
	if dropped > 0 {
		clear(t.samples[:dropped])
		t.samples = t.samples[dropped:]
		t.at = max(t.at-dropped, -1)
	}
	return dropped
}

// Samples are all that it holds, oldest first; they are the Tape's own.
func (t *Tape) Samples() []queue.Sample { return t.samples }

// At returns the Snapshot as of the i-th sample, which must exist. The one after the last that
// was asked for costs little, any other as much as the window before it.
func (t *Tape) At(i int) *Snapshot {
	first := i
	if t.history.Samples() == 0 || i != t.at+1 {
		t.history = queue.NewHistory(t.window)
		for first > 0 && t.samples[first-1].T >= max(t.since, t.samples[i].T-t.window) {
			first--
		}
	}
	for ; first <= i; first++ {
		s := t.samples[first]
		t.history.Take(&s)
	}
	t.at = i
	return newSnapshot(t.history, t.recent)
}

// Begin makes the history begin with the i-th sample.
func (t *Tape) Begin(i int) {
	t.since = t.samples[i].T
	t.history = queue.NewHistory(t.window)
}

// SetRecent changes the window of states and rates.
func (t *Tape) SetRecent(recent time.Duration) { t.recent = recent }
