package show

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/judge"
	"listenq/internal/text"
)

var update = flag.Bool("update", false, "write the golden files anew")

// example is a run with everything in it that the text shows.
func example() answer.Run {
	late, one := answer.MS(1004*time.Millisecond), 1
	drops := uint64(8)
	story := []answer.Line{
		{T: 274, Text: "the final ACK is dropped: the accept queue is full; the client is connected, the server is not: it has only a request (SYN_RECV)"},
		{T: 1285, Text: "the server has the connection, 1.0 s late"},
	}
	connection := func(name string) answer.RunConnection {
		return answer.RunConnection{Name: name, Outcome: judge.Accepted, Cause: judge.AcceptQueueFull, Confidence: judge.Certain, Delay: &late, Story: story}
	}
	return answer.Run{
		Scenario: "x-example", Title: "A title that is long enough to need a second line where the screen is narrow.",
		Kernel: "6.1.0", Verdict: "The accept queue of 192.0.2.2:8080 overflowed (it held 11, limit 10): of 5 connections 5 were accepted (4 late).",
		Duration: 1310, Recording: "/tmp/listenq-x",
		Connections: []answer.RunConnection{
			{Name: "a", Outcome: judge.Queued, Cause: judge.ByServer, Confidence: judge.Certain},
			connection("c1"), connection("c2"), connection("c3"),
			{Name: "d", Outcome: judge.Reset, Cause: judge.AcceptQueueFull, EndedBy: judge.AbortOnOverflow, Confidence: judge.Likely},
		},
		Folded:   []answer.Folded{{Server: "192.0.2.2:8080", Attempts: 7, Outcomes: map[judge.Outcome]int{judge.Pending: 4, judge.Unanswered: 3}}},
		Commands: []answer.Command{{Name: "load", Argv: []string{"ab", "-n", "1"}, Duration: 20, Exit: 1, Output: "one\x1b[2Jtwo\nthree\n"}},
		Listeners: []answer.RunListener{
			{Name: "server", Address: "192.0.2.2:8080", AcceptMax: 11, SynMax: &one, Drops: &drops,
				Before: answer.ListenerState{Open: true, AcceptLimit: 10}, After: answer.ListenerState{Open: true, AcceptLen: 3, AcceptLimit: 10, SynLen: &one}},
			{Name: "web", Address: "192.0.2.2:80", Before: answer.ListenerState{Open: true}, After: answer.ListenerState{}},
		},
		Filters: []answer.Filter{
			{Name: "f", Text: "filter as f to server drop syn above 20/s burst 5 from c1 c2 c3", Packets: new(3)},
			{Name: "g", Text: "filter as g at socket drop ack"},
		},
		Counters: answer.Counters{Server: map[string]answer.Movement{"TcpExtListenDrops": {Before: 1, After: 5}}},
		Observations: []answer.Observation{
			{Line: 8, Side: "server", Program: "ss", Sockets: 3, Fields: 90, Differences: []answer.Difference{
				{Of: "ESTABLISHED 192.0.2.2:8080 to 192.0.2.1:20001", Field: "rto", Theirs: "204", Ours: ""},
				{Of: "SYN_RECV 192.0.2.2:8080 to 192.0.2.1:20002", Theirs: "not shown", Ours: "seen"}}},
			{Line: 8, Side: "server", Program: "netstat", Sockets: 3, Fields: 15, Explained: []answer.Difference{
				{Of: "LISTEN 0.0.0.0:8080", Field: "send_q", Theirs: "0", Ours: "10", Why: "a reason that is long enough to need a second line where the screen is narrow"}}},
			{Line: 9, Side: "server", Program: "nstat", Missing: "command nstat not found in /usr/bin"},
			{Line: 9, Side: "client", Program: "nstat", Counters: 304, Fields: 304},
		},
		Expectations: []answer.Expectation{
			{Line: 9, Text: `expect c5.cause == "accept-queue-full" and c5.struck == "ack" and c5.handshake == "request"`, Pass: true},
			{Line: 10, Text: `expect c5.outcome == "reset"`, Got: `c5.outcome is "accepted"`},
			{Line: 11, Text: `expect a.outcome == "reset" if not a_fact`, NotTaken: "a_fact is true"},
			{Line: 12, Text: `expect a.outcome == "reset" if not a_fact from source`, NotTaken: "a_fact is true", FromSource: true},
		},
		Missing: []answer.Missing{{What: "12 frames", Why: "the wire was too busy to take them off its ring"}},
	}
}

func TestGoldenRun(t *testing.T) {
	tests := []struct {
		name   string
		screen text.Screen
	}{
		{"80", text.Screen{Width: 80}},
		{"120", text.Screen{Width: 120}},
		{"pipe", text.Screen{}},
		{"colour", text.Screen{Width: 80, Colour: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.screen.Out = &out
			Run(tt.screen, example())
			golden(t, "run-"+tt.name+".txt", out.String())
			for line := range strings.Lines(out.String()) {
				if n := text.Width(strings.TrimRight(line, "\n")); tt.screen.Width > 0 && n > tt.screen.Width {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

// What was skipped is told with its reason, and counted apart.
func TestSkipped(t *testing.T) {
	passed := answer.Run{Scenario: "a4", Title: "A title.", Kernel: "5.10", Pass: true, Verdict: "All is well.", Duration: 1200, Recording: "/tmp/rec/a4"}
	skipped := answer.Run{Scenario: "x9-mptcp", Title: "Another.", Kernel: "5.10", Skipped: "it requires has_mptcp, which is false here. What asks for such a socket gets an error."}
	var out bytes.Buffer
	Runs(text.Screen{Out: &out, Width: 60}, []answer.Run{skipped})
	fmt.Fprintln(&out)
	Summary(text.Screen{Out: &out, Width: 100}, []answer.Run{skipped, passed})
	golden(t, "run-skipped.txt", out.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
