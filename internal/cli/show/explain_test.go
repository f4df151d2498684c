package show

import (
	"bytes"
	"testing"
	"time"

	"listenq/internal/answer"
	"listenq/internal/judge"
	"listenq/internal/text"
)

// captured is a report with everything in it that the text shows.
func captured() *answer.Explanation {
	overflow := judge.Reading{Outcome: judge.HalfOpen, Cause: judge.AcceptQueueFull}
	struck := answer.Connection{
		Client: "[2001:db8::1:2:3:4]:40000", Server: "[2001:db8::ffff:2]:8080", CapturedAt: answer.PlaceServer, Start: 1000.25,
		Reading: answer.Reading{
			Reading: overflow, Struck: judge.StruckACK, Confidence: judge.Possible,
			Alternatives: []judge.Reading{{Outcome: judge.Forgotten, Cause: judge.AcceptQueueFull, EndedBy: judge.RequestExpired}, {Outcome: judge.HalfOpen, Cause: judge.HostDrop}},
		},
		Evidence: []answer.Evidence{
			{File: "server\x1b[2J.pcap", Packet: 13, Text: "SYN", Of: 1},
			{File: "server\x1b[2J.pcap", Packet: 123456, Text: "the server sends its SYN-ACK again twice, after 1.0 and 3.0 s: it still waits for the final ACK", Of: 2},
		},
	}
	late := struck
	late.Reading = answer.Reading{Reading: judge.Reading{Outcome: judge.Accepted, Cause: judge.AcceptQueueFull}, Confidence: judge.Likely}
	late.Delay = new(answer.Milliseconds(1020))
	calm := struck
	calm.Server, calm.CapturedAt = "10.0.0.2:443", answer.PlaceBetween
	calm.Reading = answer.Reading{
		Reading: judge.Reading{Outcome: judge.EstablishedBoth, Cause: judge.NoCause}, Confidence: judge.Likely,
		Alternatives: []judge.Reading{overflow, {Outcome: judge.Phantom, Cause: judge.AcceptQueueFull}, {Outcome: judge.EstablishedBoth, Cause: judge.NetworkLoss}},
	}
	calmer := calm
	calmer.Alternatives = nil
	return &answer.Explanation{
		Files: []answer.CaptureFile{
			{Name: "server\x1b[2J.pcap", Packets: 1234567, Place: answer.PlaceServer, How: "by the waits in 1206 handshakes"},
			{Name: "client.pcap", Packets: 1, Place: answer.PlaceClient, How: "as told", Clock: new(answer.Milliseconds(-7000.5)), Matched: 30},
		},
		Packets: 1234568, Start: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), Span: 60_000,
		Listeners: []answer.CaptureListener{
			{
				Address: "[2001:db8::ffff:2]:8080", CapturedAt: answer.PlaceBoth, Attempts: 12, Finding: judge.Overflow, Confidence: judge.Likely,
				Outcomes: map[judge.Outcome]int{judge.HalfOpen: 3, judge.Accepted: 9},
				Causes:   map[judge.Cause]int{judge.AcceptQueueFull: 12},
				Verdict:  "the accept queue overflowed: of 12 connections 12 met it full",
				Evidence: struck.Evidence,
				Full:     []answer.Interval{{From: 1000, To: 20_000}, {From: 30_000, To: 30_000}, {From: 40_000, To: 41_000}, {From: 50_000, To: 51_000}, {From: 59_000, To: 60_000}},
			},
			{Address: "10.0.0.2:443", CapturedAt: answer.PlaceBetween, Attempts: 1, Finding: judge.Fine, Confidence: judge.Likely, Outcomes: map[judge.Outcome]int{judge.Accepted: 1}, Causes: map[judge.Cause]int{judge.NoCause: 1}, Verdict: "nothing was dropped"},
		},
		Groups: []answer.Group{
			{Count: 3, First: 1000.25, Last: 59_000, Example: struck},
			{Count: 9, First: 2000, Last: 60_000, Longest: new(answer.Milliseconds(7000)), Example: late},
			{Count: 4, First: 100, Last: 3000, Example: calm},
			{Count: 1, First: 50, Last: 50, Example: calmer},
		},
		Connections: []answer.Connection{struck, late}, LeftOut: 10, OtherGroups: 2,
		Damage:  []answer.Damage{{File: "client.pcap", Offset: 1 << 40, Text: "the file ends in the middle: 7 bytes are left"}},
		Skipped: map[string]int{"duplicate": 12, "not-tcp": 3}, Lost: new(int64(1)),
	}
}

