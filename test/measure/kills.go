package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const kills = 200

// killed ends runs by kill -9 at random moments and counts what is left of them.
func killed(out string) {
	before := host()
	left, changed := 0, 0
	for range kills {
		cmd := exec.Command("./listenq", "lab", "run", "--out", out, "b1-as-published")
		if err := cmd.Start(); err != nil {
			failf("%v", err)
		}
		time.Sleep(rand.N(600 * time.Millisecond))
		cmd.Process.Kill()
		cmd.Wait()
		if !gone(5 * time.Second) {
			left++
		}
		if !maps.Equal(before, host()) {
			changed++
		}
	}
	row(fmt.Sprintf("kill -9 at a random moment, %d times: processes left", kills), "0", fmt.Sprint(left))
	row("the same: host changed (links, routes, sysctls, Listen* counters)", "0", fmt.Sprint(changed))
}

// inMemory is what the processes of an experiment run: a copy of ./listenq.
const inMemory = "/memfd:listenq (deleted)"

// gone waits until no process runs ./listenq any more.
func gone(most time.Duration) bool {
	self, err := filepath.Abs("listenq")
	if err != nil {
		failf("%v", err)
	}
	for deadline := time.Now().Add(most); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		processes, _ := filepath.Glob("/proc/[0-9]*/exe")
		if !slices.ContainsFunc(processes, func(path string) bool {
			link, _ := os.Readlink(path)
			return link == inMemory || link == self
		}) {
			return true
		}
	}
	return false
}

// host is what an experiment must not change.
func host() map[string]string {
	state := map[string]string{}
	for _, path := range []string{"/proc/net/route", "/proc/net/ipv6_route"} {
		text, _ := os.ReadFile(path)
		state[path] = string(text)
	}
	links, _ := filepath.Glob("/sys/class/net/*")
	state["links"] = strings.Join(links, " ")
	settings, _ := filepath.Glob("/proc/sys/net/ipv4/tcp_*")
	for _, path := range append(settings, "/proc/sys/net/core/somaxconn") {
		text, _ := os.ReadFile(path)
		state[path] = string(text)
	}
	out, err := exec.Command("nstat", "-asz").Output()
	if err != nil {
		failf("nstat: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "TcpExtListen") || strings.HasPrefix(line, "TcpExtSyncookies") {
			state[line] = ""
		}
	}
	return state
}
