package story

import (
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// TestComment: what is written beside a packet; an ordinary one has nothing.
func TestComment(t *testing.T) {
	off := evidence.Settings{CookiesKnown: true}
	on := evidence.Settings{CookiesKnown: true, Cookies: 1}
	drop := func(s evidence.Segment, told evidence.Witness) evidence.Note {
		return evidence.Note{What: evidence.Dropped, Segment: s, Witness: told, N: 1}
	}
	full := func(n evidence.Note, length, limit int32) evidence.Note {
		n.Length, n.Limit, n.Measured = length, limit, true
		return n
	}
	for _, test := range []struct {
		name     string
		note     evidence.Note
		settings evidence.Settings
		want     string
	}{
		{"nothing", evidence.Note{}, on, ""},
		{"a client that closes", evidence.Note{What: evidence.ClientCloses}, on, ""},
		{"SYN again", evidence.Note{What: evidence.SYNAgain, N: 2}, on, "SYN sent again (2)"},
		{"SYN-ACK again, by the timer", evidence.Note{What: evidence.SYNACKAgain, N: 3}, on, "SYN-ACK sent again (3)"},
		{"SYN-ACK again, as an answer", evidence.Note{What: evidence.SYNACKAnswers, N: 1}, on, "SYN-ACK sent again (1), for a SYN sent again"},
		{"data again", evidence.Note{What: evidence.DataAgain, N: 4}, on, "data sent again (4)"},
		{"cookie for a full SYN queue", full(evidence.Note{What: evidence.SentCookie, Witness: evidence.QFull}, 1, 0), on, "answered with a SYN cookie: the SYN queue is full (1 request, limit 0)"},
		{"cookie, always", evidence.Note{What: evidence.SentCookie, Always: true}, on, "answered with a SYN cookie: tcp_syncookies is 2"},
		{"cookie, one or the other", evidence.Note{What: evidence.SentCookie, Always: true, Witness: evidence.QFull}, on, "answered with a SYN cookie"},
		{"cookie, for whatever reason", evidence.Note{What: evidence.SentCookie}, on, "answered with a SYN cookie"},
		{"accept queue, measured", full(drop(evidence.SegACK, evidence.Overflows), 3, 2), on, "final ACK dropped: accept queue full, 3 of limit 2"},
		{"accept queue", drop(evidence.SegSYN, evidence.Overflows), on, "SYN dropped: accept queue full"},
		{"accept queue, ACK again", evidence.Note{What: evidence.Dropped, Segment: evidence.SegACK, Witness: evidence.Overflows, Again: true}, on, "ACK that repeats the final one dropped: accept queue full"},
		{"SYN queue", full(drop(evidence.SegSYN, evidence.QFull), 5, 4), off, "SYN dropped: SYN queue full (5 requests, limit 4)"},
		{"reserve", drop(evidence.SegSYN, evidence.DropsReserved), off, "SYN dropped: tcp_max_syn_backlog reached"},
		{"ListenDrops alone, without cookies: reserve or memory", drop(evidence.SegSYN, evidence.DropsAlone), off, "SYN dropped: no queue was full"},
		{"ListenDrops alone, with cookies", drop(evidence.SegSYN, evidence.DropsAlone), on, "SYN dropped: no memory, no route or not allowed"},
		{"ListenDrops alone, of an ACK", drop(evidence.SegACK, evidence.DropsAlone), off, "final ACK dropped: no memory, no route or not allowed"},
		{"TCP_DEFER_ACCEPT", drop(evidence.SegACK, evidence.Deferred), on, "final ACK dropped: TCP_DEFER_ACCEPT waits for data"},
		{"filter", drop(evidence.SegData, evidence.FilterTook), on, "data dropped: a packet filter"},
		{"checksum", drop(evidence.SegFIN, evidence.SumErrors), on, "FIN dropped: wrong checksum"},
		{"way back", drop(evidence.SegSYN, evidence.ReversePath), on, "SYN dropped: rp_filter"},
		{"lost", evidence.Note{What: evidence.Lost, Segment: evidence.SegOther}, on, "SYN-ACK lost on the wire"},
		{"held", evidence.Note{What: evidence.HeldBack, Segment: evidence.SegRST}, on, "RST held on the wire"},
		{"stray RST", evidence.Note{What: evidence.StrayReset}, on, "RST: the client has reset the connection"},
		{"bare ACK", evidence.Note{What: evidence.BareACK}, on, "ACK of another connection between these two answers the SYN"},
		{"strange RST", evidence.Note{What: evidence.StrangeReset}, on, "RST that does not acknowledge the SYN: the client ignores it"},
		{"wrong checksum", evidence.Note{What: evidence.WrongSum, Segment: evidence.SegData}, on, "data with a wrong checksum"},
		{"takes none", evidence.Note{What: evidence.TakesNone}, on, "ACK that takes none of the data"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Comment(&test.note, &test.settings, judge.Outlook{}); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// TestResetComment: why an RST came is told only where nothing else fits as well.
func TestResetComment(t *testing.T) {
	could := func(all ...judge.State) (set judge.StateSet) {
		for _, s := range all {
			set |= 1 << s
		}
		return set
	}
	for _, test := range []struct {
		name    string
		outlook judge.Outlook
		told    evidence.Witness
		want    string
	}{
		{"nobody listens", judge.Outlook{First: judge.StateRefused}, evidence.NoWitness, "RST: nothing listens here"},
		{"nobody listens, or something else", judge.Outlook{First: judge.StateRefused, Others: could(judge.StateGone)}, evidence.NoWitness, "RST"},
		{"the same, and much less likely", judge.Outlook{First: judge.StateRefused, Others: could(judge.StateGone), Likely: true}, evidence.NoWitness, "RST: nothing listens here"},
		{"abort, as counters told", judge.Outlook{First: judge.StateAborted}, evidence.Overflows, "RST: accept queue full and tcp_abort_on_overflow set"},
		{"abort, as it looks", judge.Outlook{First: judge.StateAborted}, evidence.NoWitness, "RST, as with tcp_abort_on_overflow"},
		{"cookie", judge.Outlook{First: judge.StateRejected}, evidence.NoWitness, "RST: the SYN cookie does not check"},
		{"expired", judge.Outlook{First: judge.StateStale}, evidence.NoWitness, "RST: the request has expired"},
		{"closed", judge.Outlook{First: judge.StateClosed}, evidence.NoWitness, "RST: the listener was closed"},
		{"queued: its listener, or its program", judge.Outlook{First: judge.StateQueued, Others: could(judge.StateClosed)}, evidence.NoWitness, "RST to a queued connection: its listener is closed, or its program resets it"},
		{"accepted", judge.Outlook{First: judge.StateAccepted}, evidence.NoWitness, "RST"},
	} {
		t.Run(test.name, func(t *testing.T) {
			note := evidence.Note{What: evidence.ServerReset, Witness: test.told}
			if got := Comment(&note, &evidence.Settings{}, test.outlook); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}
