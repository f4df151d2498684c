package judge_test

import (
	"slices"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"
)

// TestTakenSoon: data that is taken a moment after the final ACK shows that this found
// room; two milliseconds later it does not, a queue that was full may have drained.
func TestTakenSoon(t *testing.T) {
	met := judge.Reading{Outcome: judge.EstablishedBoth, Cause: judge.AcceptQueueFull}
	for _, c := range []struct {
		name  string
		after time.Duration
		told  bool // that it may have met a full queue
	}{
		{"at once", 2*ms + ms/2, false},
		{"two milliseconds later", 4 * ms, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s ladder.Crowd
			shake(&s, 1, 0, ms/10, c.after, 0, 0, 0)
			shake(&s, 2, ms, ms/10, c.after, 0, 0, 0) // its SYN comes before the other's final ACK
			v := s.Track().Attempt(ladder.Peer(1), ladder.Server).Verdict()
			if got := slices.Contains(v.Alternatives, met); got != c.told || v.Cause != judge.NoCause {
				t.Errorf("told %v, alternatives %v; a full queue among them: want %v", v.Reading, v.Alternatives, c.told)
			}
		})
	}
}

// TestSingleSYNs: a client of a flood is taken for forged, and one that sends its SYN
// again, or is one of few, may have given up.
func TestSingleSYNs(t *testing.T) {
	gaveUp := func(r judge.Reading) bool { return r.Outcome == judge.GaveUp }
	for _, c := range []struct {
		name    string
		clients int
		again   bool
		told    bool // that the first may have given up
	}{
		{"a flood", 60, false, false},
		{"one in a flood that tries again", 60, true, true},
		{"a few", 10, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s ladder.Crowd
			for n := range c.clients {
				s.Add(time.Duration(n)*ms, evidence.Packet{Src: ladder.Peer(n), Dst: ladder.Server, Flags: evidence.SYN, Seq: 1000})
			}
			if c.again {
				s.Add(time.Second, evidence.Packet{Src: ladder.Peer(0), Dst: ladder.Server, Flags: evidence.SYN, Seq: 1000})
			}
			tr := s.Track()
			tr.End(10 * time.Second)
			v := tr.Attempt(ladder.Peer(0), ladder.Server).Verdict()
			if got := gaveUp(v.Reading) || slices.ContainsFunc(v.Alternatives, gaveUp); got != c.told {
				t.Errorf("told %v, alternatives %v; gave up among them: want %v", v.Reading, v.Alternatives, c.told)
			}
		})
	}
}

// TestGaveUpSoon: a client whose SYN was dropped a fifth of a second ago may be gone.
func TestGaveUpSoon(t *testing.T) {
	var s ladder.Crowd
	shake(&s, 1, 0, ms/10, 3*ms, 0, 0, 0)
	s.Add(100*ms, evidence.Packet{Src: ladder.Peer(2), Dst: ladder.Server, Flags: evidence.SYN, Seq: 1000})
	tr := s.Track()
	tr.End(300 * ms)
	v := tr.Attempt(ladder.Peer(2), ladder.Server).Verdict()
	if !slices.ContainsFunc(v.Alternatives, func(r judge.Reading) bool { return r.Outcome == judge.GaveUp }) {
		t.Errorf("told %v, alternatives %v; want one that gave up among them", v.Reading, v.Alternatives)
	}
}

// TestSlowNetworkAtTheClient: a client sees its data and the server's SYN-ACK again and
// again where the network holds everything back for seconds, and the server has the
// connection all the while.
func TestSlowNetworkAtTheClient(t *testing.T) {
	for _, c := range []struct{ name, ladder string }{
		{"the final ACK is slow", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 1s s> SYN-ACK\n 1.001s c> ACK\n 3s s> SYN-ACK\n 3.001s c> ACK\n 4s end"},
		{"the FIN is lost again and again", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 10ms c> FIN\n 210ms c> FIN again\n 610ms c> FIN again\n 2s end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := ladder.Play(parse(t, c.ladder), evidence.ClientSide, false).Attempt(ladder.Client, ladder.Server).Verdict()
			fine := judge.Reading{Outcome: judge.EstablishedBoth, Cause: judge.NoCause}
			if v.Reading != fine && !slices.Contains(v.Alternatives, fine) {
				t.Errorf("told %v, alternatives %v; want %v among them", v.Reading, v.Alternatives, fine)
			}
		})
	}
}

// TestSlowAnswerAtTheClient: a SYN that is sent again may have been answered all the same.
func TestSlowAnswerAtTheClient(t *testing.T) {
	v := ladder.Play(parse(t, "0ms c> SYN\n 1s c> SYN\n 1.5s end"), evidence.ClientSide, false).Attempt(ladder.Client, ladder.Server).Verdict()
	if slow := (judge.Reading{Outcome: judge.Pending, Cause: judge.NoCause}); !slices.Contains(v.Alternatives, slow) {
		t.Errorf("told %v, alternatives %v; want %v among them", v.Reading, v.Alternatives, slow)
	}
}
