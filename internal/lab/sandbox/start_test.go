package sandbox

import (
	"os"
	"testing"
)

// BenchmarkStart is from the call of Start to its return, when the sandbox has
// been entered, and the way down.
func BenchmarkStart(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	check(b, err)
	defer null.Close()
	for b.Loop() {
		box, err := Start(Spec{Args: []string{roleArg, "inside", "shared"}, Files: []*os.File{null}})
		check(b, err)
		b.StopTimer()
		box.Kill()
		_ = box.Wait()
		b.StartTimer()
	}
}

// TestManyDescriptors starts sandboxes with files of many numbers: none is in the way of
// the program that is executed by the number of its own. Root would go on without a user
// namespace.
func TestManyDescriptors(t *testing.T) {
	needRoot(t)
	if _, err := (user{uid: ordinaryUID}).run("crowded"); err != nil {
		t.Error(err)
	}
}
