// Package memory holds fuzz targets to a limit of memory.
package memory

import (
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

// Limit is the most that a target may need beyond what its process needs to run
// at all, in bytes.
const Limit = 64 << 20

// Hold returns what a target calls before each input, and after it what that returned:
//
//	defer held(t)()
//
// The target fails if its inputs have made the process grow by more than Limit in all.
// The collector works as hard as is needed to stay within half of it, so that garbage
// does not count, nor does what the fuzzer needs of its own: 100 MB to mutate in.
func Hold(f testing.TB) (held func(testing.TB) func()) {
	unlimited := debug.SetMemoryLimit(-1)
	f.Cleanup(func() { debug.SetMemoryLimit(unlimited) })
	var grown, limit uint64
	return func(t testing.TB) func() {
		before := mapped()
		if l := before - grown + Limit/2; l != limit {
			limit = l
			debug.SetMemoryLimit(int64(limit))
		}
		return func() {
			t.Helper()
			if grown += mapped() - before; grown > Limit {
				t.Fatalf("the process has grown by %d MiB, more than %d", grown>>20, Limit>>20)
			}
		}
	}
}

// mapped is the memory that the runtime has ever asked the system for: it does not
// shrink when some is given back, so that a peak shows after it is over.
func mapped() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
