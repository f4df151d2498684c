package inside

import (
	"testing"

	"listenq/internal/answer"
	"listenq/internal/lab/script"
)

// A program that could not be run is told of, and no expectation on what was
// observed passes, nor does its opposite.
func TestProgramMissing(t *testing.T) {
	all := []answer.Observation{
		{Program: "ss", Side: "server", Sockets: 2, Fields: 20},
		{Program: "netstat", Side: "server", Missing: "command netstat not found in /usr/bin"},
	}
	s, err := script.Parse("missing", []byte("observe ss netstat\nexpect observed.differences == 0\nexpect observed.differences != 0\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range s.Steps[1:] {
		if r, err := step.Do.(script.Expect).That.Eval(script.Env{Observed: observedEnv(all)}); err != nil || r.Pass || !r.Unknown {
			t.Errorf("%s: pass %t, unknown %t, %v", step.Text, r.Pass, r.Unknown, err)
		}
		if r, err := step.Do.(script.Expect).That.Eval(script.Env{Observed: observedEnv(all[:1])}); err != nil || r.Unknown {
			t.Errorf("%s without the missing one: unknown %t, %v", step.Text, r.Unknown, err)
		}
	}
	if m := missingPeers(all); len(m) != 1 || m[0].Why != all[1].Missing {
		t.Errorf("missing %v, want netstat", m)
	}
}
