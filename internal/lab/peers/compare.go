package peers

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"listenq/internal/answer"
)

// table is what a program shows, by the key of each entry.
type table map[string]entry

// entry is a socket, or all counters.
type entry struct {
	of      string            // what it is, for people; "" for the counters
	fields  map[string]string // "" is what a program leaves out: no timer, zero
	numeric bool              // the fields are counters
}

// explanation is a known reason for a difference.
type explanation struct {
	field string
	holds func(theirs entry) bool
	why   string
}

type comparison struct {
	answer.Observation
	known []explanation
}

func (c *comparison) compare(theirs, before, after table) {
	strange := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(theirs)) {
		shown := theirs[key]
		a, was := before[key]
		b, is := after[key]
		switch {
		case was && is:
			c.entry(shown, a, b, strange)
		case was || is:
			c.Moved++
		default:
			c.differ(answer.Difference{Of: shown.of, Theirs: "shown", Ours: "not seen"})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		_, is := after[key]
		if _, shown := theirs[key]; is && !shown {
			c.differ(answer.Difference{Of: before[key].of, Theirs: "not shown", Ours: "seen"})
		}
	}
	if c.Differences == nil {
		c.Differences = []answer.Difference{} // none is an answer
	}
	c.NotCompared = slices.Sorted(maps.Keys(strange))
}

// entry compares one entry, field by field.
func (c *comparison) entry(theirs, before, after entry, strange map[string]bool) {
	if theirs.numeric {
		c.Counters += len(before.fields)
	} else {
		c.Sockets++
	}
	for _, field := range slices.Sorted(maps.Keys(before.fields)) {
		got, a, b := theirs.fields[field], before.fields[field], after.fields[field]
		if got == "" && a == "" && b == "" || setAnew(field, a, b) {
			continue
		}
		if got == "" && recent[field] {
			strange[field] = true
			continue
		}
		c.Fields++
		if !within(got, a, b) {
			c.field(field, theirs, a, b)
		}
	}
	for field := range theirs.fields {
		if _, ok := before.fields[field]; !ok {
			strange[family(field)] = true
		}
	}
}

// field notes that a field is not what listenq saw.
func (c *comparison) field(field string, theirs entry, before, after string) {
	d := answer.Difference{Of: theirs.of, Field: field, Theirs: theirs.fields[field], Ours: before}
	if after != before {
		d.Ours = fmt.Sprintf("%s, then %s", before, after)
	}
	for _, k := range c.known {
		if k.field == field && k.holds(theirs) {
			d.Why = k.why
		}
	}
	c.differ(d)
}

func (c *comparison) differ(d answer.Difference) {
	if d.Why != "" {
		c.Explained = append(c.Explained, d)
	} else {
		c.Differences = append(c.Differences, d)
	}
}

// recent are the fields that only recent versions of their program show.
var recent = map[string]bool{"rcv_wnd": true, "rehash": true}

// clocks are the fields that move with time, and which way. One that moved
// the other way was set anew, so that it may have been anything between.
var clocks = map[string]float64{"expires": -1, "lastsnd": 1, "lastrcv": 1, "lastack": 1, "busy": 1}

func setAnew(field, before, after string) bool {
	a, errA := strconv.ParseFloat(before, 64)
	b, errB := strconv.ParseFloat(after, 64)
	way, isClock := clocks[field]
	return isClock && (errA != nil || errB != nil || (b-a)*way < 0)
}

// within reports whether got is a or b, or a number between.
func within(got, a, b string) bool {
	if got == a || got == b {
		return true
	}
	x, errX := number(got)
	low, errA := number(a)
	high, errB := number(b)
	return errX == nil && errA == nil && errB == nil && x >= min(low, high) && x <= max(low, high)
}

// number reads a field as a number: what is left out is zero.
func number(field string) (float64, error) {
	if field == "" {
		return 0, nil
	}
	return strconv.ParseFloat(field, 64)
}