func TestGoldenReport(t *testing.T) {
	tests := []struct {
		name   string
		screen text.Screen
		all    bool
	}{
		{"80", text.Screen{Width: 80}, false},
		{"all", text.Screen{Width: 80}, true},
		{"pipe", text.Screen{}, false},
		{"colour", text.Screen{Width: 80, Colour: true}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.screen.Out = &out
			Explanation(tt.screen, captured(), tt.all)
			golden(t, "explain-"+tt.name+".txt", out.String())
			narrow(t, out.String(), tt.screen)
		})
	}
}

func TestGoldenReportJSON(t *testing.T) {
	var out bytes.Buffer
	if err := JSON(&out, captured()); err != nil {
		t.Fatal(err)
	}
	golden(t, "explain.json", out.String())
}

// TestReadings puts other readings together by their causes.
func TestReadings(t *testing.T) {
	reading := func(o judge.Outcome, c judge.Cause) judge.Reading {
		return judge.Reading{Outcome: o, Cause: c}
	}
	expired := reading(judge.Forgotten, judge.HostDrop)
	expired.EndedBy = judge.RequestExpired
	tests := []struct {
		all  []judge.Reading
		want string
	}{
		{[]judge.Reading{reading(judge.Accepted, judge.NoCause)}, "accepted without a drop"},
		{[]judge.Reading{reading(judge.Accepted, judge.NetworkLoss), reading(judge.Accepted, judge.NoCause)}, "accepted without a drop, or by network-loss"},
		{[]judge.Reading{reading(judge.HalfOpen, judge.HostDrop), expired, reading(judge.Phantom, judge.NetworkLoss)}, "half-open or forgotten (request-expired), by host-drop; phantom, by network-loss"},
		{[]judge.Reading{reading(judge.Pending, judge.ByClient), reading(judge.Pending, judge.HostDrop), reading(judge.Pending, judge.NetworkLoss)}, "pending, by client, host-drop or network-loss"},
	}
	for _, tt := range tests {
		if got := answer.Readings(tt.all); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.all, got, tt.want)
		}
	}
}

// The last line says what the exit code says.
func TestReportOutlook(t *testing.T) {
	listener := func(f judge.Finding, c judge.Confidence) *answer.Explanation {
		return &answer.Explanation{Listeners: []answer.CaptureListener{{Finding: f, Confidence: c}}}
	}
	tests := []struct {
		name string
		r    *answer.Explanation
		want string
		bad  bool
	}{
		{"nothing", &answer.Explanation{}, "No listen queue overflowed, as far as the packets show. Exit code 0.", false},
		{"fine", listener(judge.Fine, judge.Likely), "No listen queue overflowed, as far as the packets show. Exit code 0.", false},
		{"overflow", listener(judge.Overflow, judge.Likely), "Exit code 1: a listen queue overflowed.", true},
		{"SYN queue", listener(judge.SynOverflow, judge.Certain), "Exit code 1: a listen queue overflowed.", true},
		{"perhaps", listener(judge.Overflow, judge.Possible), "A listen queue may have overflowed, but the packets do not show it: TcpExtListenOverflows on the server does. Exit code 0.", false},
		{"undecided", listener(judge.Undecided, judge.Possible), "A listen queue may have overflowed, but the packets do not show it: TcpExtListenOverflows on the server does. Exit code 0.", false},
		{"unseen", listener(judge.Unseen, judge.Possible), "No listen queue overflowed, as far as the packets show. Exit code 0.", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := reportOutlook(tt.r); got != tt.want || tt.r.Bad() != tt.bad {
				t.Errorf("%q, bad %v; want %q, %v", got, tt.r.Bad(), tt.want, tt.bad)
			}
		})
	}
}
