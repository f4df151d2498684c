// Command measure prints the figures of whole runs of ./listenq: how long an
// experiment takes, what it needs of memory and CPU, how several run side by
// side. `make bench` calls it; nothing in it passes or fails.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

type result struct{ Runs []experiment }

type experiment struct {
	Scenario     string
	Pass         bool
	DurationMS   float64 `json:"duration_ms"`
	SetupMS      float64 `json:"setup_ms"`
	PrescribedMS float64 `json:"prescribed_ms"`
	Connections  []struct{ Name, Outcome, Cause string }
	Counters     struct {
		Server map[string]struct{ Before, After float64 }
	}
}

// holds is the argument of the process that holdSockets is.
const holds = "-hold-sockets"

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == holds {
		holdSockets()
		return
	}
	os.Setenv("CGO_ENABLED", "0") // of what it builds
	out, err := os.MkdirTemp("", "listenq-measure-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(out)
	fmt.Printf("%-58s %12s %12s\n", "figure (median of 15 runs where it is a time)", "target", "measured")
	failed := 0
	for _, f := range []func(){
		listeners,
		func() { captures(out) },
		kernel,
		func() { guests(out) },
		func() { times(out) },
		func() { parallel(out) },
		func() { everything(out) },
		func() { flood(out) },
		func() { memory(out) },
		func() { sampler(out) },
		func() { killed(out) },
	} {
		if !measured(f) {
			failed++
		}
	}
	if failed > 0 {
		os.RemoveAll(out)
		log.Fatalf("%d of the measurements failed", failed)
	}
}

// failure is what a measurement ends with that cannot go on.
type failure string

func failf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

// measured takes a measurement, and reports whether it came to its end; the others go on.
func measured(f func()) (ok bool) {
	defer func() {
		switch why := recover().(type) {
		case nil:
		case failure:
			log.Printf("failed: %s", why)
			ok = false
		default:
			panic(why)
		}
	}()
	f()
	return true
}

func row(what, target, measured string) { fmt.Printf("%-58s %12s %12s\n", what, target, measured) }

func run(out string, args ...string) (result, time.Duration) {
	cmd := exec.Command("./listenq", append([]string{"lab", "run", "--json", "--out", out}, args...)...)
	began := time.Now()
	text, err := cmd.Output()
	took := time.Since(began)
	if err != nil {
		failf("listenq lab run %v: %v\n%s", args, err, text)
	}
	var r result
	if err := json.Unmarshal(text, &r); err != nil {
		failf("%v", err)
	}
	return r, took
}

// times measures whole processes, from start to printed story.
func times(out string) {
	for _, name := range []string{"b2", "b4"} {
		var total, own, setup []float64
		for range 15 {
			r, took := run(out, name)
			ms := took.Seconds() * 1000
			total = append(total, ms)
			own = append(own, ms-r.Runs[0].PrescribedMS)
			setup = append(setup, r.Runs[0].SetupMS+ms-r.Runs[0].DurationMS)
		}
		row(name+": start to printed story", "600 ms", ms(total))
		row(name+": the same, minus what script and kernel prescribe", "250 ms", ms(own))
		row(name+": of it set-up and tear-down (with probes of facts)", "150 ms", ms(setup))
	}
}

func ms(all []float64) string {
	slices.Sort(all)
	return fmt.Sprintf("%.0f ms", all[len(all)/2])
}

// longest is the run that took longest.
func (r result) longest() experiment {
	return slices.MaxFunc(r.Runs, func(a, b experiment) int { return cmp.Compare(a.DurationMS, b.DurationMS) })
}

// parallel compares all quick experiments at once with the longest of them alone:
// which that is shows only alone, as those that compute take longer beside others.
func parallel(out string) {
	var ratios []float64
	for range 5 {
		together, all := run(out)
		slices.SortFunc(together.Runs, func(a, b experiment) int { return cmp.Compare(b.DurationMS, a.DurationMS) })
		var longest time.Duration
		for _, x := range together.Runs[:min(8, len(together.Runs))] {
			_, alone := run(out, x.Scenario)
			longest = max(longest, alone)
		}
		ratios = append(ratios, all.Seconds()/longest.Seconds())
	}
	slices.Sort(ratios)
	row("all quick experiments at once / the longest alone", "1.10", fmt.Sprintf("%.2f", ratios[2]))
}

const idle = `# Sockets that are looked at.
server backlog 200 accept all
connect 100 as c
wait 4s
`

// during runs a script and calls look with the processes of the run when it waits.
func during(out, text string, look func(pids []int)) {
	path := filepath.Join(out, "idle.lab")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		failf("%v", err)
	}
	cmd := exec.Command("./listenq", "lab", "run", "--out", filepath.Join(out, "idle"), path)
	if err := cmd.Start(); err != nil {
		failf("%v", err)
	}
	time.Sleep(time.Second)
	look(append(children(cmd.Process.Pid), cmd.Process.Pid))
	if err := cmd.Wait(); err != nil {
		failf("%v", err)
	}
}

// children are all processes below one.
func children(pid int) []int {
	var all []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range tasks {
		text, _ := os.ReadFile(path)
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(append(all, child), children(child)...)
			}
		}
	}
	return all
}

func memory(out string) {
	during(out, idle, func(pids []int) {
		total := 0
		for _, pid := range pids {
			total += pss(pid)
		}
		row(fmt.Sprintf("memory of a run with 100 clients (PSS of %d processes)", len(pids)), "96 MiB", fmt.Sprintf("%.1f MiB", float64(total)/1024))
	})
}

// pss is a process's share of memory in KiB, its rings and the binary included.
func pss(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		failf("%v", err)
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("Pss:")); ok {
			kib, _ := strconv.Atoi(string(bytes.Fields(rest)[0]))
			return kib
		}
	}
	return 0
}

// sampler measures the CPU time of a run that does nothing but sample 200 sockets.
func sampler(out string) {
	during(out, idle, func(pids []int) {
		before := cpu(pids)
		time.Sleep(2 * time.Second)
		used := cpu(pids) - before
		row("CPU of sampling 200 sockets every 10 ms", "5 %", fmt.Sprintf("%.1f %%", used.Seconds()/2*100))
	})
}

// cpu is the time that processes have used, by the scheduler's clock.
func cpu(pids []int) (used time.Duration) {
	for _, pid := range pids {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, path := range tasks {
			text, _ := os.ReadFile(path)
			if fields := strings.Fields(string(text)); len(fields) > 0 {
				ns, _ := strconv.ParseInt(fields[0], 10, 64)
				used += time.Duration(ns)
			}
		}
	}
	return used
}
