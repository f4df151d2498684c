package main

import (
	"errors"
	"io"
	"os"
	"slices"
	"time"
)

// capture is a file, read whole.
type capture struct {
	total    int       // packets of all kinds
	first    time.Time // when the first of the file was captured
	earliest time.Time // and the earliest
	last     time.Time
	end      time.Duration    // of the capture, from its start
	segments []*segment       // of TCP, copies left out, by their time
	copies   int              // segments that were captured twice
	byNumber map[int]*segment // copies, too
	complete bool             // it was read to its end
	named    side             // by the names of its interfaces, if they name sides
}

// side is a place of capture; sides can be or-ed.
type side uint8

const (
	client side = 1 << iota
	server
	both = client | server
)

// errDamaged says that a file could not be read to its end; what was before was.
var errDamaged = errors.New("damaged")

// readCapture reads a file to its end, or to where that is damaged.
func readCapture(path string) (*capture, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	source, err := frames(file)
	if err != nil {
		return nil, err
	}
	c := &capture{byNumber: map[int]*segment{}, named: both}
	var latest time.Time
	all, sides := []*segment{}, side(0)
	for {
		f, err := source()
		if err != nil {
			c.complete = errors.Is(err, io.EOF)
			break
		}
		c.total++
		if !f.stamp.IsZero() && f.stamp.Unix() < 1<<33 { // from the year 2242 on they mean nothing
			latest = f.stamp
		}
		if c.total == 1 {
			c.first, c.earliest, c.last = latest, latest, latest
		}
		if latest.Before(c.earliest) {
			c.earliest = latest
		}
		if latest.After(c.last) {
			c.last = latest
		}
		s := decode(f.link, f.data, max(f.length, len(f.data)))
		if s == nil {
			continue
		}
		s.number, s.stamp, s.side = c.total, latest, sideOf(f.iface)
		sides |= s.side
		if s.side == 0 {
			c.named = 0
		}
		c.byNumber[s.number] = s
		all = append(all, s)
	}
	c.named &= sides
	c.segments, c.copies = withoutCopies(all)
	if c.named == 0 {
		for _, s := range all {
			s.side = 0
		}
	}
	slices.SortStableFunc(c.segments, func(a, b *segment) int { return a.stamp.Compare(b.stamp) })
	c.countFrom(c.earliest)
	if !c.complete {
		return c, errDamaged
	}
	return c, nil
}

// countFrom makes times count from a moment.
func (c *capture) countFrom(start time.Time) {
	for _, s := range c.byNumber {
		s.at = s.stamp.Sub(start)
	}
	c.end = c.last.Sub(start)
}

// sideOf is the side of an interface of the lab's recordings; 0 of any other.
func sideOf(name string) side {
	return map[string]side{"client": client, "server": server, "lo": both}[name]
}
