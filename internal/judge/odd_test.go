package judge_test

import (
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"
)

// TestOdd: what a server answers that is no part of a handshake, seen at the server behind
// clients that are served; beside each what is nearly it, and something else.
func TestOdd(t *testing.T) {
	const (
		SYN, ACK, RST, PSH = evidence.SYN, evidence.ACK, evidence.RST, evidence.PSH
	)
	type step struct {
		after    time.Duration
		server   bool
		flags    evidence.Flags
		seq, ack uint32
		size     int
		stamp    uint32
		sum      evidence.Sum
	}
	opening := []step{{0, false, SYN, 1000, 0, 0, 100, 0}, {ms / 10, true, SYN | ACK, 5000, 1001, 0, 7, 0}}
	after := func(more ...step) []step { return append(opening[:2:2], more...) }
	data := func(at time.Duration, stamp uint32, sum evidence.Sum) step {
		return step{at, false, ACK | PSH, 1001, 5001, 10, stamp, sum}
	}
	answer := func(at time.Duration, ack uint32) step { return step{at, true, ACK, 5001, ack, 0, 8, 0} }
	again := func(at time.Duration) step { return step{at, true, SYN | ACK, 5000, 1001, 0, 7, 0} }
	final := step{20 * ms, false, ACK, 1001, 5001, 0, 101, 0}
	for _, c := range []struct {
		name  string
		steps []step
		cause judge.Cause
		sure  judge.Confidence
	}{
		{"a bare ACK of another connection answers the SYN", []step{
			{0, false, SYN, 1000, 0, 0, 0, 0}, {ms, true, ACK, 300, 200, 0, 0, 0}, {20 * ms, false, RST, 200, 0, 0, 0, 0},
			{1000 * ms, false, SYN, 1000, 0, 0, 0, 0}, {1001 * ms, true, SYN | ACK, 5000, 1001, 0, 0, 0}, {1020 * ms, false, ACK, 1001, 5001, 0, 0, 0},
		}, judge.OldConnection, judge.Likely},
		{"a bare ACK of this connection, whose SYN-ACK was not captured", []step{
			{0, false, SYN, 1000, 0, 0, 0, 0}, {30 * ms, true, ACK, 5001, 1001, 0, 0, 0},
		}, judge.UnknownCause, judge.Possible},
		{"the data is answered, and not taken", after(final, data(21*ms, 102, 0), answer(22*ms, 1001), data(230*ms, 103, 0), answer(231*ms, 1001)), judge.DataRefused, judge.Likely},
		{"the same, with an older timestamp", after(final, data(21*ms, 50, 0), answer(22*ms, 1001), data(230*ms, 51, 0), answer(231*ms, 1001)), judge.DataRefused, judge.Likely},
		{"the data is not answered", after(final, data(21*ms, 102, 0), data(230*ms, 103, 0), data(650*ms, 104, 0)), judge.HostDrop, judge.Possible},
		{"its checksum is wrong", after(final, data(21*ms, 102, evidence.SumBad), data(230*ms, 103, evidence.SumBad)), judge.BadChecksum, judge.Likely},
		{"its checksum is wrong, and it is taken", after(final, data(21*ms, 102, evidence.SumBad), answer(22*ms, 1011), step{30 * ms, true, ACK | PSH, 5001, 1011, 5, 9, 0}), judge.NoCause, judge.Likely},
		{"the final ACK acknowledges what was never sent", after(step{20 * ms, false, ACK, 1001, 9999, 0, 101, 0}, step{21 * ms, true, RST, 9999, 0, 0, 0, 0}), judge.ByClient, judge.Likely},
		{"a SYN-ACK again after a second, to a client that sends nothing", after(final, again(1000*ms), step{1020 * ms, false, ACK, 1001, 5001, 0, 102, 0}), judge.HostDrop, judge.Possible},
		{"a SYN-ACK again after three seconds", after(final, again(3000*ms), step{3020 * ms, false, ACK, 1001, 5001, 0, 102, 0}), judge.DeferAccept, judge.Possible},
		{"the same, and data at last", after(final, again(3000*ms), step{3020 * ms, false, ACK, 1001, 5001, 0, 102, 0},
			data(9000*ms, 103, 0), answer(9001*ms, 1011), step{9002 * ms, true, ACK | PSH, 5001, 1011, 5, 9, 0}), judge.DeferAccept, judge.Likely},
		{"an RST that does not acknowledge the SYN", []step{
			{0, false, SYN, 1000, 0, 0, 0, 0}, {ms, true, RST | ACK, 0, 1000, 0, 0, 0}, {2 * ms, true, SYN | ACK, 5000, 1001, 0, 0, 0}, {20 * ms, false, ACK, 1001, 5001, 0, 0, 0},
			data(21*ms, 0, 0), answer(22*ms, 1011), {30 * ms, true, ACK | PSH, 5001, 1011, 5, 0, 0},
		}, judge.NoCause, judge.Likely},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s ladder.Crowd
			for n := range 5 {
				s.Web(n, time.Duration(n)*100*ms)
			}
			start := 2 * time.Second
			for _, x := range c.steps {
				p := evidence.Packet{Src: ladder.Peer(100), Dst: ladder.Server, Seq: x.seq, Ack: x.ack, Len: x.size, Flags: x.flags, Sum: x.sum}
				if x.server {
					p.Src, p.Dst = p.Dst, p.Src
				}
				if x.stamp > 0 {
					p.Options = evidence.Options{Present: evidence.OptTimestamps, TSVal: x.stamp}
				}
				s.Add(start+x.after, p)
			}
			tr := s.Track()
			tr.End(start + 11*time.Second)
			if v := tr.Attempt(ladder.Peer(100), ladder.Server).Verdict(); v.Cause != c.cause || v.Confidence != c.sure {
				t.Errorf("%v %s, or %v; want %s %s", v.Reading, v.Confidence, v.Alternatives, c.cause, c.sure)
			}
			for _, l := range tr.Listeners() {
				if l.Finding == judge.Overflow {
					t.Errorf("%s: %s", l.Finding, l.Text)
				}
			}
		})
	}
}
