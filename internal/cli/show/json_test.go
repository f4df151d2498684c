package show

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/text"
)

// What is printed as JSON is what was meant, and steers no terminal.
func TestInertJSON(t *testing.T) {
	name := "\x1b[2J\u009b31m\u202e\u2028\U000e0001\x7f<b>\"漢"
	var out bytes.Buffer
	if err := JSON(&out, map[string]string{"name": name}); err != nil {
		t.Fatal(err)
	}
	if line := strings.ReplaceAll(out.String(), "\n", ""); text.Plain(line) != line {
		t.Errorf("not fit for a terminal: %q", line)
	}
	var read map[string]string
	if err := json.Unmarshal(out.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(name, read["name"]); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
}
