package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// guests measures experiments on the kernels that test/kernels has fetched.
func guests(out string) {
	kernels := fetched()
	if len(kernels) == 0 {
		log.Print("no figures of other kernels: make kernels")
		return
	}
	text, err := exec.Command("go", "test", "-run", "^$", "-bench", "FirstStep", "-benchtime", "5x", "./internal/lab/guest").CombinedOutput()
	m := regexp.MustCompile(`([0-9.]+) first-step-s`).FindSubmatch(text)
	if err != nil || m == nil {
		failf("BenchmarkFirstStep: %v\n%s", err, text)
	}
	row("start of QEMU to the first step of an experiment, 6.1", "4 s", fmt.Sprintf("%s s", m[1]))
	args := []string{"lab", "run", "--json", "--out", filepath.Join(out, "guests")}
	for _, k := range kernels {
		args = append(args, "--kernel", k)
	}
	began := time.Now()
	answer, err := exec.Command("./listenq", args...).Output()
	took := time.Since(began)
	var r result
	if json.Unmarshal(answer, &r) != nil || len(r.Runs) == 0 {
		failf("listenq %v: %v", args, err)
	}
	passed := 0
	for _, run := range r.Runs {
		if run.Pass {
			passed++
		}
	}
	row(fmt.Sprintf("all quick experiments on %d kernels, of 256 MiB each", len(kernels)), "90 s",
		fmt.Sprintf("%.0f s (%d of %d pass)", took.Seconds(), passed, len(r.Runs)))
}

// fetched are the folders of the kernels.
func fetched() []string {
	cache := os.Getenv("LISTENQ_KERNELS")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil
		}
		cache = filepath.Join(dir, "listenq", "kernels")
	}
	var folders []string
	for _, suite := range []string{"bullseye", "bookworm", "trixie", "sid"} {
		if _, err := os.Stat(filepath.Join(cache, suite)); err == nil {
			folders = append(folders, filepath.Join(cache, suite))
		}
	}
	return folders
}
