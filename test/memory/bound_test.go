package memory

import "testing"

// failure keeps that a test would fail.
type failure struct {
	testing.TB
	failed bool
}

func (f *failure) Helper()               {}
func (f *failure) Fatalf(string, ...any) { f.failed = true }

var kept []byte

func TestBound(t *testing.T) {
	for _, c := range []struct {
		name        string
		size, times int
		want        bool
	}{
		{"nothing", 0, 0, false},
		{"less, at once", Limit - 1<<20, 1, false},
		{"more, at once", Limit + 1<<20, 1, true},
		{"more, bit by bit", 1 << 10, Limit>>10 + 1<<10, true},
	} {
		var got failure
		within := Bound(&got)
		for range c.times {
			kept = make([]byte, c.size)
		}
		if within(); got.failed != c.want {
			t.Errorf("%s: fails %v, want %v", c.name, got.failed, c.want)
		}
	}
}
