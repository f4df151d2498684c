package lab

import (
	"strings"
	"testing"

	"listenq/internal/lab/facts"
	"listenq/internal/lab/script"
)

// TestSettingsAreKnown: a setting that is misspelt ends the experiment before its first step.
func TestSettingsAreKnown(t *testing.T) {
	const text = "# A.\nserver backlog 1 accept never\nconnect a\nsysctl may fail net.ipv4.no_such 1\nsysctl net.ipv4.tcp_syncookie 0\n"
	s, err := script.Parse("a", []byte(text), facts.All())
	if err != nil {
		t.Fatal(err)
	}
	run, err := Run(t.Context(), s, Options{Out: t.TempDir()})
	if err == nil || !strings.Contains(run.Error, "a.lab:5: sysctl net.ipv4.tcp_syncookie 0") || len(run.Connections) > 0 {
		t.Errorf("error %v, %q after %d connections; want one of line 5 before any", err, run.Error, len(run.Connections))
	}
	if want := "did you mean net.ipv4.tcp_syncookies?"; run.Hint != want {
		t.Errorf("hint %q, want %q", run.Hint, want)
	}
}
