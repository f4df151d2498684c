package story

import (
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

const ms = time.Millisecond

// attempt is one of which nothing was seen but what a test says.
func attempt(sockets bool, seen func(*evidence.Attempt)) *evidence.Attempt {
	scene := evidence.NewScene(evidence.ServerSide, sockets)
	l := &evidence.Listener{Scene: scene}
	a := &evidence.Attempt{}
	a.Begin(l, evidence.Ends{}, 0)
	seen(a)
	return a
}

// TestWhySYNAgain: what the first SYN had met is told as far as it was seen.
func TestWhySYNAgain(t *testing.T) {
	again := evidence.Note{What: evidence.SYNAgain, N: 1, At: evidence.Moment{T: time.Second}, Times: [evidence.MaxTimes]time.Duration{time.Second}}
	const begins = "the client sends its SYN again, after 1.0 s"
	for _, test := range []struct {
		name string
		seen func(*evidence.Attempt)
		want string
	}{
		{"no answer", func(a *evidence.Attempt) {}, begins + ": it has had no answer"},
		{"counted as dropped, which is told there", func(a *evidence.Attempt) { a.Counters.Strikes[evidence.StageSYN].N = 1 }, ""},
		{"a challenge", func(a *evidence.Attempt) { a.Server.Challenges = 1 }, begins + ": it was answered for another connection"},
		{"refused", func(a *evidence.Attempt) { a.Server.RefusedSYN = true }, begins + ", although it is refused"},
		{"an RST that is none", func(a *evidence.Attempt) { a.Server.Strange = 1 }, begins + ": it was answered by an RST that does not acknowledge it"},
		{"answered before", func(a *evidence.Attempt) { a.Server.SYNACK = evidence.Series{N: 1, First: ms} }, begins + ", although the server had answered it"},
		{"answered then", func(a *evidence.Attempt) {
			a.Server.SYNACK, a.Client.SYN.Last = evidence.Series{N: 1, First: time.Second + ms}, time.Second
		}, begins + ": it has had no answer"},
		{"answered then, and sent once more", func(a *evidence.Attempt) {
			a.Server.SYNACK, a.Client.SYN.Last = evidence.Series{N: 1, First: time.Second + ms}, 3*time.Second
		}, begins + ": it had no answer at first"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := narrator{attempt(false, test.seen), &judge.Verdict{}}
			if got := a.sentence(&again); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
	for name, v := range map[string]judge.Verdict{
		"another cause":  {Reading: judge.Reading{Cause: judge.NetworkLoss}, Struck: judge.StruckSYN},
		"another packet": {Reading: judge.Reading{Cause: judge.HostDrop}, Struck: judge.StruckACK},
	} {
		a := narrator{attempt(true, func(*evidence.Attempt) {}), &v}
		if got := a.sentence(&again); got != begins+": it has had no answer" {
			t.Errorf("with counters, %s: %q", name, got)
		}
	}
	a := narrator{attempt(true, func(*evidence.Attempt) {}), &judge.Verdict{Reading: judge.Reading{Cause: judge.HostDrop}, Struck: judge.StruckSYN}}
	want := begins + ": it has had no answer, and no counter of the listener has moved: the server's host drops it before TCP"
	if got := a.sentence(&again); got != want {
		t.Errorf("with counters\ngot  %q\nwant %q", got, want)
	}
}

// TestDroppedSentence: what was dropped, how often, why, and what the two ends believe then.
func TestDroppedSentence(t *testing.T) {
	at := evidence.Moment{T: 20 * ms}
	drop := func(s evidence.Segment, told evidence.Witness, n int32) evidence.Note {
		return evidence.Note{What: evidence.Dropped, Segment: s, Witness: told, N: n, At: at, Times: [evidence.MaxTimes]time.Duration{20 * ms, 1020 * ms}}
	}
	struckACK := func(a *evidence.Attempt) { a.Counters.Strikes[evidence.StageACK].At = at }
	for _, test := range []struct {
		name string
		note evidence.Note
		seen func(*evidence.Attempt)
		want string
	}{
		{"SYN", drop(evidence.SegSYN, evidence.Overflows, 1), func(*evidence.Attempt) {}, "the SYN is dropped: the accept queue is full"},
		{"SYN, twice", drop(evidence.SegSYN, evidence.QFull, 2), func(*evidence.Attempt) {}, "the SYN is dropped twice, at first and after 1.0 s: the SYN queue is full"},
		{"data, twice, since it was sent first", drop(evidence.SegData, evidence.Overflows, 2), func(a *evidence.Attempt) { a.Client.Data.First = 20 * ms; a.Client.SYN.First = -time.Second },
			"the client's data is dropped twice, at first and after 1.0 s: the accept queue is full"},
		{"SYN, twice, since it was sent first", drop(evidence.SegSYN, evidence.Overflows, 2), func(a *evidence.Attempt) { a.Client.SYN.First = 20 * ms; a.Client.Data.First = -time.Second },
			"the SYN is dropped twice, at first and after 1.0 s: the accept queue is full"},
		{"ACK, more than once: told with the SYN-ACKs", drop(evidence.SegACK, evidence.Overflows, 2), func(*evidence.Attempt) {}, "the final ACK is dropped: the accept queue is full"},
		{"ACK of a request", drop(evidence.SegACK, evidence.Overflows, 1), func(a *evidence.Attempt) { struckACK(a); a.Held.SawRequest = true },
			"the final ACK is dropped: the accept queue is full; the client is connected, the server is not: it has only a request (SYN_RECV)"},
		{"ACK of a cookie", drop(evidence.SegACK, evidence.Overflows, 1), func(a *evidence.Attempt) { struckACK(a); a.Held.Cookie = true },
			"the final ACK is dropped: the accept queue is full; the client is connected, the server is not: it has nothing (a SYN cookie keeps no request)"},
		{"ACK, of what is not known", drop(evidence.SegACK, evidence.FilterTook, 1), struckACK,
			"the final ACK is dropped: a packet filter takes it; the client is connected, the server is not"},
		{"ACK, and an RST for it", drop(evidence.SegACK, evidence.Overflows, 1), func(a *evidence.Attempt) { struckACK(a); a.Counters.Aborted = true },
			"the final ACK is dropped: the accept queue is full"},
		{"a later one", drop(evidence.SegData, evidence.SumErrors, 2), func(*evidence.Attempt) {}, "the client's data is dropped twice, at first and after 1.0 s: its checksum is wrong"},
		{"by the way back", drop(evidence.SegSYN, evidence.ReversePath, 1), func(*evidence.Attempt) {}, "the SYN is dropped: the way back to its sender's address is another one (rp_filter)"},
		{"by nobody that is known", drop(evidence.SegACK, evidence.NoCounter, 1), func(*evidence.Attempt) {}, "the final ACK is dropped: memory, route or a security module failed"},
		{"by TCP_DEFER_ACCEPT", drop(evidence.SegACK, evidence.Deferred, 1), func(*evidence.Attempt) {}, "the final ACK is dropped: with TCP_DEFER_ACCEPT the server waits for data"},
		{"lost", evidence.Note{What: evidence.Lost, Segment: evidence.SegACK, N: 1, At: at}, struckACK, "the final ACK is lost on the way; the client is connected, the server is not"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := narrator{attempt(true, test.seen), &judge.Verdict{}}
			if got := a.sentence(&test.note); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// TestResetSentence: a hypothesis is told as one, and a setting only where counters knew of it.
func TestResetSentence(t *testing.T) {
	others := func(s judge.State) judge.StateSet { return 1 << s }
	for _, test := range []struct {
		name    string
		outlook judge.Outlook
		segment evidence.Segment
		sockets bool
		seen    func(*evidence.Attempt)
		want    string
	}{
		{"refused", judge.Outlook{First: judge.StateRefused}, evidence.SegSYN, false, nil, "the server refuses the connection"},
		{"refused, and it was looked for", judge.Outlook{First: judge.StateRefused}, evidence.SegSYN, true, nil, "the server refuses the connection: nothing listens there"},
		{"a wrong number", judge.Outlook{First: judge.StateMisacked}, evidence.SegACK, false, func(a *evidence.Attempt) { a.Client.Misack = 7 }, "the server answers with RST: the client acknowledges byte 7, which was never sent"},
		{"abort", judge.Outlook{First: judge.StateAborted}, evidence.SegACK, false, nil, "the server resets the connection, as with tcp_abort_on_overflow"},
		{"abort, counted", judge.Outlook{First: judge.StateAborted}, evidence.SegACK, true, func(a *evidence.Attempt) { a.Counters.Aborted = true }, "the server resets the connection: tcp_abort_on_overflow is set"},
		{"abort, or something else", judge.Outlook{First: judge.StateAborted, Others: others(judge.StateStale)}, evidence.SegACK, false, nil, "the server resets the connection"},
		{"cookie", judge.Outlook{First: judge.StateRejected}, evidence.SegFIN, true, nil, "the server resets the connection: it had sent a SYN cookie, which does not check any more"},
		{"cookie, and what comes is beyond it", judge.Outlook{First: judge.StateRejected}, evidence.SegFIN, true, func(a *evidence.Attempt) { a.Client.Beyond = true }, "the server resets the connection: it had sent a SYN cookie, and what comes now does not begin where the cookie can be checked"},
		{"forgotten", judge.Outlook{First: judge.StateStale}, evidence.SegData, true, nil, "the server answers the client's data with RST: it has forgotten the connection"},
		{"closed", judge.Outlook{First: judge.StateClosed}, evidence.SegRST, true, func(a *evidence.Attempt) { a.Samples.AtClose = true }, "the server resets the connection: its listener was closed"},
		{"closed, as it looks", judge.Outlook{First: judge.StateClosed}, evidence.SegFIN, false, nil, "the server answers the client's FIN with RST, as one whose listener was closed"},
		{"for whatever reason", judge.Outlook{First: judge.StateGone}, evidence.SegData, false, nil, "the server resets the connection"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := attempt(test.sockets, func(a *evidence.Attempt) {
				if test.seen != nil {
					test.seen(a)
				}
			})
			note := evidence.Note{What: evidence.ServerReset, Segment: test.segment, N: 1}
			told := narrator{a, &judge.Verdict{Outlook: test.outlook}}
			if got := told.sentence(&note); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}
