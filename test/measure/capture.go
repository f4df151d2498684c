package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// captures compares explain with tshark and capinfos over one large file, in turns.
func captures(out string) {
	file := filepath.Join(out, "large.pcapng")
	if text, err := exec.Command("go", "run", "./test/gencapture", "-bytes", "2000000000", file).CombinedOutput(); err != nil {
		log.Fatalf("gencapture: %v\n%s", err, text)
	}
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
}

// seconds is how long a command takes. An exit code of 1 is an answer, too.
func seconds(argv ...string) float64 {
	cmd := exec.Command(argv[0], argv[1:]...)
	began := time.Now()
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 1 {
		log.Fatalf("%v: %v", argv, err)
	}
	return time.Since(began).Seconds()
}
