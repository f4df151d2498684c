package explain

import (
	"context"
	"io"
	"maps"
	"net/netip"
	"runtime/debug"
	"slices"
	"time"

	"listenq/internal/answer"
	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"
)

// Input is a capture file to read.
type Input struct {
	Name  string
	Data  io.Reader
	Place answer.Place // where it was captured; Unknown: find out
}

// Options say what is of interest.
type Options struct {
	Listener     Filter
	Outcomes     []judge.Outcome // of the connections that are listed; all if empty
	Since, Until time.Duration   // packets before and after are left out, counted from the first; 0: none are
	Connections  int             // listed one by one at most; 0: defaultConnections

	// Comment, if set, is given what is worth saying of a packet, by its file and
	// number there.
	Comment func(file, number int, text string)
}

// What is kept at one time, whatever the files hold.
const (
	maxAttempts        = 40_000 // that are not over, of each place
	defaultConnections = 10_000
)

// collectLess lets memory grow to three times what is kept, which is bounded, instead of
// twice, unless somebody has set GOGC. It returns what sets it back.
func collectLess() (restore func()) {
	const usual, less = 100, 200
	old := debug.SetGCPercent(less)
	if old != usual {
		debug.SetGCPercent(old)
	}
	return func() { debug.SetGCPercent(old) }
}

// Captures reads files as one. A file that is cut or damaged is reported in the
// Report, as is what came before; the error is another one: a file that is no
// capture, or cannot be read. If ctx is cancelled it returns what was read by then,
// with the error of ctx.
func Captures(ctx context.Context, inputs []Input, o Options) (*answer.Explanation, error) {
	if o.Connections == 0 {
		o.Connections = defaultConnections
	}
	defer collectLess()()
	quit := make(chan struct{})
	defer close(quit)
	e := explainer{options: o, files: len(inputs), trackers: map[evidence.Side]*handshake.Tracker{}, collector: newCollector(o)}
	for i, input := range inputs {
		e.sources = append(e.sources, newSource(ctx, quit, i, input))
	}
	for _, s := range e.sources {
		if err := s.lookAhead(ctx); err != nil {
			return nil, err
		}
	}
	e.copies()
	e.adjust()
	if err := e.run(ctx); err != nil {
		return nil, err
	}
	return e.report(), ctx.Err()
}

// explainer reads files as one.
type explainer struct {
	options  Options
	files    int
	sources  []*source
	start    int64 // of the first packet, in nanoseconds since 1970
	last     int64
	pairs    map[pair]netip.Addr // captured at both ends, with the client's address
	delay    int64               // how long a SYN or SYN-ACK took at least from one end to the other
	overlap  int64               // when the last of the files of these begins
	oneSided int                 // packets of pairs while only one end was captured
	outside  int                 // packets not asked for by their time

	trackers  map[evidence.Side]*handshake.Tracker
	recent    *handshake.Tracker
	sides     evidence.Side
	collector *collector
}

// run gives all packets to the model in the order of their time.
func (e *explainer) run(ctx context.Context) error {
	for _, s := range e.read() {
		if err := s.begin(ctx); err != nil {
			return err
		}
	}
	for s := e.earliest(); s != nil; s = e.earliest() {
		e.take(s, s.head)
		if err := s.advance(ctx); err != nil {
			return err
		}
	}
	for _, s := range e.read() {
		e.last = max(e.last, s.end+s.shift) // it went on, whatever its last packets are
	}
	end := e.elapsed(e.last)
	if until := e.options.Until; until > 0 && e.outside > 0 {
		end = min(end, until)
	}
	for _, t := range e.trackers {
		t.End(end)
	}
	return nil
}

// earliest is the file with the earliest packet; nil if all are at their end.
func (e *explainer) earliest() *source {
	if len(e.sources) == 1 {
		if e.sources[0].done {
			return nil
		}
		return e.sources[0]
	}
	var first *source
	for _, s := range e.sources {
		if !s.done && (first == nil || s.head.at+s.shift < first.head.at+first.shift) {
			first = s
		}
	}
	return first
}

