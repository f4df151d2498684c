package cli

import (
	"os"
	"testing"
	"time"

	"listenq/internal/queue"
)

// Who makes connections wait is looked at closely, and what the source keeps of it
// stays as it is.
func TestInspecting(t *testing.T) {
	kept := []queue.Process{{PID: os.Getpid()}}
	waits := func(d time.Duration) queue.Listener {
		return queue.Listener{Waiting: &queue.Waiting{Len: 1, Waits: []time.Duration{d}}, Processes: kept}
	}
	var s queue.Sample
	err := inspecting(func(s *queue.Sample) error {
		s.Listeners = []queue.Listener{waits(2 * queue.Patience), waits(queue.Patience / 2), {Processes: kept}}
		return nil
	})(&s)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, false} {
		if got := s.Listeners[i].Processes[0].State != ""; got != want {
			t.Errorf("listener %d: inspected: %v, want %v", i, got, want)
		}
	}
	if kept[0].State != "" {
		t.Error("the source's own list was changed")
	}
}
