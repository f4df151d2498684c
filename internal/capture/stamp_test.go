package capture

import (
	"math"
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	tests := []struct {
		name  string
		clock clock
		stamp uint64
		want  time.Time
	}{
		{"microseconds", clock{resolution: micro}, 1_500_001, time.Unix(1, 500_001_000)},
		{"nanoseconds", clock{resolution: nano}, 1_500_000_001, time.Unix(1, 500_000_001)},
		{"seconds", clock{}, 7, time.Unix(7, 0)},
		{"milliseconds", clock{resolution: 3}, 7001, time.Unix(7, 1_000_000)},
		{"picoseconds", clock{resolution: 12}, 7_000_000_001_999, time.Unix(7, 1)},
		{"the smallest decimal", clock{resolution: 127}, math.MaxUint64, time.Unix(0, 0)},
		{"10^-19", clock{resolution: 19}, 15e18, time.Unix(1, 500_000_000)},
		{"10^-20", clock{resolution: 20}, 15e18, time.Unix(0, 150_000_000)},
		{"halves", clock{resolution: binaryBit | 1}, 3, time.Unix(1, 500_000_000)},
		{"2^-32", clock{resolution: binaryBit | 32}, 5<<32 | 1<<30, time.Unix(5, 250_000_000)},
		{"2^-63", clock{resolution: binaryBit | 63}, 3 << 62, time.Unix(1, 500_000_000)},
		{"2^-64", clock{resolution: binaryBit | 64}, 1 << 63, time.Unix(0, 500_000_000)},
		{"2^-65", clock{resolution: binaryBit | 65}, 1 << 63, time.Unix(0, 250_000_000)},
		{"the smallest binary", clock{resolution: 0xff}, math.MaxUint64, time.Unix(0, 0)},
		{"2^-0", clock{resolution: binaryBit}, 7, time.Unix(7, 0)},
		{"offset", clock{micro, 3600}, 1_000_000, time.Unix(3601, 0)},
		{"offset back", clock{micro, -1}, 1_000_000, time.Unix(0, 0)},
		{"before 1970", clock{micro, -2}, 1_000_000, time.Time{}},
		{"after 9999", clock{}, lastYear, time.Time{}},
		{"after 9999 by its offset", clock{micro, lastYear}, 0, time.Time{}},
		{"beyond all", clock{0, math.MaxInt64}, lastYear - 1, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.clock.time(tt.stamp); !got.Equal(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
