// Package failing has tests for test/guests to see fail.
package failing

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestPasses(t *testing.T) {}

func TestFails(t *testing.T) { t.Error("as it should") }

// TestPanics makes the kernel panic (Documentation/admin-guide/sysrq.rst).
func TestPanics(t *testing.T) {
	time.Sleep(time.Second) // passes when all is idle: what was printed has left the guest then
	if err := os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0); err != nil {
		t.Fatal(err)
	}
}

func TestHangs(t *testing.T) {
	fmt.Println("hangs now")
	for {
	}
}
