package lab_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/lab/scenarios"
	"listenq/internal/record"
)

// seen is what is counted of an experiment without losses.
type seen struct{ Frames, Resets, SynAgain, SynAckAgain, DataAgain int }

// TestTsharkCountsTheSame compares what tshark counts in a recording, at either
// end of the wire, with what the run says.
func TestTsharkCountsTheSame(t *testing.T) {
	tests := []struct {
		scenario string
		least    seen // so that there is something to count
	}{
		{"a4-abort-off", seen{Frames: 15, SynAgain: 1, SynAckAgain: 1}},
		{"a4-abort-on", seen{Frames: 10, Resets: 1}},
		{"e1-counters-per-packet", seen{Frames: 15, Resets: 1, DataAgain: 2}},
		{"x1-phantom-reset", seen{Frames: 12, Resets: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.scenario, func(t *testing.T) {
			t.Parallel()
			r := run(t, parse(t, tt.scenario, string(scenarios.Text(tt.scenario))))
			ours := countedByUs(r)
			if l := tt.least; ours.Frames < l.Frames || ours.Resets < l.Resets || ours.SynAgain < l.SynAgain || ours.SynAckAgain < l.SynAckAgain || ours.DataAgain < l.DataAgain {
				t.Errorf("the run has %+v, want at least %+v", ours, l)
			}
			for _, end := range []string{"client", "server"} {
				if diff := cmp.Diff(ours, countedByTshark(t, r.Recording, end)); diff != "" {
					t.Errorf("at the %s (-ours +tshark):\n%s", end, diff)
				}
			}
		})
	}
}

// countedByUs takes frames and resets from the kernel's counters, the rest from
// the stories.
func countedByUs(r answer.Run) seen {
	both := func(name string) (n int) {
		for _, m := range []map[string]answer.Movement{r.Counters.Server, r.Counters.Client} {
			n += int(m[name].After - m[name].Before)
		}
		return n
	}
	s := seen{Frames: both("TcpInSegs"), Resets: both("TcpOutRsts")}
	for _, c := range r.Connections {
		s.SynAgain += c.SynRetransmits
		s.SynAckAgain += c.SynAckRetransmits
		s.DataAgain += c.DataRetransmits
	}
	return s
}

// countedByTshark looks at the frames of one end alone: a recording has each
// frame twice, and tshark takes the second for a retransmission.
func countedByTshark(t *testing.T, recording, end string) seen {
	t.Helper()
	half := filepath.Join(t.TempDir(), "half.pcapng")
	tshark(t, "-r", filepath.Join(recording, record.PacketsFile), "-Y", `tcp && frame.interface_name == "`+end+`"`, "-w", half)
	fields := tshark(t, "-r", half, "-T", "fields", "-e", "tcp.flags.syn", "-e", "tcp.flags.ack", "-e", "tcp.flags.reset", "-e", "tcp.analysis.retransmission")
	var s seen
	for line := range strings.Lines(fields) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		syn, ack, reset, again := f[0] == "1", f[1] == "1", f[2] == "1", f[3] != ""
		s.Frames++
		switch {
		case reset:
			s.Resets++
		case again && syn && ack:
			s.SynAckAgain++
		case again && syn:
			s.SynAgain++
		case again:
			s.DataAgain++
		}
	}
	return s
}
