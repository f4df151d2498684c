package story

import (
	"net/netip"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// TestListener: what is told of a listener, and beside each what is nearly the same.
func TestListener(t *testing.T) {
	type verdict = judge.ListenerVerdict
	of := func(attempts int, f judge.Finding, c judge.Confidence, tally judge.Tally) verdict {
		tally.Attempts = attempts
		return verdict{Tally: tally, Finding: f, Confidence: c}
	}
	cause := func(c judge.Cause, n int) map[judge.Cause]int { return map[judge.Cause]int{c: n} }
	for _, test := range []struct {
		name string
		v    verdict
		want string
	}{
		{"overflow", of(5, judge.Overflow, judge.Likely, judge.Tally{Overflowed: 2}), "the accept queue overflowed: of 5 connections 2 met it full"},
		{"overflow, perhaps", of(5, judge.Overflow, judge.Possible, judge.Tally{Overflowed: 2}), "the accept queue may have overflowed: of 5 connections 2 met it full"},
		{"overflow of one", of(1, judge.Overflow, judge.Likely, judge.Tally{Overflowed: 1}), "the accept queue overflowed: of one connection 1 met it full"},
		{"overflow, and more", of(9, judge.Overflow, judge.Likely, judge.Tally{Overflowed: 2, Perhaps: 3, Causes: cause(judge.NetworkLoss, 1)}), "the accept queue overflowed: of 9 connections 2 met it full, 3 more perhaps; 1 lost packets in the network"},
		{"SYN queue", of(9, judge.SynOverflow, judge.Possible, judge.Tally{SynQueue: 4}), "the SYN queue was full: of 9 connections 4 had SYNs dropped"},
		{"flood", of(90, judge.Flooded, judge.Likely, judge.Tally{Unfinished: 80}), "a SYN flood: of 90 connections 80 never came back after their SYN"},
		{"scan", of(1, judge.Scanned, judge.Likely, judge.Tally{}), "a client looks what is open here: it has tried many addresses, and has finished next to no handshake"},
		{"SYN-ACKs that nobody asked for", of(30, judge.Reflecting, judge.Likely, judge.Tally{}), "SYN-ACKs go to a client that has not asked for them: its address was forged"},
		{"closed", of(9, judge.Gone, judge.Likely, judge.Tally{Causes: cause(judge.ListenerClosed, 3)}), "the listener was closed: of 9 connections 3 felt it"},
		{"nobody there", of(9, judge.Nothing, judge.Likely, judge.Tally{}), "nothing listens here"},
		{"nobody there, or a filter", of(9, judge.Nothing, judge.Possible, judge.Tally{}), "each SYN is refused with RST: nothing listens here, or a filter rejects what comes"},
		{"lossy", of(9, judge.Lossy, judge.Likely, judge.Tally{Causes: cause(judge.NetworkLoss, 4)}), "the network loses packets, no queue is to blame: of 9 connections 4 felt it"},
		{"filtered", of(9, judge.Filtered, judge.Possible, judge.Tally{}), "no SYN is answered: it is filtered, or the accept queue was full before the capture began"},
		{"refused now and then", of(9, judge.Undecided, judge.Possible, judge.Tally{Rejected: 2}), "of 9 connections 2 were refused while others were let in: a filter rejects them, or the listener was closed and opened again"},
		{"dropped now and then", of(9, judge.Undecided, judge.Possible, judge.Tally{Perhaps: 2, Rejected: 2}), "of 9 connections 2 had packets dropped; that alone does not show whether by a full queue or by something else"},
		{"dropped now and then, surely or not", of(9, judge.Undecided, judge.Possible, judge.Tally{Overflowed: 1, Perhaps: 2}), "of 9 connections 3 had packets dropped; that alone does not show whether by a full queue or by something else"},
		{"half handshakes", of(9, judge.Halved, judge.Likely, judge.Tally{Bounced: 9}), "clients end the handshake at the SYN-ACK: of 9 connections 9 answered it with RST, as checks by half a handshake do"},
		{"fine", of(9, judge.Fine, judge.Likely, judge.Tally{}), "nothing was dropped that held a client up"},
		{"fine, as far as is seen", of(9, judge.Fine, judge.Possible, judge.Tally{Untold: 1}), "nothing shows that anything was dropped; of 9 connections 1 not served as far as the capture goes, perhaps struck without a trace"},
		{"fine, of one", of(1, judge.Fine, judge.Likely, judge.Tally{Old: 1}), "nothing was dropped that held a client up; of one connection 1 met an old connection of the same address and port, which answered"},
		{"fine, and a SYN-ACK again for another reason", of(9, judge.Fine, judge.Likely, judge.Tally{Asked: 5, Misacked: 1, Causes: cause(judge.DeferAccept, 2)}),
			"nothing was dropped that held a client up; of 9 connections 1 acknowledged what the server had not sent, which it answered with RST, 2 kept back by TCP_DEFER_ACCEPT until there is data, 2 with more than one SYN-ACK"},
		{"fine, with trouble of other kinds", of(9, judge.Fine, judge.Likely, judge.Tally{Refused: 1, Sums: 2, Resets: 3, Unserved: 4, Late: 5}),
			"nothing was dropped that held a client up; of 9 connections 1 sent data that the server answers and does not take, 2 sent segments with a wrong checksum, 3 reset without a sign of why, 4 with data that the server has taken and not answered, 5 without an answer when the capture ended"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := evidence.Listener{Scene: evidence.NewScene(evidence.ServerSide, false)}
			if got := Listener(&l, &test.v); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// TestFits: a full queue that would explain all is said to, with what else would.
func TestFits(t *testing.T) {
	l := evidence.Listener{Scene: evidence.NewScene(evidence.ServerSide, false)}
	const undecided = "of 9 connections 2 had packets dropped; that alone does not show whether by a full queue or by something else"
	const fit = undecided + ". A full queue fits: each of them was dropped while 3 connections or more may have waited, and none was taken then; "
	for _, test := range []struct {
		name  string
		queue judge.Queue
		want  string
	}{
		{"nothing is known of the queue", judge.Queue{}, undecided},
		{"one was dropped at an empty queue", judge.Queue{Clients: 2, Fill: 3, Empty: 1}, undecided},
		{"one was taken at a full queue", judge.Queue{Clients: 2, Fill: 3, Admitted: 1}, undecided},
		{"SYNs, by the number of connections", judge.Queue{Clients: 2, Fill: 3, SYNs: 2, Limited: true}, fit + "a limit on connections does the same"},
		{"SYNs", judge.Queue{Clients: 2, Fill: 3, SYNs: 2}, fit + "a filter for SYNs does the same"},
		{"ACKs", judge.Queue{Clients: 2, Fill: 3, ACKs: 2}, fit + "a filter for ACKs does the same"},
		{"both", judge.Queue{Clients: 2, Fill: 3, ACKs: 1, SYNs: 1}, fit + "a filter does the same"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := judge.ListenerVerdict{Tally: judge.Tally{Attempts: 9, Perhaps: 2}, Finding: judge.Undecided, Queue: test.queue}
			if got := Listener(&l, &v); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// TestLacks: what a capture lacks, with what to capture instead.
func TestLacks(t *testing.T) {
	for _, test := range []struct {
		name string
		l    evidence.Listener
		y    judge.Tally
		want string
	}{
		{"the server", evidence.Listener{Asked: true}, judge.Tally{Deaf: 1}, "the server's packets are not in the capture: take it again in both directions"},
		{"packets in between", evidence.Listener{Asked: true, Heard: true}, judge.Tally{Deaf: 1}, "no handshake is in the capture whole: packets are missing in between"},
		{"the same, after a SYN", evidence.Listener{Asked: true, Heard: true}, judge.Tally{Begun: 1}, "no handshake is in the capture whole: packets are missing in between"},
		{"the clients", evidence.Listener{Heard: true}, judge.Tally{Mute: 1}, "the clients' packets are not in the capture: take it again in both directions"},
		{"some clients, and nothing of others", evidence.Listener{Heard: true, Asked: true}, judge.Tally{Mute: 1}, "no connection was seen from its beginning"},
		{"ACKs", evidence.Listener{Asked: true, Heard: true, Answered: true}, judge.Tally{Attempts: 3}, "the clients' ACKs are not in the capture, which seems to hold SYNs alone: take it again with a filter by port, not by flags"},
		{"the beginning of most", evidence.Listener{Asked: true}, judge.Tally{Attempts: 3, Midway: 2, Repeated: 1, Outcomes: map[judge.Outcome]int{judge.Unanswered: 1}}, "of 3 connections 2 had begun before the capture did, and no other was answered"},
		{"time", evidence.Listener{Asked: true}, judge.Tally{Outcomes: map[judge.Outcome]int{judge.Unanswered: 2}}, "no SYN was answered, and none was sent again: the capture is too short to know why"},
		{"the beginning", evidence.Listener{Asked: true, Heard: true, Answered: true}, judge.Tally{Acked: 1}, "no connection was seen from its beginning"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := judge.ListenerVerdict{Tally: test.y, Finding: judge.Unseen}
			if got := Listener(&test.l, &v); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestReflection(t *testing.T) {
	v := judge.ListenerVerdict{Address: netip.MustParseAddrPort("192.0.2.9:80"), Servers: 21}
	want := "SYN-ACKs of 21 servers come to 192.0.2.9, which has sent none of them a SYN: somebody has forged its address"
	if got := Reflection(&v); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
