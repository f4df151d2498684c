package script

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// durationUnits are the units that can be written, longest names first.
var durationUnits = []struct {
	name string
	unit time.Duration
}{
	{"us", time.Microsecond},
	{"ms", time.Millisecond},
	{"s", time.Second},
	{"m", time.Minute},
	{"h", time.Hour},
}

// parseDuration reads a number with one unit, such as 1.5s.
func parseDuration(s string) (time.Duration, bool) {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz")
	for _, u := range durationUnits {
		if s[len(digits):] != u.name || !isDecimal(digits) {
			continue
		}
		d, err := time.ParseDuration(s)
		return d, err == nil
	}
	return 0, false
}

// isDecimal reports whether s is digits, at most with a point between them.
func isDecimal(s string) bool {
	whole, part, point := strings.Cut(s, ".")
	return isDigits(whole) && (!point || isDigits(part))
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// parsePercent reads a percentage, such as 12.5%, as a fraction of 1.
func parsePercent(s string) (float64, bool) {
	number, ok := strings.CutSuffix(s, "%")
	if !ok || !isDecimal(number) {
		return 0, false
	}
	p, err := strconv.ParseFloat(number, 64)
	return p / 100, err == nil && p <= 100
}

// formatDuration writes a duration as a script does, so that an error can quote
// a bound.
func formatDuration(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return d.String()
	}
}
