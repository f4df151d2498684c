package watch

import (
	"context"
	"slices"
	"sync"
	"time"

	"listenq/internal/queue"
)

// Source fills in the next sample of a host. It may reuse the slices of the sample.
type Source func(*queue.Sample) error

// Options say how a host is watched.
type Options struct {
	Pace   Pace          // of Run; nil: Every(time.Second)
	Window time.Duration // what courses and findings are about; 0: all that was seen
	Recent time.Duration // what states and rates are about; 0: the same
	Scope  Scope         // which processes each Snapshot looks at closely
	Sum    bool          // keep a sum over all samples, see Sums
}

// forever is a history's memory that forgets nothing.
const forever = 1000 * time.Hour

// Watch looks at one host. Take, Run and For are for one goroutine at a time, all else for any.
type Watch struct {
	source Source
	window time.Duration
	scope  Scope
	pace   Pace

	mu       sync.Mutex
	history  *queue.History
	recent   time.Duration
	tally    *queue.Tally  // nil without Options.Sum
	last     Look          // the latest
	snapshot *Snapshot     // as of the last sample; nil until somebody asks for it
	changed  chan struct{} // closed by the next look
}

// New returns a Watch that has not looked yet.
func New(source Source, o Options) *Watch {
	if o.Pace == nil {
		o.Pace = Every(time.Second)
	}
	if o.Window == 0 {
		o.Window = forever
	}
	w := &Watch{
		source: source, window: o.Window, scope: o.Scope, pace: o.Pace,
		history: queue.NewHistory(o.Window), recent: o.Recent, changed: make(chan struct{}),
	}
	if o.Sum {
		w.tally = queue.NewTally()
	}
	return w
}

// Take looks once. An error of the source is returned, and part of Last.
func (w *Watch) Take() error {
	began := time.Now()
	var s queue.Sample
	err := w.source(&s)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = Look{Number: w.last.Number + 1, At: time.Now(), Took: time.Since(began), Err: err}
	if err == nil {
		w.history.Take(&s)
		if w.tally != nil {
			w.tally.Add(&s)
		}
		w.snapshot = nil
	}
	close(w.changed)
	w.changed = make(chan struct{})
	return err
}

// Last is the latest look.
func (w *Watch) Last() Look {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// Snapshot is what is known as of the last look that succeeded; nil before the first.
func (w *Watch) Snapshot() *Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.snapshot == nil && w.history.Samples() > 0 {
		inspect(w.history, w.scope)
		w.snapshot = newSnapshot(w.history, w.recent)
	}
	return w.snapshot
}

// Next waits for a look later than that of a number; 0 is before the first. The error is that
// of ctx.
func (w *Watch) Next(ctx context.Context, after int) (Look, error) {
	for {
		w.mu.Lock()
		last, changed := w.last, w.changed
		w.mu.Unlock()
		if last.Number > after {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return Look{}, ctx.Err()
		case <-changed:
		}
	}
}

// Restart begins a new window with the last sample.
func (w *Watch) Restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.history
	w.history, w.snapshot = queue.NewHistory(w.window), nil
	if before.Samples() > 0 {
		last := *before.Last()
		last.Listeners = slices.Clone(last.Listeners) // Snapshots have the others
		w.history.Take(&last)
	}
}

// SetRecent changes the window of states and rates; what was seen of it counts.
func (w *Watch) SetRecent(recent time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recent, w.snapshot = recent, nil
}

// Sums is what moved from the first look to the last, also of listeners that are gone. It is
// empty without Options.Sum.
func (w *Watch) Sums() queue.Sums {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tally == nil {
		return queue.Sums{}
	}
	return w.tally.Sums()
}
