package handshake_test

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/handshake/ladder"
	"listenq/internal/judge"
	"listenq/internal/story"
	"listenq/test/memory"
)

var outcomes = []judge.Outcome{
	judge.Accepted, judge.Queued, judge.EstablishedBoth, judge.Pending, judge.HalfOpen, judge.Phantom, judge.Forgotten,
	judge.Unanswered, judge.GaveUp, judge.TimedOut, judge.Reset, judge.Refused, judge.Unknown,
}

var causes = []judge.Cause{
	judge.AcceptQueueFull, judge.SynQueueFull, judge.SynQueueReserve, judge.DeferAccept, judge.ListenerClosed, judge.NoListener,
	judge.HostDrop, judge.NetworkLoss, judge.OldConnection, judge.DataRefused, judge.BadChecksum, judge.ByClient, judge.ByServer, judge.NoCause, judge.UnknownCause,
}

var endedBy = []judge.Cause{
	"", judge.AbortOnOverflow, judge.CookieRejected, judge.RequestExpired, judge.ListenerClosed, judge.Timeout, judge.ByClient,
}

// holds fails if a verdict or story breaks what every one must hold to.
func holds(t *testing.T, a *handshake.Attempt) {
	t.Helper()
	v := a.Verdict()
	for _, r := range append([]judge.Reading{v.Reading}, v.Alternatives...) {
		if !slices.Contains(outcomes, r.Outcome) || !slices.Contains(causes, r.Cause) || !slices.Contains(endedBy, r.EndedBy) || r.EndedBy == r.Cause {
			t.Fatalf("reading %q is not of the vocabulary", r)
		}
	}
	for i, r := range v.Alternatives {
		if r == v.Reading || slices.Contains(v.Alternatives[:i], r) {
			t.Fatalf("%v is twice in %v and %v", r, v.Reading, v.Alternatives)
		}
	}
	if v.Confidence == judge.Certain && (len(v.Alternatives) > 0 || v.Outcome == judge.Unknown || v.Cause == judge.UnknownCause) {
		t.Fatalf("certain of %v with %v", v.Reading, v.Alternatives)
	}
	history := a.History()
	if n := len(history); n == 0 || history[n-1].Outcome != v.Outcome {
		t.Fatalf("history %v does not end with %s", history, v.Outcome)
	}
	if !slices.IsSortedFunc(history, func(a, b handshake.Change) int { return int(a.T - b.T) }) {
		t.Fatalf("history %v goes back in time", history)
	}
	if again := a.Verdict(); !reflect.DeepEqual(v, again) {
		t.Fatalf("judged twice: %+v, then %+v", v, again)
	}
	if v.Delay < 0 || v.Delay > 0 && !v.Late {
		t.Fatalf("delay %v, late %v", v.Delay, v.Late)
	}
	told := a.Story(&v)
	if !slices.IsSortedFunc(told, func(a, b story.Line) int { return int(a.T - b.T) }) {
		t.Fatalf("story %v goes back in time", told)
	}
}

// FuzzTracker gives what the bytes say, 4 of them an event, between two hosts.
// Nothing may panic, and what must hold of every verdict holds after each event.
func FuzzTracker(f *testing.F) {
	f.Add([]byte{0, 0x02, 0, 1, 1, 0x12, 0, 1, 0, 0x10, 0x10, 1, 3, 2, 1, 0}, byte(0x23))
	f.Add([]byte{0, 0x02, 0, 1, 2, 1, 0x11, 0, 0, 0x02, 0, 200, 5, 9, 9, 9, 1, 0x14, 0, 1, 4, 2, 0, 0}, byte(3))
	f.Fuzz(func(t *testing.T, data []byte, config byte) {
		tr := handshake.New(handshake.Config{Sides: evidence.Side(config & 3), Sockets: config&0x20 != 0, MaxAttempts: int(config >> 6)})
		var now time.Duration
		for number := 1; len(data) >= 4 && number < 300; number++ {
			within := memory.Bound(t)
			now += time.Duration(data[3]) * 20 * time.Millisecond
			fuzzEvent(tr, now, number, [3]byte(data))
			data = data[4:]
			tr.Comment(number)
			for a := range tr.Attempts() {
				holds(t, a)
				v := a.Verdict()
				a.Evidence(&v)
			}
			within()
		}
		for _, l := range tr.Listeners() {
			if l.Attempts == 0 || l.Finding == "" || l.Text == "" {
				t.Fatalf("nothing is told of a listener: %+v", l)
			}
		}
	})
}

// fuzzEvent gives one event: what it is by the first byte, its particulars by the others.
func fuzzEvent(tr *handshake.Tracker, now time.Duration, number int, b [3]byte) {
	states := []evidence.State{evidence.None, evidence.Established, evidence.SynSent, evidence.SynRecv, evidence.CloseWait, evidence.FinWait2, evidence.TimeWait, evidence.Close}
	errnos := []string{"", "ETIMEDOUT", "ECONNREFUSED", "ECONNRESET", "EPIPE", "EAGAIN"}
	bit := func(i int) int { return int(b[2]>>i) & 1 }
	p := evidence.Packet{
		Number: number, T: now, Side: evidence.Side(b[0]>>3)&3 | 1, Src: ladder.Client, Dst: ladder.Server, Flags: evidence.Flags(b[1]) & 31,
		Seq: 100 + uint32(b[2]&7)*uint32(bit(5)), Ack: 200 + uint32(b[2]&7), Len: int(b[2]>>3) & 3,
		Hops: 60 + b[2]&7, Sum: evidence.Sum(b[1]>>5) % 3,
	}
	if b[0]&7 == 1 {
		p.Src, p.Dst, p.Seq, p.Ack = p.Dst, p.Src, p.Ack, p.Seq+1
	}
	switch b[0] & 7 {
	case 0, 1:
		tr.Packet(p)
	case 2:
		tr.Reaction(evidence.Reaction{T: now, Packets: int(b[1] & 3), Number: number - 1, Delta: evidence.Delta{
			ListenOverflows: bit(0), ListenDrops: bit(1), TCPReqQFullDrop: bit(2), SyncookiesSent: bit(3),
			SyncookiesRecv: bit(4), SyncookiesFailed: bit(5), EmbryonicRsts: bit(6), TCPDeferAcceptDrop: bit(7),
		}})
	case 3:
		tr.Socket(evidence.Socket{T: now, Side: evidence.Side(1 + b[1]&1), Client: ladder.Client, Server: ladder.Server, State: states[b[2]&7], Owned: bit(4) > 0})
	case 4:
		tr.Listener(evidence.Queues{T: now, Address: netip.AddrPortFrom(netip.IPv6Unspecified(), 80), Open: bit(0) > 0, AcceptLen: int(b[1]), AcceptLimit: 3, SynLen: int(b[1]) - 1, Inode: uint32(bit(1))})
	case 5:
		name := []string{"connect", "close", "recv", "send"}[b[1]&3]
		tr.Call(evidence.Call{T: now, Client: ladder.Client, Server: ladder.Server, Name: name, Errno: errnos[int(b[2]&15)%len(errnos)], Own: bit(6) > 0, Reset: bit(7) > 0})
	case 6:
		tr.Fate(p, []evidence.Fate{evidence.FateLost, evidence.FateHeld, evidence.FateDuplicated}[b[2]%3])
	case 7:
		p.Src = netip.AddrPortFrom(p.Src.Addr(), uint16(b[2]))
		p.Flags = evidence.SYN
		tr.Packet(p)
	}
}
