package story

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// TestTell: a story is its notes and what they come to, by their time.
func TestTell(t *testing.T) {
	type seen = func(*evidence.Attempt)
	late := func(d time.Duration) judge.Verdict {
		return judge.Verdict{Outlook: judge.Outlook{First: judge.StateAccepted}, Delay: d, Late: true}
	}
	stands := func(s judge.State) judge.Verdict { return judge.Verdict{Outlook: judge.Outlook{First: s}} }
	connected := func(a *evidence.Attempt) { a.Held.Connection, a.Held.Since = true, 2*ms }
	for _, test := range []struct {
		name    string
		sockets bool
		verdict judge.Verdict
		seen    seen
		want    []string
	}{
		{"accepted", true, stands(judge.StateAccepted), connected, []string{"the server has the connection"}},
		{"accepted late", true, late(1234 * ms), connected, []string{"the server has the connection, 1.2 s late"}},
		{"accepted later than nobody feels", true, late(49 * ms), connected, []string{"the server has the connection"}},
		{"held back by design", true, late(3 * time.Second), func(a *evidence.Attempt) {
			connected(a)
			a.Counters.Strikes[evidence.StageACK].Witness = evidence.Deferred
		}, []string{"the server has the connection, 3.0 s after the ACK that it ignored by design"}},
		{"queued", true, stands(judge.StateQueued), connected, []string{"the server has the connection; it waits in the accept queue"}},
		{"queued at a listener that is gone", true, stands(judge.StateQueued), func(a *evidence.Attempt) { connected(a); a.On.Sample(evidence.Queues{T: ms}) }, []string{"the server has the connection; its listener is closed"}},
		{"accepted, as a listener is gone", true, stands(judge.StateAccepted), func(a *evidence.Attempt) { connected(a); a.On.Sample(evidence.Queues{T: ms}) }, []string{"the server has the connection"}},
		{"accepted as late as somebody feels", true, late(51 * ms), connected, []string{"the server has the connection, 0.1 s late"}},
		{"queued, and reset by the server", true, stands(judge.StateQueued), func(a *evidence.Attempt) { connected(a); a.Server.Reset.N = 1 }, []string{"the server has the connection"}},
		{"established, to packets", false, stands(judge.StateEstablished), connected, []string{"the server has the connection; whether it was accepted cannot be seen"}},
		{"nothing shows what the server has", false, stands(judge.StateEstablished), func(a *evidence.Attempt) {}, []string{"the client sends its final ACK and is connected; nothing shows whether the server is"}},
		{"a request", true, stands(judge.StatePending), func(a *evidence.Attempt) { a.Held.SawRequest = true }, []string{"the server keeps a request (SYN_RECV) and waits for the final ACK"}},
		{"a request or a cookie", true, stands(judge.StatePending), func(a *evidence.Attempt) {}, []string{"the server answers with its SYN-ACK; whether it keeps a request or has sent a SYN cookie is not known"}},
		{"the same, to packets", false, stands(judge.StateExpired), func(a *evidence.Attempt) {}, []string{"the server waits for the final ACK"}},
		{"a cookie", true, stands(judge.StatePending), func(a *evidence.Attempt) { a.Held.Cookie = true }, nil},
		{"a SYN, on its way", true, stands(judge.StateUnanswered), func(a *evidence.Attempt) { a.Client.SYN.N = 1 }, []string{"the client sends its SYN: no answer yet"}},
		{"a SYN that was dropped", true, stands(judge.StateUnanswered), func(a *evidence.Attempt) {
			a.Client.SYN.N, a.Counters.Strikes[evidence.StageSYN].N = 1, 1
		}, nil},
		{"half-open", false, stands(judge.StateHalfOpen), func(a *evidence.Attempt) { a.Held.SawRequest = true }, []string{"the final ACK makes no connection; the client is connected, the server is not: it has only a request (SYN_RECV)"}},
		{"a phantom", false, stands(judge.StatePhantom), func(a *evidence.Attempt) { a.Held.Cookie = true }, []string{"the final ACK makes no connection; the client is connected, the server is not: it has nothing (a SYN cookie keeps no request)"}},
		{"half-open, or connected", false, judge.Verdict{Outlook: judge.Outlook{First: judge.StateHalfOpen, Others: 1 << judge.StateEstablished}}, func(a *evidence.Attempt) {}, nil},
		{"by their time", true, stands(judge.StateQueued), func(a *evidence.Attempt) {
			connected(a)
			a.Notes = append(a.Notes, evidence.Note{What: evidence.ClientCloses, At: evidence.Moment{T: 5 * ms}}, evidence.Note{What: evidence.SentCookie, At: evidence.Moment{T: ms, Number: 2}})
		}, []string{"the server answers with a SYN cookie and keeps no request", "the server has the connection; it waits in the accept queue", "the client closes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, l := range Tell(attempt(test.sockets, test.seen), &test.verdict) {
				got = append(got, l.Text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("story (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSentence: every other kind of note, each beside what is nearly the same.
func TestSentence(t *testing.T) {
	type seen = func(*evidence.Attempt)
	none := func(*evidence.Attempt) {}
	note := func(w evidence.What, n int32) evidence.Note { return evidence.Note{What: w, N: n} }
	for _, test := range []struct {
		name    string
		note    evidence.Note
		sockets bool
		seen    seen
		want    string
	}{
		{"SYN-ACK again", note(evidence.SYNACKAgain, 1), true, none, "the server sends its SYN-ACK again: it still waits for the final ACK"},
		{"SYN-ACK again, after TCP_DEFER_ACCEPT", note(evidence.SYNACKAgain, 1), true, func(a *evidence.Attempt) { a.Counters.Strikes[evidence.StageACK].Witness = evidence.Deferred },
			"the server sends its SYN-ACK again: the period of TCP_DEFER_ACCEPT is over, and it asks for the ACK again that it has ignored"},
		{"SYN-ACK again, and each answer is dropped", note(evidence.SYNACKAgain, 2), true, func(a *evidence.Attempt) {
			a.Server.Resent.First = time.Second
			a.Notes = append(a.Notes, evidence.Note{What: evidence.Dropped, Segment: evidence.SegACK, N: 2})
		}, "the server sends its SYN-ACK again twice within 0.1 s: it still waits for the final ACK; what the client answers is dropped, too"},
		{"SYN-ACK again, and the last answer was taken", note(evidence.SYNACKAgain, 2), true, func(a *evidence.Attempt) {
			a.Server.Resent.First, a.Held.Connection = time.Second, true
			a.Notes = append(a.Notes, evidence.Note{What: evidence.Dropped, Segment: evidence.SegACK, N: 2})
		}, "the server sends its SYN-ACK again twice within 0.1 s: it still waits for the final ACK"},
		{"SYN-ACK again, and one answer is dropped", note(evidence.SYNACKAgain, 2), true, func(a *evidence.Attempt) {
			a.Server.Resent.First = time.Second
			a.Notes = append(a.Notes, evidence.Note{What: evidence.Dropped, Segment: evidence.SegACK, N: 1})
		}, "the server sends its SYN-ACK again twice within 0.1 s: it still waits for the final ACK"},
		{"SYN-ACK again, and data is dropped", note(evidence.SYNACKAgain, 2), true, func(a *evidence.Attempt) {
			a.Server.Resent.First = time.Second
			a.Notes = append(a.Notes, evidence.Note{What: evidence.Dropped, Segment: evidence.SegData, N: 2}, evidence.Note{What: evidence.Lost, Segment: evidence.SegACK, N: 2})
		}, "the server sends its SYN-ACK again twice within 0.1 s: it still waits for the final ACK"},
		{"SYN-ACK again, before an answer is dropped", note(evidence.SYNACKAgain, 2), true, func(a *evidence.Attempt) {
			a.Server.Resent.First = time.Second
			a.Notes = append(a.Notes, evidence.Note{What: evidence.Dropped, Segment: evidence.SegACK, N: 2, At: evidence.Moment{T: 2 * time.Second}})
		}, "the server sends its SYN-ACK again twice within 0.1 s: it still waits for the final ACK"},
		{"SYN-ACK again, as an answer", note(evidence.SYNACKAnswers, 2), true, none, "the server sends its SYN-ACK again twice, as an answer to the SYN that was sent again"},
		{"data again", note(evidence.DataAgain, 1), false, none, "the client sends its data again: the server does not acknowledge it"},
		{"data again, that is told with its drop", note(evidence.DataAgain, 1), true, func(a *evidence.Attempt) {
			a.Notes = append(a.Notes, evidence.Note{What: evidence.Dropped, Segment: evidence.SegData})
		}, ""},
		{"data again, and something else was dropped", note(evidence.DataAgain, 1), true, func(a *evidence.Attempt) {
			a.Notes = append(a.Notes, evidence.Note{What: evidence.Dropped, Segment: evidence.SegACK}, evidence.Note{What: evidence.WrongSum, Segment: evidence.SegData})
		}, "the client sends its data again: the server does not acknowledge it"},
		{"data again, that is told with its loss", note(evidence.DataAgain, 1), true, func(a *evidence.Attempt) {
			a.Notes = append(a.Notes, evidence.Note{What: evidence.Lost, Segment: evidence.SegFIN})
		}, ""},
		{"data again, of a connection that is there", note(evidence.DataAgain, 1), false, func(a *evidence.Attempt) { a.Held.Connection = true }, ""},
		{"held back", evidence.Note{What: evidence.HeldBack, Segment: evidence.SegOther}, true, none, "the SYN-ACK is held back on the way"},
		{"stray", note(evidence.StrayReset, 1), true, none, "the server answers what comes after the client's RST with RST: it has no such connection any more"},
		{"queue gone", note(evidence.QueueGone, 1), true, none, "the listener is closed, and with it ends the accept queue; the connection in it was dead, since its client had reset it"},
		{"bare ACK", note(evidence.BareACK, 2), false, none, "the server answers the SYN with a bare ACK twice: it has another connection from this address and port, in TIME-WAIT or still open"},
		{"strange RST", note(evidence.StrangeReset, 1), false, none, "an RST comes that does not acknowledge the SYN: the client ignores it"},
		{"wrong checksum", evidence.Note{What: evidence.WrongSum, Segment: evidence.SegACK}, false, none, "the final ACK comes with a wrong checksum: TCP drops it"},
		{"data that is not taken", note(evidence.TakesNone, 1), false, none, "the server answers the data with an ACK that takes none of it"},
		{"data of an old clock", note(evidence.TakesNone, 1), false, func(a *evidence.Attempt) { a.Client.Older = true }, "the server answers the data with an ACK that takes none of it: its timestamp is older than one before (PAWS)"},
		{"accept()", evidence.Note{What: evidence.AcceptReturned, At: evidence.Moment{T: 2 * time.Second}}, true, none, "accept() returns the connection after 2.0 s"},
		{"accept(), since it was there", evidence.Note{What: evidence.AcceptReturned, At: evidence.Moment{T: 2 * time.Second}}, true, func(a *evidence.Attempt) { a.Held.Since = time.Second }, "accept() returns the connection after 1.0 s"},
		{"accept() of a dead one", evidence.Note{What: evidence.AcceptReturned, At: evidence.Moment{T: 2 * time.Second}}, true, func(a *evidence.Attempt) {
			a.Client.ResetIn = evidence.Series{N: 1, First: time.Second}
		}, "accept() returns the connection after 2.0 s: it is dead, since its client has reset it"},
		{"accept() of one that is reset later", evidence.Note{What: evidence.AcceptReturned, At: evidence.Moment{T: 2 * time.Second}}, true, func(a *evidence.Attempt) {
			a.Client.ResetIn = evidence.Series{N: 1, First: 3 * time.Second}
		}, "accept() returns the connection after 2.0 s"},
		{"expired", evidence.Note{What: evidence.Expired, At: evidence.Moment{T: 63 * time.Second}}, true, none, "the request expires after 63.0 s without a word: the server has nothing any more"},
		{"expired, since its SYN-ACK", evidence.Note{What: evidence.Expired, At: evidence.Moment{T: 63 * time.Second}}, true, func(a *evidence.Attempt) { a.Server.SYNACK.First = time.Second }, "the request expires after 62.0 s without a word: the server has nothing any more"},
		{"expired, and the client is there", evidence.Note{What: evidence.Expired, At: evidence.Moment{T: 63 * time.Second}}, true, func(a *evidence.Attempt) { a.Client.ACK.N = 1 },
			"the request expires after 63.0 s without a word: the server has nothing any more; the client still believes that it is connected"},
		{"expired, and the client has reset", evidence.Note{What: evidence.Expired, At: evidence.Moment{T: 63 * time.Second}}, true, func(a *evidence.Attempt) { a.Client.ACK.N, a.Client.Reset.N = 1, 1 },
			"the request expires after 63.0 s without a word: the server has nothing any more"},
		{"expired, and the client has half-closed", evidence.Note{What: evidence.Expired, At: evidence.Moment{T: 63 * time.Second}}, true, func(a *evidence.Attempt) { a.Client.ACK.N, a.Client.FINSent = 1, true },
			"the request expires after 63.0 s without a word: the server has nothing any more; the client waits for the ACK of its FIN"},
		{"expired, and the client has closed", evidence.Note{What: evidence.Expired, At: evidence.Moment{T: 63 * time.Second}}, true, func(a *evidence.Attempt) {
			a.Client.ACK.N, a.Client.FINSent = 1, true
			a.Notes = append(a.Notes, evidence.Note{What: evidence.ClientCloses})
		}, "the request expires after 63.0 s without a word: the server has nothing any more; the client has closed and waits for the ACK of its FIN"},
		{"closed with data on its way", evidence.Note{What: evidence.Expired, At: evidence.Moment{T: 63 * time.Second}}, true, func(a *evidence.Attempt) {
			a.Client.ACK.N = 1
			a.Notes = append(a.Notes, evidence.Note{What: evidence.ClientCloses})
		}, "the request expires after 63.0 s without a word: the server has nothing any more"},
		{"gone with its listener", note(evidence.Expired, 1), true, func(a *evidence.Attempt) { a.Samples.Orphaned = true }, "the request goes with its listener, without a word: the server has nothing any more"},
		{"shutdown()", note(evidence.ClientShuts, 1), true, none, "the client half-closes: shutdown() sends its FIN"},
		{"RST", note(evidence.ClientResets, 1), true, none, "the client resets the connection"},
		{"a call", evidence.Note{What: evidence.CallFailed, Call: "send", Errno: "EPIPE"}, true, none, "send() fails: EPIPE"},
		{"connect()", evidence.Note{What: evidence.ConnectFailed, Errno: "ETIMEDOUT", Took: 3 * time.Second}, true, none, "connect() fails after 3.0 s: ETIMEDOUT"},
		{"connect(), at once", evidence.Note{What: evidence.ConnectFailed, Errno: "ECONNREFUSED", Took: ms}, true, none, "connect() fails: ECONNREFUSED"},
		{"given up", evidence.Note{What: evidence.ConnectEnded, Took: time.Second}, true, none, "the client gives up after 1.0 s"},
		{"nothing", evidence.Note{}, true, none, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := narrator{attempt(test.sockets, test.seen), &judge.Verdict{}}
			if got := a.sentence(&test.note); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// TestCite: the packets of a handshake, each cited as what it is.
func TestCite(t *testing.T) {
	for _, test := range []struct {
		name string
		seen func(*evidence.Attempt)
		want []Citation
	}{
		{"nothing seen", func(*evidence.Attempt) {}, nil},
		{"a handshake, and data", func(a *evidence.Attempt) { a.Firsts = evidence.Firsts{SYN: 1, SYNACK: 2, ACK: 3, Data: 4} },
			[]Citation{{1, "SYN"}, {2, "SYN-ACK"}, {3, "final ACK"}, {4, "the client's first data"}}},
		{"and FIN", func(a *evidence.Attempt) {
			a.Firsts, a.Client.Shut = evidence.Firsts{SYN: 1, SYNACK: 2, ACK: 3, Data: 4}, true
		}, []Citation{{1, "SYN"}, {2, "SYN-ACK"}, {3, "final ACK"}, {4, "the client's FIN"}}},
		{"data in its place, asked for again", func(a *evidence.Attempt) {
			a.Firsts, a.Client.DataFirst, a.Held.Ignored = evidence.Firsts{ACK: 3}, true, true
		}, []Citation{{3, "data or FIN in place of the final ACK: it came, and the server asks for it again"}}},
		{"an ACK whose data is not acknowledged", func(a *evidence.Attempt) { a.Firsts, a.Client.Untaken = evidence.Firsts{ACK: 3}, true },
			[]Citation{{3, "final ACK: it came, and the data after it is not acknowledged"}}},
		{"a note, by its number", func(a *evidence.Attempt) {
			a.Firsts = evidence.Firsts{SYN: 1, SYNACK: 5}
			a.Notes = append(a.Notes, evidence.Note{What: evidence.ClientResets, At: evidence.Moment{Number: 3}}, evidence.Note{What: evidence.ClientCloses})
		}, []Citation{{1, "SYN"}, {3, "the client resets the connection"}, {5, "SYN-ACK"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Cite(attempt(false, test.seen), &judge.Verdict{})); diff != "" {
				t.Errorf("citations (-want +got):\n%s", diff)
			}
		})
	}
	client := attempt(false, func(a *evidence.Attempt) { a.Firsts, a.Held.Ignored = evidence.Firsts{ACK: 3}, true })
	client.Scene.Sides = evidence.ClientSide
	if got := Cite(client, &judge.Verdict{}); got[0].Text != "final ACK" {
		t.Errorf("at the client it is not known whether the ACK came: %q", got[0].Text)
	}
}
