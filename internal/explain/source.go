package explain

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"listenq/internal/answer"
	"listenq/internal/capture"
	"listenq/internal/evidence"
)

// segment is a TCP segment of a file, and what the file says about it.
type segment struct {
	evidence.Packet
	at        int64         // nanoseconds since 1970 on the clock of the file
	named     evidence.Side // that its interface is named by; 0 for another name
	direction capture.Direction
}

// source is a file that is read, by a goroutine of its own.
type source struct {
	index   int
	name    string
	batches chan batch
	spare   chan []segment
	facts
	shift   int64 // of its clock, in nanoseconds
	matched int   // packets by which that is known
	place   vantage
	same    string // the file that holds the same packets, and is read in its place

	held  []segment // that are kept back until it is sure that nothing earlier comes
	order disorder
	ahead []segment // that were read to find out where it was captured
	batch []segment // that is taken from
	taken int       // of it
	head  *segment  // the next to take; the last one, once done
	done  bool
}

// batch is a part of a file.
type batch struct {
	segments []segment
	facts    facts
	err      error // that ended it
}

// facts are what is known of a file so far.
type facts struct {
	packets int // of all kinds
	first   int64
	latest  int64 // of the last one; and the latest of all
	end     int64
	skipped [maxSkips]int
	again   int // packets that were captured twice
	lost    int64
	losing  bool // lost is known
	damage  *capture.DamageError
}

const (
	maxSkips  = 16   // more than capture knows reasons for
	batchSize = 1024 // segments: 128 KB, which stay in the cache
)

// newSource begins to read a file, until quit is closed or ctx is cancelled. What was
// read by then is given.
func newSource(ctx context.Context, quit <-chan struct{}, index int, input Input) *source {
	s := &source{
		index: index, name: input.Name, place: vantage{place: input.Place},
		batches: make(chan batch, 4), spare: make(chan []segment, 8),
	}
	if input.Place != answer.PlaceUnknown {
		s.place.how = "as told"
	}
	f := &file{input: input}
	go func() {
		defer close(s.batches)
		for more := true; more; {
			b := batch{segments: s.room()}
			more, b.err = f.fill(ctx, &b.segments)
			b.facts = f.facts
			select {
			case s.batches <- b:
			case <-quit:
				return
			}
		}
	}()
	return s
}

// room is memory for a batch.
func (s *source) room() []segment {
	select {
	case old := <-s.spare:
		return old[:0]
	default:
		return make([]segment, 0, batchSize)
	}
}

// patience is how long an interrupted read may take to end: the program that writes
// into a pipe is interrupted, too, and has something left to write.
const patience = time.Second

// fetch takes the next batch. It reports false at the end of the file.
func (s *source) fetch(ctx context.Context) (bool, error) {
	var b batch
	var more bool
	select {
	case b, more = <-s.batches:
	case <-ctx.Done():
		select {
		case b, more = <-s.batches:
		case <-time.After(patience):
		}
	}
	if !more {
		return s.last(), nil
	}
	s.facts = b.facts
	return true, s.receive(b)
}

// maxAhead is how many segments are looked at to find out where a file was captured:
// 2.5 MB of them, read in a few milliseconds.
const maxAhead = 1 << 14

// lookAhead reads the beginning of the file and finds out where it was captured.
func (s *source) lookAhead(ctx context.Context) error {
	ahead := make([]segment, 0, maxAhead+batchSize)
	for len(ahead) < maxAhead {
		more, err := s.fetch(ctx)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		ahead = append(ahead, s.batch...)
	}
	slices.SortStableFunc(ahead, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	s.ahead, s.batch = ahead, nil
	s.place.find(ahead)
	return nil
}

// begin makes head the first segment. What was read ahead is given first.
func (s *source) begin(ctx context.Context) error {
	s.batch, s.ahead, s.taken, s.done = s.ahead, nil, 0, false
	return s.advance(ctx)
}

// advance makes head the next segment.
func (s *source) advance(ctx context.Context) error {
	for s.taken == len(s.batch) {
		if more, err := s.fetch(ctx); err != nil || !more {
			return err
		}
	}
	s.head = &s.batch[s.taken]
	s.taken++
	return nil
}

// file is read by one goroutine.
type file struct {
	input  Input
	reader *capture.Reader
	packet capture.Packet
	named  []evidence.Side // by interface
	twice  duplicates
	facts
}

// fill reads segments until there is no room for more. It reports false at the end.
func (f *file) fill(ctx context.Context, all *[]segment) (more bool, err error) {
	if f.reader == nil {
		if f.reader, err = capture.NewReader(f.input.Data, f.input.Name); err != nil {
			return false, f.ended(err)
		}
	}
	for len(*all) < cap(*all) {
		if f.packets&0xfff == 0xfff && ctx.Err() != nil {
			return false, nil
		}
		if err := f.reader.Next(&f.packet); err != nil {
			return false, f.ended(err)
		}
		if f.take() {
			c := &f.packet
			*all = append(*all, segment{c.Segment, f.latest, f.named[c.Interface], c.Direction})
		}
	}
	return true, nil
}

// meaningless is when stamps begin that mean nothing, in seconds since 1970: the year 2242. Those
// after 2262 have more nanoseconds than can be counted.
const meaningless = 1 << 33

// take counts a packet and reports whether it is a segment of its own.
func (f *file) take() bool {
	c := &f.packet
	f.packets++
	if !c.Time.IsZero() && c.Time.Unix() < meaningless {
		f.latest = c.Time.UnixNano()
	}
	if f.first == 0 {
		f.first = f.latest
	}
	f.end = max(f.end, f.latest)
	for len(f.named) <= c.Interface {
		f.named = append(f.named, sideNamed(f.reader.Interfaces()[len(f.named)].Name))
	}
	switch {
	case c.Skip != capture.Taken:
		f.skipped[c.Skip]++
		return false
	case f.twice.seen(c, f.latest, f.named[c.Interface]):
		f.again++
		return false
	}
	return true
}

// ended keeps a damage to report, and returns any other error.
func (f *file) ended(err error) error {
	if f.reader != nil {
		for _, i := range f.reader.Interfaces() {
			if i.Dropped >= 0 {
				f.lost, f.losing = f.lost+i.Dropped, true
			}
		}
	}
	if err == io.EOF {
		return nil
	}
	if damage, ok := errors.AsType[*capture.DamageError](err); ok {
		f.damage = damage
		return nil
	}
	return err
}
