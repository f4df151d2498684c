package evidence_test

import (
	"net/netip"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake/ladder"

	"github.com/google/go-cmp/cmp"
)

// seen plays a ladder and returns what was seen of its attempt.
func seen(t *testing.T, sides evidence.Side, full bool, text string) *evidence.Attempt {
	t.Helper()
	events, err := ladder.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return ladder.Play(events, sides, full).Attempt(ladder.Client, ladder.Server).Seen()
}

const both = evidence.ClientSide | evidence.ServerSide

// TestAsked holds what an attempt is asked for, beside what is nearly the same.
func TestAsked(t *testing.T) {
	type asked struct {
		Untouched, OnItsWay, Unasked, Connection, Kept bool
		Asks                                           uint32
	}
	const handshake = "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n "
	for _, c := range []struct {
		name, ladder string
		sides        evidence.Side
		full         bool
		want         asked
	}{
		{"one SYN", "0ms c> SYN", evidence.ServerSide, false, asked{Untouched: true}},
		{"one SYN that the wire has still", "0ms c> SYN lost", both, false, asked{Untouched: true, OnItsWay: true}},
		{"the same, a second later", "0ms c> SYN lost\n 1s end", both, false, asked{Untouched: true}},
		{"the same, as the client alone sees it", "0ms c> SYN lost", evidence.ClientSide, false, asked{Untouched: true}},
		{"two SYNs", "0ms c> SYN\n 1s c> SYN", evidence.ServerSide, false, asked{}},
		{"a SYN that is refused", "0ms c> SYN\n 0.3ms s> RST-ACK", evidence.ServerSide, false, asked{}},
		{"a SYN-ACK alone", "0.3ms s> SYN-ACK", evidence.ServerSide, false, asked{Unasked: true, Untouched: true}},
		{"a SYN-ACK and an ACK", "0.3ms s> SYN-ACK\n 0.6ms c> ACK", evidence.ServerSide, false, asked{}},
		{"a SYN-ACK that is answered with RST", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> RST", evidence.ServerSide, false, asked{}},
		{"a handshake", handshake, evidence.ServerSide, false, asked{}},
		{"whose SYN-ACK comes again", handshake + "1s s> SYN-ACK", evidence.ServerSide, false, asked{Kept: true}},
		{"with data", handshake + "1ms c> DATA", evidence.ServerSide, false, asked{Asks: 10}},
		{"with data that is acknowledged", handshake + "1ms c> DATA\n 1.3ms s> ACK", evidence.ServerSide, false, asked{Asks: 10, Connection: true}},
		{"with data and FIN", handshake + "1ms c> DATA\n 2ms c> FIN", evidence.ServerSide, false, asked{Asks: 10}},
		{"with FIN alone", handshake + "1ms c> FIN", evidence.ServerSide, false, asked{}},
		{"a socket", handshake + "1ms server ESTABLISHED", both, true, asked{Connection: true, Kept: true}},
		{"a request", handshake + "1ms server SYN_RECV", both, true, asked{Kept: true, Connection: true}},
		{"a client that gave up", "0ms c> SYN\n 2s connect 2s ECANCELED own", both, true, asked{}},
		{"a client whose connect() timed out", "0ms c> SYN\n 2s connect 2s ETIMEDOUT", both, true, asked{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := seen(t, c.sides, c.full, c.ladder)
			got := asked{a.Untouched(), a.OnItsWay(), a.Unasked(), a.HasConnection(), a.Kept(), a.Asks()}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestNextResend: the server's timer runs twice as long each time.
func TestNextResend(t *testing.T) {
	const opening = "0ms c> SYN\n 0.3ms s> SYN-ACK\n "
	for text, want := range map[string]time.Duration{
		opening:                   evidence.FirstTimeout,
		opening + "1s s> SYN-ACK": 2 * evidence.FirstTimeout,
		opening + "1s s> SYN-ACK\n 3s s> SYN-ACK": 4 * evidence.FirstTimeout,
	} {
		if got := seen(t, evidence.ServerSide, false, text).NextResend(); got != want {
			t.Errorf("after %q: %v, want %v", text, got, want)
		}
	}
}

// TestForget: an attempt that is forgotten waits for nothing, and is a request for as long as
// the server's timer runs.
func TestForget(t *testing.T) {
	for _, c := range []struct {
		name, ladder       string
		unserved, requests int
	}{
		{"a connection that nobody serves", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK", 0, 0},
		{"a request whose timer runs", "0ms c> SYN\n 0.3ms s> SYN-ACK", 0, 1},
		{"a request whose timer has run out", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 2s end", 0, 0},
	} {
		a := seen(t, evidence.ServerSide, false, c.ladder)
		a.Forget()
		if got := a.On.Crowd; got.Unserved != c.unserved || got.Requests != c.requests {
			t.Errorf("%s: %d unserved, %d requests; want %d, %d", c.name, got.Unserved, got.Requests, c.unserved, c.requests)
		}
	}
}

// TestEach: what counters did for several segments is told of each where it adds up.
func TestEach(t *testing.T) {
	full := evidence.Delta{ListenDrops: 1, ListenOverflows: 1}
	for _, c := range []struct {
		name    string
		of      evidence.Delta
		n, acks int
		want    evidence.Delta
		adds    bool
	}{
		{"nothing moved", evidence.Delta{}, 3, 1, evidence.Delta{}, true},
		{"each was dropped", evidence.Delta{ListenDrops: 3, ListenOverflows: 3}, 3, 1, full, true},
		{"one of them was", evidence.Delta{ListenDrops: 1, ListenOverflows: 1}, 3, 1, evidence.Delta{}, false},
		{"each drop, of other reasons", evidence.Delta{ListenDrops: 3, ListenOverflows: 2}, 3, 0, evidence.Delta{}, false},
		{"a cookie was checked, too", evidence.Delta{ListenDrops: 3, ListenOverflows: 3, SyncookiesRecv: 1}, 3, 3, evidence.Delta{}, false},
		{"each ACK was answered with RST", evidence.Delta{ListenDrops: 2, ListenOverflows: 2, EmbryonicRsts: 2}, 2, 2, evidence.Delta{ListenDrops: 1, ListenOverflows: 1, EmbryonicRsts: 1}, true},
		{"one of two was, and the other is a SYN", evidence.Delta{ListenDrops: 2, ListenOverflows: 2, EmbryonicRsts: 1}, 2, 1, evidence.Delta{}, false},
		{"the SYN queue was full for each", evidence.Delta{ListenDrops: 2, TCPReqQFullDrop: 2}, 2, 0, evidence.Delta{ListenDrops: 1, TCPReqQFullDrop: 1}, true},
		{"the same, of an ACK among them", evidence.Delta{ListenDrops: 2, TCPReqQFullDrop: 2}, 2, 1, evidence.Delta{}, false},
		{"each was dropped, no queue says why", evidence.Delta{ListenDrops: 2}, 2, 0, evidence.Delta{ListenDrops: 1}, true},
		{"the same, of an ACK among them", evidence.Delta{ListenDrops: 2}, 2, 1, evidence.Delta{}, false},
	} {
		got, adds := c.of.Each(c.n, c.acks)
		if diff := cmp.Diff(c.want, got); diff != "" || adds != c.adds {
			t.Errorf("%s: adds up %v, want %v (-want +got):\n%s", c.name, adds, c.adds, diff)
		}
	}
}

// TestListener holds what samples of its sockets tell of an address.
func TestListener(t *testing.T) {
	type told struct{ Answered, Closed, Single, Emptied, Overflowed bool }
	open := func(inode uint32, length int) evidence.Queues {
		return evidence.Queues{Open: true, Inode: inode, AcceptLen: length, AcceptLimit: 3}
	}
	for _, c := range []struct {
		name    string
		samples []evidence.Queues
		want    told
	}{
		{"not looked for", nil, told{}},
		{"not there", []evidence.Queues{{}}, told{Closed: true}},
		{"empty", []evidence.Queues{open(1, 0)}, told{Answered: true, Single: true, Emptied: true}},
		{"at its limit, with room for one", []evidence.Queues{open(1, 3)}, told{Answered: true, Single: true}},
		{"full", []evidence.Queues{open(1, 4)}, told{Answered: true, Single: true, Overflowed: true}},
		{"full once", []evidence.Queues{open(1, 4), open(1, 0)}, told{Answered: true, Single: true, Emptied: true, Overflowed: true}},
		{"two sockets", []evidence.Queues{open(1, 0), open(2, 0)}, told{Answered: true}},
		{"two, one of which was closed", []evidence.Queues{open(1, 0), open(2, 1), {Inode: 1}}, told{Answered: true, Single: true}},
		{"a socket that nobody knew was closed", []evidence.Queues{open(1, 0), {Inode: 7}}, told{Answered: true, Single: true, Emptied: true}},
		{"all were closed", []evidence.Queues{open(1, 0), open(2, 0), {}}, told{Answered: true, Closed: true}},
	} {
		var l, shared evidence.Listener
		l.Begin(evidence.NewScene(both, true), ladder.Server)
		for _, s := range c.samples {
			l.Sample(s)
		}
		got := told{l.Answered, l.Closed(), l.Single(), l.Emptied(), l.Overflowed}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		shared.Begin(l.Scene, netip.MustParseAddrPort("10.0.0.9:80"))
		shared.Share(&l)
		l.Sample(open(9, 9))
		if diff := cmp.Diff(c.want, told{shared.Answered, shared.Closed(), shared.Single(), shared.Emptied(), shared.Overflowed}); diff != "" {
			t.Errorf("%s, shared (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestScene: an observation begins with what comes first, and a look at everything is complete
// when a later one begins.
func TestScene(t *testing.T) {
	s := evidence.NewScene(both, true)
	s.At(5)
	s.At(3)
	s.At(9)
	if s.Began != 5 || s.Now != 9 {
		t.Errorf("it began at %d and it is %d, want 5 and 9", s.Began, s.Now)
	}
	if !s.Sample(10) || s.Sample(10) || s.Complete != 0 || !s.Sample(20) || s.Complete != 10 {
		t.Errorf("the last complete look is that of %d, want 10", s.Complete)
	}
	s.Settings.Set("net.ipv4.tcp_syncookies", 2)
	s.Settings.Set("net.ipv4.tcp_max_syn_backlog", 128)
	s.Settings.Set("net.ipv4.tcp_syn_retries", 6)
	s.Settings.Set("net.ipv4.tcp_fin_timeout", 60)
	if diff := cmp.Diff(evidence.Settings{Cookies: 2, CookiesKnown: true, Backlog: 128, BacklogKnown: true, SYNRetries: 6}, s.Settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}
