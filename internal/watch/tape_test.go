package watch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"listenq/internal/queue"
)

// TestTapeIsBounded holds that a day of watching takes no more memory than an hour.
func TestTapeIsBounded(t *testing.T) {
	tape := NewTape(time.Minute, time.Second, TapeSize{Samples: 100, Listeners: 1000})
	for n := range 110 {
		tape.Add(queue.Sample{T: time.Duration(n) * time.Second})
	}
	if n := len(tape.Samples()); n != 100 {
		t.Errorf("%d samples are kept", n)
	}
	dropped := 0
	for n := range 5 {
		dropped += tape.Add(queue.Sample{T: time.Duration(1000+n) * time.Second, Listeners: make([]queue.Listener, 500)})
	}
	if n := len(tape.Samples()); n != 2 || dropped != 103 {
		t.Errorf("%d samples are kept, %d have made room", n, dropped)
	}
}

// beforehand is what a History that began earlier has in addition: how many samples it took,
// and what the first point of the window differs in from the one before it.
var beforehand = cmp.Options{cmpopts.IgnoreFields(queue.View{}, "Samples"), cmpopts.IgnoreFields(queue.Point{}, "Dropped", "Arrived", "Accepted")}

// TestTapeAt holds that a Snapshot does not depend on the way that led to it.
func TestTapeAt(t *testing.T) {
	var all []queue.Sample
	for n := range 100 {
		all = append(all, second(n))
	}
	forward := Recorded(all, 20*time.Second, 5*time.Second)
	for n := range all {
		there := forward.At(n)
		jumped := Recorded(all, 20*time.Second, 5*time.Second).At(n)
		if diff := cmp.Diff(there, jumped, compare, beforehand); diff != "" {
			t.Fatalf("sample %d (-step by step +at once):\n%s", n, diff)
		}
	}
	forward.Begin(90)
	if s := forward.At(99); s.Window != 9*time.Second || s.Recent.Window != 5*time.Second {
		t.Errorf("after a new beginning the windows are %v and %v", s.Window, s.Recent.Window)
	}
}
