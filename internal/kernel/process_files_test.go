package kernel

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"listenq/internal/queue"
)

func TestParseFileLimit(t *testing.T) {
	const head = "Limit                     Soft Limit           Hard Limit           Units     \n"
	for text, want := range map[string]queue.Count{
		head + "Max open files            1024                 524288               files     \n": queue.Known(1024),
		head + "Max open files            unlimited            unlimited            files     \n": {},
		head + "Max open files            ": {},
		head + "Max processes             7                    7                    processes \n": {},
		"":                            {},
		"Max open files -1 7 files\n": {},
		"Max open files 99999999999999999999999 7 files": {},
	} {
		if got := parseFileLimit([]byte(text)); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// TestFilesUsedUp: a process that has opened all it may.
func TestFilesUsedUp(t *testing.T) {
	cmd := exec.Command("bash", "-c", "ulimit -n 20; for i in {3..19}; do eval \"exec $i</dev/null\"; done; read")
	in, err := cmd.StdinPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() { in.Close(); end(cmd) })
	p := queue.Process{PID: cmd.Process.Pid}
	for deadline := time.Now().Add(10 * time.Second); !p.FilesUsedUp(); time.Sleep(time.Millisecond) {
		check(t, Inspect(&p))
		if time.Now().After(deadline) {
			t.Fatalf("not used up: %+v of %+v", p.Files, p.MaxFiles)
		}
	}
	if p.Files != queue.Known(20) || p.MaxFiles != queue.Known(20) {
		t.Errorf("%+v of %+v, want 20 of 20", p.Files, p.MaxFiles)
	}
	own := queue.Process{PID: os.Getpid()}
	check(t, Inspect(&own))
	if !own.Files.Known || own.Files.N == 0 || own.FilesUsedUp() {
		t.Errorf("this process has %+v of %+v", own.Files, own.MaxFiles)
	}
}
