package lab

import (
	"sync"
	"time"
)

// sampleGap is the least time between two samples that packets ask for.
const sampleGap = time.Millisecond

// tick samples in the background, each interval and soon after packets, until
// the returned function is called; that returns the first error.
func (o *observer) tick(interval time.Duration) (stop func() error) {
	quit := make(chan struct{})
	var end sync.WaitGroup
	var failed error
	end.Go(func() { failed = o.sampleUntil(quit, interval) })
	return func() error {
		close(quit)
		end.Wait()
		return failed
	}
}

func (o *observer) sampleUntil(quit <-chan struct{}, interval time.Duration) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-quit:
			return nil
		case <-o.moved:
			if !pauseFor(quit, sampleGap) {
				return nil
			}
		case <-ticker.C:
		}
		if err := o.sample(); err != nil {
			return err
		}
	}
}

// pauseFor waits; false if quit came first.
func pauseFor(quit <-chan struct{}, d time.Duration) bool {
	select {
	case <-quit:
		return false
	case <-time.After(d):
		return true
	}
}

// wakeSampler asks for a sample soon. In a flood it does not: there the tick is enough.
func (o *observer) wakeSampler() {
	if o.reactions.flooded() {
		return
	}
	select {
	case o.moved <- struct{}{}:
	default:
	}
}
