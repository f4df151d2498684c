package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const flooded = `# A client meets a flood that goes on.
sysctl net.ipv4.tcp_syncookies 0
server backlog 128 accept all
flood 1000000 syns at 100000/s in background
wait 2s
connect c
expect c.cause == "syn-queue-full"
`

// flood measures what goes through the wire while a client is followed.
func flood(out string) {
	path := filepath.Join(out, "flooded.lab")
	if err := os.WriteFile(path, []byte(flooded), 0o644); err != nil {
		failf("%v", err)
	}
	r, _ := run(out, path)
	x := r.Runs[0]
	syns := x.Counters.Server["TcpInSegs"].After
	row("SYN flood at 100,000/s, and a client meets it: SYNs/s", "50000", fmt.Sprintf("%.0f", syns/(x.DurationMS-x.SetupMS)*1000))
	c := x.Connections[0]
	row("  what became of the client", "the truth", c.Outcome+", "+c.Cause)
}

// everything compares a run of all experiments with the longest one in it.
func everything(out string) {
	r, took := run(out, "--all")
	longest := r.longest()
	row(fmt.Sprintf("all %d experiments at once / %s in it", len(r.Runs), longest.Scenario), "1.10", fmt.Sprintf("%.2f", took.Seconds()*1000/longest.DurationMS))
}
