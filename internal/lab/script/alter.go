package script

import (
	"slices"
	"strings"
	"time"
)

// Change is what an Alter does to a segment.
type Change string

// The changes.
const (
	ChangeChecksum  Change = "checksum"  // it is wrong
	ChangeAck       Change = "ack"       // N is added to the acknowledgement number
	ChangeSeq       Change = "seq"       // N is added to the sequence number
	ChangeTimestamp Change = "timestamp" // TSval is that of D before
)

// Alter changes segments where they come onto the wire, as if their sender had sent
// them so. The zero Alter ends all of them.
type Alter struct {
	Kind   FrameKind
	To     Direction
	Change Change
	N      uint32
	D      time.Duration
	Times  int      // only the first so many; 0: all
	From   []string // of these connections only; nil: of all
}

// Answer lets the wire answer segments itself, in the name of who they are sent to,
// who never gets them. The zero Answer ends all of them.
type Answer struct {
	Kind  FrameKind
	To    Direction
	With  FrameKind // FrameRST, FrameSYNACK, FrameACK, or empty: with nothing
	Both  bool      // a reset goes both ways
	Times int       // only the first so many; 0: all
	From  []string  // of these connections only; nil: of all
}

func (Alter) action()  {}
func (Answer) action() {}

// maxShift bounds what is added to a number.
const maxShift = 1 << 31

func readAlter(s *statement) Action {
	s.needsWire(s.words[0])
	if s.accept("nothing") {
		return Alter{}
	}
	do := Alter{Kind: s.frameKind("what to alter", frameKinds)}
	do.To = s.wantDirection()
	changes := []string{string(ChangeChecksum), string(ChangeAck), string(ChangeSeq), string(ChangeTimestamp)}
	w := s.take("what of it: " + strings.Join(changes, ", "))
	do.Change = Change(w.text)
	switch do.Change {
	case ChangeChecksum:
	case ChangeAck, ChangeSeq:
		s.expectWord("by")
		do.N = uint32(s.number("how much is added", 1, maxShift))
	case ChangeTimestamp:
		do.D = s.period(24 * time.Hour)
		s.expectWord("back")
	default:
		s.fail(w, didYouMean(w.text, changes), "unexpected %q", w.text)
	}
	do.Times = s.times()
	do.From = s.from()
	return do
}

// times reads `N times` if it is there.
func (s *statement) times() int {
	if s.done() || !isDigits(s.words[s.next].text) {
		return 0
	}
	n := s.number("how often", 1, MaxFlood)
	if !s.accept("time") {
		s.expectWord("times")
	}
	return n
}

func readAnswer(s *statement) Action {
	s.needsWire(s.words[0])
	if s.accept("nothing") {
		return Answer{}
	}
	do := Answer{Kind: s.frameKind("what to answer", frameKinds)}
	do.To = s.wantDirection()
	s.expectWord("with")
	answers := []string{"rst", "syn-ack", "ack", "nothing"}
	w := s.take("with what: " + strings.Join(answers, ", "))
	switch {
	case w.text == "nothing":
	case !slices.Contains(answers, w.text):
		s.fail(w, didYouMean(w.text, answers), "unexpected %q", w.text)
	default:
		do.With = FrameKind(w.text)
	}
	if do.With == FrameRST {
		do.Both = s.accept("both", "ways")
	}
	do.Times = s.times()
	do.From = s.from()
	return do
}
