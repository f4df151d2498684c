package judge_test

import (
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"
)

const (
	ms      = time.Millisecond
	stamped = evidence.OptTimestamps
	scaled  = evidence.OptWindowScale | evidence.OptSACKPermitted
)

// shake is a handshake of a client with data that the server acknowledges, after which the
// server's clock has gone on by ticks. Its SYN offers options, and the SYN-ACK takes up some.
func shake(s *ladder.Crowd, n int, at, turn, ack time.Duration, ticks uint32, offers, takes evidence.OptionSet) {
	options := func(set evidence.OptionSet, stamp uint32) evidence.Options {
		return evidence.Options{Present: set, TSVal: stamp}
	}
	c := evidence.Packet{Src: ladder.Peer(n), Dst: ladder.Server, Flags: evidence.SYN, Seq: 1000, Options: options(offers, 7)}
	r := evidence.Packet{Src: ladder.Server, Dst: ladder.Peer(n), Flags: evidence.SYN | evidence.ACK, Seq: 5000, Ack: 1001, Options: options(takes, 900)}
	s.Add(at, c)
	s.Add(at+turn, r)
	c.Flags, c.Seq, c.Ack = evidence.ACK, 1001, 5001
	s.Add(at+2*ms, c)
	c.Len = 5
	s.Add(at+ack, c)
	r.Flags, r.Seq, r.Ack, r.Options.TSVal = evidence.ACK, 5001, 1006, 900+ticks
	s.Add(at+ack, r)
}

func TestCookieRecognised(t *testing.T) {
	const all = stamped | scaled
	for _, c := range []struct {
		name string
		play func(*ladder.Crowd)
		want judge.Kind
	}{
		{"its clock is as old as the SYN", func(s *ladder.Crowd) { shake(s, 1, 0, ms/10, 200*ms, 200, all, all) }, ""},
		{"its clock is older than the SYN", func(s *ladder.Crowd) { shake(s, 1, 0, ms/10, 200*ms, 230, all, all) }, judge.Cookie},
		{"its clock is older by a tick", func(s *ladder.Crowd) { shake(s, 1, 0, ms/10, 200*ms, 201, all, all) }, ""},
		{"no cookie is so old", func(s *ladder.Crowd) { shake(s, 1, 0, ms/10, 200*ms, 300, all, all) }, ""},
		{"the server's clock runs by microseconds", func(s *ladder.Crowd) { shake(s, 1, 0, ms/10, 200*ms, 200_000, all, all) }, ""},
		{"the SYN-ACK waited to be sent", func(s *ladder.Crowd) { shake(s, 1, 0, 30*ms, 200*ms, 200, all, all) }, ""},
		{"the acknowledgement waited to be sent", func(s *ladder.Crowd) { shake(s, 1, 0, ms/10, 200*ms, 170, all, all) }, ""},
		{"too late to compare clocks", func(s *ladder.Crowd) { shake(s, 1, 0, ms/10, 20*time.Second, 20_030, all, all) }, ""},
		{"options are not taken up, as for others they are", func(s *ladder.Crowd) {
			shake(s, 2, 0, ms/10, 3*ms, 0, scaled, scaled)
			shake(s, 1, time.Second, ms/10, 3*ms, 0, scaled, 0)
		}, judge.Cookie},
		{"options are never taken up", func(s *ladder.Crowd) {
			shake(s, 2, 0, ms/10, 3*ms, 0, scaled, 0)
			shake(s, 1, time.Second, ms/10, 3*ms, 0, scaled, 0)
		}, ""},
		{"nothing is offered", func(s *ladder.Crowd) {
			shake(s, 2, 0, ms/10, 3*ms, 0, scaled, scaled)
			shake(s, 1, time.Second, ms/10, 3*ms, 0, 0, 0)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s ladder.Crowd
			c.play(&s)
			a := s.Track().Attempt(ladder.Peer(1), ladder.Server)
			if got := a.Verdict().Handshake; got != c.want {
				t.Errorf("handshake %q, want %q", got, c.want)
			}
		})
	}
}

