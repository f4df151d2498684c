package explain

import (
	"context"
	"errors"
	"io"

	"listenq/internal/capture"
	"listenq/internal/handshake"
)

// segment is a TCP segment of a file, and what was told with it.
type segment struct {
	handshake.Packet
	at        int64 // nanoseconds since 1970 on the clock of the file
	iface     int
	direction capture.Direction
}

// source is a file that is read.
type source struct {
	index   int
	name    string
	reader  *capture.Reader
	packet  capture.Packet
	damage  *capture.DamageError
	packets int // of all kinds
	first   int64
	latest  int64
	skipped [maxSkips]int
	twice   duplicates
	again   int   // packets that were captured twice
	shift   int64 // of its clock, in nanoseconds
	matched int   // handshakes by which that is known
	place   place

	ahead []segment // that were read to find out where it was captured
	taken int       // of them
	head  segment   // the next to take; the last one, once done
	done  bool
}

// maxSkips is more than capture knows reasons for; at most one is added a year.
const maxSkips = 16

func newSource(index int, input Input) (*source, error) {
	s := &source{index: index, name: input.Name, place: place{place: input.Place}}
	if input.Place != Unknown {
		s.place.how = "as told"
	}
	var err error
	if s.reader, err = capture.NewReader(input.Data, input.Name); err != nil {
		s.done = true
		return s, s.failed(err)
	}
	return s, nil
}

// failed keeps a damage to tell of; it returns any other error.
func (s *source) failed(err error) error {
	if damage, ok := errors.AsType[*capture.DamageError](err); ok {
		s.damage = damage
		return nil
	}
	return err
}

// maxAhead is how many segments are looked at to find out where a file was captured:
// 6 MB of them, read in a few milliseconds.
const maxAhead = 1 << 15

// lookAhead reads the beginning of the file and finds out where it was captured.
func (s *source) lookAhead(ctx context.Context) error {
	if s.done {
		return nil
	}
	for len(s.ahead) < maxAhead {
		if len(s.ahead)&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var p segment
		more, err := s.read(&p)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		s.ahead = append(s.ahead, p)
	}
	s.place.find(s)
	return s.advance()
}

// advance makes head the next segment.
func (s *source) advance() error {
	if s.taken < len(s.ahead) {
		s.head = s.ahead[s.taken]
		s.taken++
		return nil
	}
	s.ahead = nil
	s.taken = 0
	more, err := s.read(&s.head)
	s.done = !more
	return err
}

// read reads the next segment; it reports false at the end of what can be read, and
// leaves p as it is.
func (s *source) read(p *segment) (more bool, err error) {
	if s.damage != nil {
		return false, nil
	}
	for {
		c := &s.packet
		switch err := s.reader.Next(c); {
		case err == io.EOF:
			return false, nil
		case err != nil:
			return false, s.failed(err)
		}
		s.packets++
		if !c.Time.IsZero() {
			s.latest = c.Time.UnixNano()
		}
		if s.first == 0 {
			s.first = s.latest
		}
		if c.Skip != capture.Taken {
			s.skipped[c.Skip]++
			continue
		}
		if s.twice.seen(c, s.latest, s.place.named(s, c.Interface)) {
			s.again++
			continue
		}
		p.Packet, p.at, p.iface, p.direction = c.Segment, s.latest, c.Interface, c.Direction
		return true, nil
	}
}