func (e *explainer) elapsed(at int64) time.Duration { return time.Duration(at - e.start) }

// take gives a packet of a file to the model.
func (e *explainer) take(s *source, p *segment) {
	at := p.at + s.shift
	e.last = max(e.last, at)
	p.T = e.elapsed(at)
	if o := &e.options; o.Since > 0 && p.T < o.Since || o.Until > 0 && p.T > o.Until {
		e.outside++
		return
	}
	sides, side := s.place.of(p)
	if e.pairs != nil {
		if client, both := e.pairs[pairOf(p)]; both {
			if sent := (p.Src.Addr() == client) == (side == evidence.ClientSide); !e.covered(at, sent) {
				e.oneSided++
				return
			}
			sides = bothSides
		}
	}
	if e.recent == nil || e.sides != sides {
		e.recent, e.sides = e.tracker(sides), sides
	}
	number := p.Number
	p.Side, p.Number = side, number*e.files+s.index
	e.recent.Take(&p.Packet)
	if e.options.Comment != nil {
		if text := e.recent.Comment(p.Number); text != "" {
			e.options.Comment(s.index, number, text)
		}
	}
}

// covered reports that both ends were captured when a packet was sent, or arrived. What
// is sent when the other capture begins may arrive in it, and what it has seen being sent
// may arrive when it has ended.
func (e *explainer) covered(at int64, sent bool) bool {
	if at < e.overlap-e.delay-int64(endTolerance) {
		return false
	}
	late := int64(endTolerance)
	if !sent {
		late += int64(longestWay)
	}
	for _, s := range e.sources {
		if s.done && s.head != nil && s.head.at+s.shift+late < at {
			return false
		}
	}
	return true
}

const (
	endTolerance = 50 * time.Millisecond // between a capture's end and its last packet
	longestWay   = time.Second           // of a packet from one end to the other
)

// tracker is the model of what was captured at these sides.
func (e *explainer) tracker(sides evidence.Side) *handshake.Tracker {
	t := e.trackers[sides]
	if t == nil {
		t = handshake.New(handshake.Config{
			Sides: sides, MaxAttempts: maxAttempts,
			Done: func(a *handshake.Attempt, v *judge.Verdict) { e.collector.add(a, v, sides, e) },
		})
		e.trackers[sides] = t
	}
	return t
}

// report is what the model makes of all.
func (e *explainer) report() *answer.Explanation {
	r := &answer.Explanation{Start: time.Unix(0, e.start).UTC(), Span: milliseconds(e.elapsed(e.last)), Skipped: map[string]int{}, Listeners: []answer.CaptureListener{}}
	for _, s := range e.sources {
		addFile(r, s)
	}
	count(r.Skipped, "outside", e.outside)
	count(r.Skipped, "one-sided", e.oneSided)
	for _, sides := range slices.Sorted(maps.Keys(e.trackers)) {
		t := e.trackers[sides]
		t.Close()
		for _, v := range t.Listeners() {
			if e.options.Listener.Match(v.Address) {
				r.Listeners = append(r.Listeners, e.listener(v, sides))
				lack(r, &r.Listeners[len(r.Listeners)-1])
			}
		}
	}
	e.collector.finish(r)
	slices.SortStableFunc(r.Listeners, worseListener)
	return r
}

// locate is the file that a number of the model's belongs to, and the packet's number there.
func (e *explainer) locate(number int) (file, packet int) {
	return number % e.files, number / e.files
}

// pair is two hosts, the lower address first.
type pair [2]netip.Addr

func pairOf(p *segment) pair {
	a, b := p.Src.Addr(), p.Dst.Addr()
	if b.Less(a) {
		a, b = b, a
	}
	return pair{a, b}
}
