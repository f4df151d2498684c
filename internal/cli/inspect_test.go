package cli

import (
	"os"
	"testing"

	"listenq/internal/queue"
)

// TestInspect: what is found out about processes is not written into those that samples share,
// and there is a limit.
func TestInspect(t *testing.T) {
	shared := []queue.Process{{PID: os.Getpid()}}
	history := queue.NewHistory(always)
	history.Take(&queue.Sample{Listeners: []queue.Listener{{Inode: 1, Processes: shared}, {Inode: 2, Processes: shared}, {Inode: 3}}})
	inspect(history.Worst(), 1)
	if shared[0].State != "" {
		t.Errorf("the process that samples share is in state %q", shared[0].State)
	}
	looked := 0
	for _, l := range history.Last().Listeners {
		for _, p := range l.Processes {
			if p.State != "" {
				looked++
			}
		}
	}
	if looked != 1 {
		t.Errorf("%d processes were looked at, want 1", looked)
	}
	if got := history.Last().Listeners[2].Processes; got != nil {
		t.Errorf("processes that are not known have become %v", got)
	}
}
