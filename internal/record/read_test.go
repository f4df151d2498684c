package record_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"listenq/internal/record"
)

// write makes a recording of that result.
func write(t *testing.T, result string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, record.ResultFile), []byte(result), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestReadRun takes what a terminal may obey out of texts that anybody may have written.
func TestReadRun(t *testing.T) {
	tests := []struct{ name, json, want string }{
		{"plain", `"a é 世"`, "a é 世"},
		{"escape", `"\u001b[2J"`, "·[2J"},
		{"escaped backslash", `"\\u001b"`, `\u001b`},
		{"line feed", `"a\nb\tc"`, "a\nb\tc"},
		{"carriage return", `"a\rb\bc"`, "a·b·c"},
		{"C1", `"\u009b2J"`, "·2J"},
		{"C1 written out", "\"\u009b2J\"", "·2J"},
		{"right to left", "\"\u202ex \\u202e\"", "·x ·"},
		{"quote", `"\""`, `"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run, err := record.ReadRun(write(t, `{"title":`+tt.json+`}`))
			if err != nil || run.Title != tt.want {
				t.Errorf("%q, %v; want %q", run.Title, err, tt.want)
			}
		})
	}
}

func TestReadRunErrors(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"title":"\u00`, `{"title":"\`, `{"title":1}`} {
		if _, err := record.ReadRun(write(t, text)); err == nil || !strings.Contains(err.Error(), record.ResultFile) {
			t.Errorf("%q: error %v", text, err)
		}
	}
	if _, err := record.ReadRun(t.TempDir()); err == nil {
		t.Error("a folder without a result is read")
	}
}

// FuzzReadRun looks for a result of which a control character is left.
func FuzzReadRun(f *testing.F) {
	f.Add(`"a\u001b\\\n"`)
	f.Fuzz(func(t *testing.T, text string) {
		run, err := record.ReadRun(write(t, `{"title":`+text+`}`))
		if err != nil {
			return
		}
		for _, r := range run.Title {
			if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Errorf("%q is left of %q", r, text)
			}
		}
		if _, err := json.Marshal(run); err != nil {
			t.Error(err)
		}
	})
}
