package network

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Clock is the one clock of an experiment: CLOCK_MONOTONIC since its start,
// which the processes of the lab have in common.
type Clock struct {
	start  time.Time
	origin int64 // CLOCK_MONOTONIC at start, in nanoseconds
}

func NewClock() (Clock, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return Clock{}, fmt.Errorf("read clock: %w", err)
	}
	return Clock{time.Now(), ts.Nano()}, nil
}

// Now is the time since the start.
func (c Clock) Now() time.Duration { return time.Since(c.start) }

// Since is the time from the start to a moment that another process read from
// CLOCK_MONOTONIC.
func (c Clock) Since(monotonic int64) time.Duration { return time.Duration(monotonic - c.origin) }