// TestCookieIsNoRequest: a SYN-ACK that the server's timer sends again is no cookie.
func TestCookieIsNoRequest(t *testing.T) {
	var s ladder.Crowd
	shake(&s, 2, 0, ms/10, 3*ms, 0, scaled, scaled)
	s.Add(time.Second, evidence.Packet{Src: ladder.Peer(1), Dst: ladder.Server, Flags: evidence.SYN, Seq: 1000, Options: evidence.Options{Present: scaled}})
	r := evidence.Packet{Src: ladder.Server, Dst: ladder.Peer(1), Flags: evidence.SYN | evidence.ACK, Seq: 5000, Ack: 1001}
	s.Add(time.Second+ms/10, r)
	if got := s.Track().Attempt(ladder.Peer(1), ladder.Server).Verdict().Handshake; got != judge.Cookie {
		t.Errorf("handshake %q before, want a cookie", got)
	}
	s.Add(2*time.Second, r)
	if got := s.Track().Attempt(ladder.Peer(1), ladder.Server).Verdict().Handshake; got != judge.Request {
		t.Errorf("handshake %q, want a request", got)
	}
}

// TestWhatDropsSYNs: the number of requests that is let in tells a full SYN queue from the
// reserve, where no limit that somebody sets gives that number.
func TestWhatDropsSYNs(t *testing.T) {
	full := judge.Reading{Outcome: judge.Unanswered, Cause: judge.SynQueueFull}
	for _, c := range []struct {
		name    string
		let     int
		decided bool
	}{
		{"backlog 128", 128, true},
		{"backlog 128, where one more is let in", 129, true},
		{"three quarters of 256", 193, false},
		{"three quarters of 1000", 751, false},
		{"few", 7, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s ladder.Crowd
			for n := range c.let + 60 {
				at := time.Duration(n) * ms / 10
				s.Add(at, evidence.Packet{Src: ladder.Peer(n), Dst: ladder.Server, Flags: evidence.SYN, Seq: 1000})
				if n < c.let {
					s.Add(at+ms/20, evidence.Packet{Src: ladder.Server, Dst: ladder.Peer(n), Flags: evidence.SYN | evidence.ACK, Seq: 5000, Ack: 1001})
				}
			}
			tr := s.Track()
			tr.End(950 * ms)
			v := tr.Attempt(ladder.Peer(c.let), ladder.Server).Verdict()
			if c.decided != (v.Reading == full && len(v.Alternatives) == 1) {
				t.Errorf("told %v, alternatives %v; decided: want %v", v.Reading, v.Alternatives, c.decided)
			}
			if v.Confidence != judge.Possible {
				t.Errorf("told as %s: a filter does the same", v.Confidence)
			}
		})
	}
}

// TestCookieKeepsNothing: a client that says no more after its final ACK is connected, or it is
// a phantom if others may have filled the queue; there is no request that is kept back or expires.
func TestCookieKeepsNothing(t *testing.T) {
	for _, c := range []struct {
		name    string
		other   time.Duration // when another client begins, whose final ACK comes after 2 ms
		phantom bool
	}{
		{"with room", 50 * ms, false},
		{"among others", 9*ms + ms/2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s ladder.Crowd
			shake(&s, 2, 0, ms/10, 3*ms, 0, scaled, scaled)
			shake(&s, 1, 10*ms, ms/10, 3*ms, 0, scaled, 0)
			s.Packets = s.Packets[:len(s.Packets)-2] // its data, and the answer
			shake(&s, 3, c.other, ms/10, 3*ms, 0, scaled, scaled)
			tr := s.Track()
			tr.End(2 * time.Second)
			v := tr.Attempt(ladder.Peer(1), ladder.Server).Verdict()
			phantom := false
			for _, r := range append(v.Alternatives, v.Reading) {
				phantom = phantom || r.Outcome == judge.Phantom && r.Cause == judge.AcceptQueueFull // a filter can do it at any time
				if r.Outcome == judge.HalfOpen || r.Outcome == judge.Forgotten || r.Cause == judge.DeferAccept {
					t.Errorf("told %v, as of a request", r)
				}
			}
			if phantom != c.phantom || v.Handshake != judge.Cookie {
				t.Errorf("told %v, alternatives %v, handshake %q; want a cookie; a phantom among them: want %v", v.Reading, v.Alternatives, v.Handshake, c.phantom)
			}
		})
	}
}
