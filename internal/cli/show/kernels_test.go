package show

import (
	"bytes"
	"testing"

	"listenq/internal/answer"
	"listenq/internal/judge"
	"listenq/internal/lab/script"
	"listenq/internal/text"
)

// matrixOf runs nothing: it is what three kernels said of scripts of two clients and a group.
func matrixOf(t *testing.T, scripts map[string][]answer.Run, order ...string) *Kernels {
	t.Helper()
	a := &Kernels{}
	for _, release := range []string{"5.10.0-46-amd64", "6.1.0-56-amd64", "7.2.13"} {
		a.Kernels = append(a.Kernels, answer.Kernel{Kernel: release})
	}
	for _, name := range order {
		s, err := script.Parse(name, []byte("server backlog 1 accept never\nconnect c d\nconnect 3 as many\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		a.Scripts = append(a.Scripts, s)
	}
	for k := range a.Kernels {
		for _, name := range order {
			run := scripts[name][k]
			run.Scenario = name
			a.Runs = append(a.Runs, run)
		}
	}
	return a
}

func client(name string, outcome judge.Outcome, cause judge.Cause) answer.RunConnection {
	return answer.RunConnection{Name: name, Outcome: outcome, Cause: cause, Confidence: judge.Certain}
}

func ran(all ...answer.RunConnection) answer.Run {
	return answer.Run{Pass: true, Connections: all, Recording: "/tmp/rec/1-kernel/run", Verdict: "Counts are of no matter."}
}

func TestMatrix(t *testing.T) {
	full := judge.AcceptQueueFull
	accepted, queued := client("c", judge.Accepted, judge.NoCause), client("c", judge.Queued, judge.ByServer)
	late := client("d", judge.Accepted, full)
	later := late
	late.Delay, later.Delay = new(answer.Milliseconds(1000)), new(answer.Milliseconds(1040))
	later.SynRetransmits = 1

	dropped := ran(accepted, client("d", judge.Unanswered, full))
	dropped.Connections[1].Struck = judge.StruckSYN
	dropped.Facts = map[string]any{"accept_full_drops_syn": true}
	dropped.Expectations = []answer.Expectation{{Line: 5, Text: "expect dropped", Pass: true}, {Line: 6, Text: "expect answered", NotTaken: "no", FromSource: true}}
	answered := ran(accepted, client("d", judge.HalfOpen, full))
	answered.Connections[1].Struck = judge.StruckACK
	answered.Facts = map[string]any{"accept_full_drops_syn": false}
	answered.Expectations = []answer.Expectation{{Line: 5, Text: "expect dropped", NotTaken: "no"}, {Line: 6, Text: "expect answered", Pass: true, FromSource: true}}
	untaken := ran(accepted)
	untaken.Expectations = []answer.Expectation{{Line: 9, Text: "expect old", NotTaken: "no", FromSource: true}}
	lacks := answer.Run{Skipped: "it requires has_mptcp, which is false here. There are no such sockets", Facts: map[string]any{"has_mptcp": false}}
	has := ran(accepted)
	has.Facts = map[string]any{"has_mptcp": true}
	failed := ran(queued)
	failed.Pass, failed.Expectations = false, []answer.Expectation{{Line: 4, Text: "expect c.outcome == \"accepted\"", Got: "c.outcome is queued"}}

	a := matrixOf(t, map[string][]answer.Run{
		// Times, counts, members of a group and the connections of commands differ by chance.
		"chance": {
			ran(accepted, late, client("many1", judge.Accepted, judge.NoCause), client("many2", judge.Accepted, full)),
			ran(accepted, later, client("many1", judge.Unanswered, full), client("many2", judge.Queued, judge.NoCause), client("#1", judge.GaveUp, full)),
			ran(accepted, later, client("many1", judge.Unanswered, full), client("many2", judge.Phantom, full), client("many3", judge.Queued, judge.NoCause)),
		},
		"fact":     {answered, dropped, dropped},
		"source":   {untaken, untaken, untaken},
		"lacks":    {lacks, has, has},
		"nowhere":  {lacks, lacks, lacks},
		"fails":    {ran(accepted), failed, answer.Run{Error: "fails.lab:3: no such command"}},
		"surprise": {ran(accepted), ran(accepted), ran(queued, client("many1", judge.Reset, judge.ByServer))},
	}, "chance", "fact", "source", "lacks", "nowhere", "fails", "surprise")
	for _, tt := range []struct {
		name  string
		width int
	}{{"80", 80}, {"pipe", 0}} {
		var out bytes.Buffer
		Matrix(text.Screen{Out: &out, Width: tt.width}, a)
		golden(t, "matrix-"+tt.name+".txt", out.String())
	}
}
