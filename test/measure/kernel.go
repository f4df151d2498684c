package main

import (
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// kernel measures how long it takes to find out how this kernel behaves.
func kernel() {
	var all []time.Duration
	for range 15 {
		began := time.Now()
		if text, err := exec.Command("./listenq", "kernel", "--json").CombinedOutput(); err != nil {
			failf("listenq kernel: %v\n%s", err, text)
		}
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	row("listenq kernel", "3 s", fmt.Sprintf("%.2f s (slowest %.2f s)", all[len(all)/2].Seconds(), all[len(all)-1].Seconds()))
}
