package watch

import (
	"context"
	"time"
)

// Pace is how long to wait after a look that took so long.
type Pace func(took time.Duration) time.Duration

// Every paces looks so that one begins each interval, and waits at least a tenth of it.
func Every(interval time.Duration) Pace {
	return func(took time.Duration) time.Duration { return max(interval-took, interval/10) }
}

// Within paces looks so that they take at most that share of the time, with a wait between
// least and most.
func Within(share float64, least, most time.Duration) Pace {
	return func(took time.Duration) time.Duration {
		return min(max(time.Duration(float64(took)/share), least), most)
	}
}

// Run looks at once and then again and again, until ctx ends; its error is that of ctx. A look
// that fails is part of Last, and the next may succeed.
func (w *Watch) Run(ctx context.Context) error {
	for {
		_ = w.Take() // its error is in Last
		if err := sleep(ctx, w.pace(w.Last().Took)); err != nil {
			return err
		}
	}
}

// For looks at once, then with that step, and at the end of that time. It ends with the first
// look that fails, or with ctx.
func (w *Watch) For(ctx context.Context, d, step time.Duration) error {
	if err := w.Take(); err != nil {
		return err
	}
	for end := time.Now().Add(d); time.Until(end) > 0; {
		if err := sleep(ctx, min(step, time.Until(end))); err != nil {
			return err
		}
		if err := w.Take(); err != nil {
			return err
		}
	}
	return nil
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
