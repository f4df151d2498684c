package guest_test

import (
	"os"
	"testing"

	"listenq/internal/lab/parts"
)

// TestMain makes the test binary serve as the lab's own processes.
func TestMain(m *testing.M) {
	if code, ok := parts.Reexec(os.Args[1:]); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}
