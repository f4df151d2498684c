package memory

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// failure keeps what a test would fail with.
type failure struct {
	testing.TB
	failed bool
}

func (f *failure) Helper()               {}
func (f *failure) Fatalf(string, ...any) { f.failed = true }

// TestHold uses memory in a process of its own, since a peak stays for its lifetime.
func TestHold(t *testing.T) {
	const child = "LISTENQ_TEST_HOLD"
	if os.Getenv(child) == "" {
		again := exec.Command(os.Args[0], "-test.run=^TestHold$")
		again.Env = append(os.Environ(), child+"=1")
		if out, err := again.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	held := Hold(t)
	for _, c := range []struct {
		name string
		use  func()
		want bool
	}{
		{"garbage, many times the limit", func() { use(1<<20, 500) }, false},
		{"more than the limit at once", func() { use(Limit+8<<20, 1) }, true},
		{"and nothing after it", func() {}, true},
	} {
		var got failure
		after := held(&got)
		c.use()
		runtime.GC()
		if after(); got.failed != c.want {
			t.Errorf("%s: fails %v, want %v", c.name, got.failed, c.want)
		}
	}
}

var kept []byte

func use(size, times int) {
	for range times {
		kept = make([]byte, size)
	}
	kept = nil
}
