package judge

import (
	"testing"
)

// TestNames: every hypothesis has a name of its own and something that it predicts.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for h := range hypotheses {
		if table[h].name == "" || seen[h.String()] || table[h].predicts == nil {
			t.Errorf("hypothesis %d: name %q, or it predicts nothing", h, h)
		}
		seen[h.String()] = true
	}
}
