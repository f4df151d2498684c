package show

import (
	"bytes"
	"strings"
	"testing"

	"listenq/internal/answer"
	"listenq/internal/diagnose"
	"listenq/internal/queue"
	"listenq/internal/text"
)

// ill is a diagnosis with everything in it that the text shows.
func ill(t *testing.T) answer.Diagnosis {
	t.Helper()
	h := busyHost()
	f, err := queue.ParseFilter([]string{"!pid:1"})
	if err != nil {
		t.Fatal(err)
	}
	d := diagnosis(h, f)
	trends := h.Trends()
	found := func(code string, severity diagnose.Severity, l *queue.Trend, title string) answer.Finding {
		return answer.NewFinding(h.Last().Namespace(4026531840), &diagnose.Finding{
			Code: code, Severity: severity, Listener: l, Netns: 4026531840, Title: title,
			Evidence: []string{"accept queue: 12 of limit 128, 129 at most", "process: \"\x1b[2J\" \u202ex\nexit code 0"},
			Effect:   "clients hang in connect() for 1, 3, 7 … s, then it fails with ETIMEDOUT after 127 s, which is longer than most people wait",
			Fix:      []string{"accept faster: a thread that does nothing but accept(), more workers, no slow work between two accepts", "then look again"},
			Check:    []string{`nsenter -t 4121 -n ss -ltnmp 'sport = :8080'   # Recv-Q > Send-Q: full; this line is not cut`},
		})
	}
	d.Findings = []answer.Finding{found("LQ003", diagnose.Critical, &trends[0], "clients come faster than they are accepted")}
	for range 8 {
		d.Findings = append(d.Findings, found("LQ005", diagnose.Warning, &trends[2], "the limit is small"))
	}
	d.Findings = append(d.Findings, found("LQ010", diagnose.Notice, nil, "SYN cookies are off"))
	d.Missing = []answer.Missing{{What: "2 other network namespaces", Why: "operation not permitted", Hint: "run as root (CAP_SYS_ADMIN)"}}
	return d
}

func TestGoldenDiagnosis(t *testing.T) {
	tests := []struct {
		name   string
		screen text.Screen
	}{
		{"40", text.Screen{Width: 40}},
		{"80", text.Screen{Width: 80}},
		{"120", text.Screen{Width: 120}},
		{"200", text.Screen{Width: 200}},
		{"pipe", text.Screen{}},
		{"colour", text.Screen{Width: 80, Colour: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.screen.Out = &out
			Diagnosis(tt.screen, ill(t))
			golden(t, "doctor-"+tt.name+".txt", out.String())
			var wrapped []string // all but the commands, which are whole to be copied
			for line := range strings.Lines(out.String()) {
				if !strings.HasPrefix(line, "    $ ") {
					wrapped = append(wrapped, line)
				}
			}
			narrow(t, strings.Join(wrapped, ""), tt.screen)
		})
	}
}

func TestGoldenDiagnosisJSON(t *testing.T) {
	d := ill(t)
	d.Findings = append(d.Findings[:1], d.Findings[len(d.Findings)-1])
	var out bytes.Buffer
	if err := JSON(&out, d); err != nil {
		t.Fatal(err)
	}
	golden(t, "doctor.json", out.String())
}

// The last line tells what was found, and does not say that all is well where
// something could not be seen.
func TestOutlook(t *testing.T) {
	all := answer.Seen{Limits: 2, Drops: 2, Requests: 2, Owners: 2}
	tests := []struct {
		name string
		d    answer.Diagnosis
		want string
		bad  bool
	}{
		{"well", answer.Diagnosis{Listeners: 2, Seen: all}, "Nothing wrong. Exit code 0.", false},
		{"unseen", answer.Diagnosis{Listeners: 2, Seen: answer.Seen{Limits: 2, Drops: 2, Requests: 2, Owners: 1}}, "Nothing wrong in what was seen. Exit code 0.", false},
		{"missing", answer.Diagnosis{Listeners: 2, Seen: all, Missing: []answer.Missing{{What: "x"}}}, "Nothing wrong in what was seen. Exit code 0.", false},
		{"nobody", answer.Diagnosis{}, "No TCP socket listens here. Exit code 0.", false},
		{"no match", answer.Diagnosis{Filter: ":80"}, "No listener matches :80. Exit code 0.", false},
		{"notice", answer.Diagnosis{Listeners: 2, Findings: []answer.Finding{{Severity: diagnose.Notice}}}, "1 notice, and nothing worse. Exit code 0.", false},
		{"warning", answer.Diagnosis{Findings: []answer.Finding{{Severity: diagnose.Warning}, {Severity: diagnose.Notice}}}, "0 critical, 1 warning, 1 notice. Exit code 1: something critical or a warning.", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := outlook(tt.d); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if bad := tt.d.Bad(); bad != tt.bad {
				t.Errorf("bad: %t, want %t", bad, tt.bad)
			}
		})
	}
}

// A filter leaves out findings about others.
func TestFilteredDiagnosis(t *testing.T) {
	h := busyHost()
	for _, tt := range []struct {
		word string
		want int
	}{{":8080", 1}, {":9090", 0}} {
		f, err := queue.ParseFilter([]string{tt.word})
		if err != nil {
			t.Fatal(err)
		}
		d := diagnosis(h, f)
		n := 0
		for _, found := range d.Findings {
			if found.Listener == nil {
				continue
			}
			n++
			if found.Listener.Address != "0.0.0.0:8080" {
				t.Errorf("%s: finding about %s", tt.word, found.Listener.Address)
			}
		}
		if d.Listeners != 1 || min(n, 1) != tt.want {
			t.Errorf("%s: %d listeners, %d findings about one", tt.word, d.Listeners, n)
		}
	}
}

// diagnosis is what doctor says of a history.
func diagnosis(h *queue.History, f queue.Filter) answer.Diagnosis {
	v := h.View(0)
	return answer.NewDiagnosis(v, diagnose.Diagnose(v), f)
}
