// Package memory bounds what fuzz targets allocate.
package memory

import (
	"runtime/metrics"
	"testing"
)

// Limit is the most that a target may allocate for one input, in bytes. What is in use
// at one time is less.
const Limit = 64 << 20

// Bound begins to count. What it returns fails if more than Limit was allocated since:
//
//	defer memory.Bound(t)()
//
// It counts for the whole process, so that nothing else should run in it. What the
// fuzzer needs of its own, 100 MB to mutate in, it has allocated before an input runs.
func Bound(t testing.TB) (within func()) {
	before := allocated()
	return func() {
		t.Helper()
		if n := allocated() - before; n > Limit {
			t.Fatalf("%d MiB are allocated, more than %d", n>>20, Limit>>20)
		}
	}
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
