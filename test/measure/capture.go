package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// captures compares explain with tshark and capinfos over one large file, in turns, and
// looks at the memory that many attempts take.
func captures(out string) {
	file := filepath.Join(out, "large.pcapng")
	generate(file, "-bytes", "2000000000")
	defer os.Remove(file)
	var ours, tshark, capinfos []float64
	for range 3 {
		ours = append(ours, seconds("./listenq", "explain", file))
		tshark = append(tshark, seconds("tshark", "-q", "-z", "conv,tcp", "-r", file))
		capinfos = append(capinfos, seconds("capinfos", "-c", file))
	}
	for _, all := range [][]float64{ours, tshark, capinfos} {
		slices.Sort(all)
	}
	row("tshark -q -z conv,tcp / explain, 2 GB", "30", fmt.Sprintf("%.1f (%.1f/%.2f s)", tshark[1]/ours[1], tshark[1], ours[1]))
	row("explain / capinfos -c, 2 GB", "2.0", fmt.Sprintf("%.2f (%.2f/%.2f s)", ours[1]/capinfos[1], ours[1], capinfos[1]))
	generate(file, "-bytes", "0", "-attempts", "1000000", "-web", "95", "-overflow", "4", "-flood", "1", "-response", "0")
	peaks("1,000,000 attempts, 1.3 GB", file)
	generate(file, "-bytes", "0", "-attempts", "10000000", "-web", "0", "-overflow", "0", "-every", "20us")
	peaks("10,000,000 spoofed SYNs, answered", file)
	generate(file, "-bytes", "0", "-attempts", "10000000", "-web", "0", "-overflow", "0", "-every", "20us", "-unanswered")
	peaks("10,000,000 spoofed SYNs, dropped", file)
}

// generate writes a capture.
func generate(file string, flags ...string) {
	argv := append([]string{"run", "./test/gencapture"}, append(flags, file)...)
	if text, err := exec.Command("go", argv...).CombinedOutput(); err != nil {
		failf("gencapture: %v\n%s", err, text)
	}
}

// peaks are the most memory that explaining a file takes, as text and with all its details.
func peaks(what, file string) {
	row("memory of explain, "+what, "512 MiB", fmt.Sprintf("%d MiB", peak("./listenq", "explain", file)))
	row("memory of explain --all --json, the same", "512 MiB", fmt.Sprintf("%d MiB", peak("./listenq", "explain", "--all", "--json", file)))
}

// peak is the most memory that a command has in use, in MiB. An exit code of 1 is an
// answer, too.
func peak(argv ...string) int64 {
	cmd := exec.Command(argv[0], argv[1:]...)
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 1 {
		failf("%v: %v", argv, err)
	}
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
}

// seconds is how long a command takes. An exit code of 1 is an answer, too.
func seconds(argv ...string) float64 {
	cmd := exec.Command(argv[0], argv[1:]...)
	began := time.Now()
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 1 {
		failf("%v: %v", argv, err)
	}
	return time.Since(began).Seconds()
}
