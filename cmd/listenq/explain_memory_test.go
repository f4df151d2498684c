package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// TestExplainMemoryIsFlat: five times the attempts take no more memory, whether they are
// connections or a flood of spoofed SYNs. `make bench` has the figures of large captures.
func TestExplainMemoryIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("explains 1.2 million attempts")
	}
	generator := filepath.Join(t.TempDir(), "gencapture")
	if out, err := exec.Command("go", "build", "-o", generator, "listenq/test/gencapture").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for name, flags := range map[string][]string{
		"connections, some to a full queue": {"-response", "0", "-every", "5ms"},
		"spoofed SYNs, answered":            {"-web", "0", "-overflow", "0", "-every", "20us"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const some = 100_000 // more than is kept while it goes on, or told one by one
			few := explainPeak(t, generator, some, flags...)
			many := explainPeak(t, generator, 5*some, flags...)
			if many > few+few/3 {
				t.Errorf("%d attempts take %d MiB, %d take %d MiB", some, few, 5*some, many)
			}
		})
	}
}

// explainPeak is the most memory that explaining so many attempts takes, in MiB. The
// collector runs often, so that it is what is needed and little more.
func explainPeak(t *testing.T, generator string, attempts int, flags ...string) int64 {
	t.Helper()
	made := exec.Command(generator, append(flags, "-bytes", "0", "-attempts", strconv.Itoa(attempts), "-")...)
	made.Stderr = os.Stderr
	explains := exec.Command(os.Args[0], "explain", "--json", "-")
	explains.Env = append(os.Environ(), asProgram+"=1", "GOGC=25")
	explains.Stderr = os.Stderr
	var err error
	if explains.Stdin, err = made.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := made.Start(); err != nil {
		t.Fatal(err)
	}
	if err := explains.Run(); err != nil && explains.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v: %v", explains, err)
	}
	if err := made.Wait(); err != nil {
		t.Fatalf("%v: %v", made, err)
	}
	peak := explains.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
	t.Logf("%d attempts: %d MiB", attempts, peak)
	return peak
}
