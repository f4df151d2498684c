package script

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse checks that a script is either read or refused with errors that lie
// within it.
func FuzzParse(f *testing.F) {
	for _, tt := range wrongScripts {
		if len(tt.text) < MaxLine {
			f.Add(tt.text)
		}
	}
	builtIn, err := filepath.Glob("../scenarios/*.lab")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range builtIn {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("fuzz.lab", []byte(text), testFacts)
		if err == nil {
			checkScript(t, s)
			return
		}
		var errs Errors
		if !errors.As(err, &errs) || len(errs) == 0 {
			t.Fatalf("got %v, want errors", err)
		}
		lines := strings.Split(text, "\n")
		for _, e := range errs {
			if e.Line < 1 || e.Line > len(lines) {
				t.Fatalf("line %d of %d: %v", e.Line, len(lines), e)
			}
			if n := utf8.RuneCountInString(lines[e.Line-1]); e.Column < 1 || e.Column > n+1 {
				t.Fatalf("column %d of %d: %v", e.Column, n, e)
			}
			checkPrintable(t, e.Error())
		}
	})
}

// checkScript checks what Parse promises of every script that it returns.
func checkScript(t *testing.T, s *Script) {
	connections := 0
	for _, step := range s.Steps {
		switch do := step.Do.(type) {
		case nil:
			t.Fatalf("line %d does nothing", step.Line)
		case Connect:
			connections += len(do.Names)
			if len(do.Names) == 0 || do.To == "" {
				t.Fatalf("line %d: %+v", step.Line, do)
			}
		case Expect:
			if do.That == nil {
				t.Fatalf("line %d: no expression", step.Line)
			}
		case Sysctl:
			if !strings.HasPrefix(do.Name, "net.") || strings.Contains(do.Name, "..") || strings.Contains(do.Name, "/") {
				t.Fatalf("line %d: sysctl %s", step.Line, do.Name)
			}
		}
	}
	if len(s.Steps) == 0 || connections > MaxConnections {
		t.Fatalf("%d steps, %d connections", len(s.Steps), connections)
	}
}

// checkPrintable checks that a message cannot change a terminal.
func checkPrintable(t *testing.T, message string) {
	for line := range strings.SplitSeq(message, "\n") {
		if text, _ := window(line, 0); !strings.HasPrefix(line, strings.TrimSuffix(text, "…")) {
			t.Fatalf("not printable: %q", line)
		}
	}
}

// FuzzEval evaluates whatever expression is accepted, with much known and with
// nothing known.
func FuzzEval(f *testing.F) {
	for _, seed := range []string{
		`c.outcome == "queued" and between(c.delay, 900ms, 1.2s)`,
		`all(a, .outcome in ["queued", "accepted"] and .delay > 1s)`,
		`max(map(filter(a, .outcome == "accepted"), .delay)) >= 3s`,
		`sum(a, .data_retransmits) * 2 - len(a) == abs(-3)`,
		`out.output matches "^[0-9]+" or out.exit not in [1, 2]`,
		`delta.ListenOverflows + client_delta.IpInReceives > 0 and facts.synack_timeout == 1s`,
		`not (listener.full or web.open != true)`,
		`count(a, .owned) == 0 || none(a, .wait > 1h && .errno == "")`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\n\r") {
			return
		}
		s, err := Parse("fuzz.lab", []byte(declared+"expect "+text), testFacts)
		if err != nil {
			return
		}
		that := s.Steps[len(s.Steps)-1].Do.(Expect).That
		if _, err := that.Eval(observed()); err != nil {
			t.Fatal(err)
		}
		if result, err := that.Eval(Env{}); err != nil || result.Pass && result.Unknown {
			t.Fatalf("with nothing known: %v, %v", result, err)
		}
	})
}
