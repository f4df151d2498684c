package observe

import (
	"sync"
	"time"
)

const (
	sampleGap  = time.Millisecond       // the least time between two samples that packets ask for
	counterGap = 10 * time.Millisecond  // the least time between two readings of the counters for such samples
	sampleAll  = 100 * time.Millisecond // the most between two samples when nothing moves, for what the clients' timers do
)

// A look that takes longer than costly, because there are thousands of sockets,
// is not repeated before so many times its duration: who connects needs the CPU.
const (
	costly      = 5 * time.Millisecond
	costlyPause = 9
)

// Tick looks in the background, each interval and soon after packets, until the
// returned function is called; that returns the first error.
func (o *Observer) Tick(interval time.Duration) (stop func() error) {
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

// sampleUntil takes a sample after frames moved, and a glance where none did or a
// step has sampled since: a request may expire, or accept() be called, without one.
func (o *Observer) sampleUntil(quit <-chan struct{}, interval time.Duration) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var last time.Time // of the last sample
	for {
		take := o.Glance
		select {
		case <-quit:
			return nil
		case <-o.moved:
			before := o.samples.Load()
			if !pauseFor(quit, sampleGap) {
				return nil
			}
			if o.samples.Load() == before {
				take = func() error { return o.sampleAfter(counterGap) }
			}
		case now := <-ticker.C:
			if o.net.Loopback() || o.flooded() || now.Sub(last) >= sampleAll {
				take = o.Sample
				last = now
			}
		}
		began := time.Now()
		if err := take(); err != nil {
			return err
		}
		if took := time.Since(began); took > costly && !pauseFor(quit, costlyPause*took) {
			return nil
		}
	}
}

func (o *Observer) flooded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.reactions.flooded()
}

func (o *Observer) ExpectFlood() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reactions.expectFlood()
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
func (o *Observer) wakeSampler() {
	if o.reactions.flooded() {
		return
	}
	select {
	case o.moved <- struct{}{}:
	default:
	}
}
