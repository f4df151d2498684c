package handshake_test

import (
	"testing"
	"time"

	"listenq/internal/handshake"
)

// TestOdd: what a server answers that is no part of a handshake, seen at the server behind
// clients that are served; beside each what is nearly it, and something else.
func TestOdd(t *testing.T) {
	const (
		SYN, ACK, RST, PSH = handshake.SYN, handshake.ACK, handshake.RST, handshake.PSH
	)
	type step struct {
		after    time.Duration
		server   bool
		flags    handshake.Flags
		seq, ack uint32
		size     int
		stamp    uint32
		sum      handshake.Sum
	}
	opening := []step{{0, false, SYN, 1000, 0, 0, 100, 0}, {ms / 10, true, SYN | ACK, 5000, 1001, 0, 7, 0}}
	after := func(more ...step) []step { return append(opening[:2:2], more...) }
	data := func(at time.Duration, stamp uint32, sum handshake.Sum) step {
		return step{at, false, ACK | PSH, 1001, 5001, 10, stamp, sum}
	}
	answer := func(at time.Duration, ack uint32) step { return step{at, true, ACK, 5001, ack, 0, 8, 0} }
	again := func(at time.Duration) step { return step{at, true, SYN | ACK, 5000, 1001, 0, 7, 0} }
	final := step{20 * ms, false, ACK, 1001, 5001, 0, 101, 0}
	for _, c := range []struct {
		name  string
		steps []step
		cause handshake.Cause
		sure  handshake.Confidence
	}{
		{"a bare ACK of another connection answers the SYN", []step{
			{0, false, SYN, 1000, 0, 0, 0, 0}, {ms, true, ACK, 300, 200, 0, 0, 0}, {20 * ms, false, RST, 200, 0, 0, 0, 0},
			{1000 * ms, false, SYN, 1000, 0, 0, 0, 0}, {1001 * ms, true, SYN | ACK, 5000, 1001, 0, 0, 0}, {1020 * ms, false, ACK, 1001, 5001, 0, 0, 0},
		}, handshake.OldConnection, handshake.Likely},
		{"a bare ACK of this connection, whose SYN-ACK was not captured", []step{
			{0, false, SYN, 1000, 0, 0, 0, 0}, {30 * ms, true, ACK, 5001, 1001, 0, 0, 0},
		}, handshake.UnknownCause, handshake.Possible},
		{"the data is answered, and not taken", after(final, data(21*ms, 102, 0), answer(22*ms, 1001), data(230*ms, 103, 0), answer(231*ms, 1001)), handshake.DataRefused, handshake.Likely},
		{"the same, with an older timestamp", after(final, data(21*ms, 50, 0), answer(22*ms, 1001), data(230*ms, 51, 0), answer(231*ms, 1001)), handshake.DataRefused, handshake.Likely},
		{"the data is not answered", after(final, data(21*ms, 102, 0), data(230*ms, 103, 0), data(650*ms, 104, 0)), handshake.HostDrop, handshake.Possible},
		{"its checksum is wrong", after(final, data(21*ms, 102, handshake.SumBad), data(230*ms, 103, handshake.SumBad)), handshake.BadChecksum, handshake.Likely},
		{"its checksum is wrong, and it is taken", after(final, data(21*ms, 102, handshake.SumBad), answer(22*ms, 1011), step{30 * ms, true, ACK | PSH, 5001, 1011, 5, 9, 0}), handshake.NoCause, handshake.Likely},
		{"the final ACK acknowledges what was never sent", after(step{20 * ms, false, ACK, 1001, 9999, 0, 101, 0}, step{21 * ms, true, RST, 9999, 0, 0, 0, 0}), handshake.ByClient, handshake.Likely},
		{"a SYN-ACK again after a second, to a client that sends nothing", after(final, again(1000*ms), step{1020 * ms, false, ACK, 1001, 5001, 0, 102, 0}), handshake.HostDrop, handshake.Possible},
		{"a SYN-ACK again after three seconds", after(final, again(3000*ms), step{3020 * ms, false, ACK, 1001, 5001, 0, 102, 0}), handshake.DeferAccept, handshake.Possible},
		{"the same, and data at last", after(final, again(3000*ms), step{3020 * ms, false, ACK, 1001, 5001, 0, 102, 0},
			data(9000*ms, 103, 0), answer(9001*ms, 1011), step{9002 * ms, true, ACK | PSH, 5001, 1011, 5, 9, 0}), handshake.DeferAccept, handshake.Likely},
		{"an RST that does not acknowledge the SYN", []step{
			{0, false, SYN, 1000, 0, 0, 0, 0}, {ms, true, RST | ACK, 0, 1000, 0, 0, 0}, {2 * ms, true, SYN | ACK, 5000, 1001, 0, 0, 0}, {20 * ms, false, ACK, 1001, 5001, 0, 0, 0},
			data(21*ms, 0, 0), answer(22*ms, 1011), {30 * ms, true, ACK | PSH, 5001, 1011, 5, 0, 0},
		}, handshake.NoCause, handshake.Likely},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s scene
			for n := range 5 {
				s.web(n, time.Duration(n)*100*ms)
			}
			start := 2 * time.Second
			for _, x := range c.steps {
				p := handshake.Packet{Src: client(100), Dst: serverAddr, Seq: x.seq, Ack: x.ack, Len: x.size, Flags: x.flags, Sum: x.sum}
				if x.server {
					p.Src, p.Dst = p.Dst, p.Src
				}
				if x.stamp > 0 {
					p.Options = handshake.Options{Present: handshake.OptTimestamps, TSVal: x.stamp}
				}
				s.add(start+x.after, p)
			}
			tr := s.track()
			tr.End(start + 11*time.Second)
			if v := tr.Attempt(client(100), serverAddr).Verdict(); v.Cause != c.cause || v.Confidence != c.sure {
				t.Errorf("%v %s, or %v; want %s %s", v.Reading, v.Confidence, v.Alternatives, c.cause, c.sure)
			}
			for _, l := range tr.Listeners() {
				if l.Finding == handshake.Overflow {
					t.Errorf("%s: %s", l.Finding, l.Text)
				}
			}
		})
	}
}
