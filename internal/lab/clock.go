package lab

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// clock is the one clock of an experiment: CLOCK_MONOTONIC since its start,
// which the processes of the lab have in common.
type clock struct {
	start  time.Time
	origin int64 // CLOCK_MONOTONIC at start, in nanoseconds
}

func newClock() (clock, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return clock{}, fmt.Errorf("read clock: %w", err)
	}
	return clock{time.Now(), ts.Nano()}, nil
}

// now is the time since the start.
func (c clock) now() time.Duration { return time.Since(c.start) }

// since is the time from the start to a moment that another process read from
// CLOCK_MONOTONIC.
func (c clock) since(monotonic int64) time.Duration { return time.Duration(monotonic - c.origin) }
