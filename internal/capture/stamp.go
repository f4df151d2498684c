package capture

import (
	"math/bits"
	"time"
)

// clock is how an interface of pcapng counts time (if_tsresol, if_tsoffset).
type clock struct {
	resolution byte  // units are of 10^-n s; with the highest bit set of 2^-n s
	offset     int64 // added, in seconds
}

const (
	micro     = 6 // the resolution where the file does not say
	nano      = 9
	binaryBit = 0x80
	lastYear  = 253402300800 // seconds from 1970 to the year 10000
)

// time reads a stamp. It is zero if no calendar has it.
func (c clock) time(stamp uint64) time.Time {
	seconds, fraction := c.split(stamp)
	if seconds >= lastYear {
		return time.Time{}
	}
	at := int64(seconds) + c.offset
	if at < 0 || at >= lastYear {
		return time.Time{}
	}
	return time.Unix(at, int64(fraction)).UTC()
}

// split returns seconds and nanoseconds.
func (c clock) split(stamp uint64) (seconds, fraction uint64) {
	switch n := uint(c.resolution &^ binaryBit); {
	case c.resolution == micro:
		return stamp / 1e6, stamp % 1e6 * 1e3
	case c.resolution == nano:
		return stamp / 1e9, stamp % 1e9
	case c.resolution&binaryBit == 0:
		return decimal(stamp, n)
	case n < 64:
		high, low := bits.Mul64(stamp&(1<<n-1), 1e9)
		return stamp >> n, high<<(64-n) | low>>n
	default:
		high, _ := bits.Mul64(stamp, 1e9)
		return 0, high >> (n - 64)
	}
}

// decimal splits a stamp in units of 10^-n s.
func decimal(stamp uint64, n uint) (seconds, fraction uint64) {
	for ; n > 19; n-- { // 10^19 is the largest power that fits
		stamp /= 10
	}
	power := uint64(1)
	for range n {
		power *= 10
	}
	seconds, rest := stamp/power, stamp%power
	for ; n > 9; n-- {
		rest /= 10
	}
	for ; n < 9; n++ {
		rest *= 10
	}
	return seconds, rest
}
