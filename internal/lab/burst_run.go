package lab

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"listenq/internal/answer"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/job"
	"listenq/internal/lab/script"
)

// burstRun is one burst.
type burstRun struct {
	clients, backlog int
	patient          bool   // wait until the clients that are late are connected
	out              string // the folder for its recording
}

// patience is how long clients that are late are waited for: their SYN goes again
// after 1 s and the server's SYN-ACK after 1 and 3 s, up to 6 % later.
const patience = 3500 * time.Millisecond

// somaxconn is net.core.somaxconn as experiments begin with it (settings).
const somaxconn = 4096

// run tries one burst.
func (b *burst) run(ctx context.Context, r burstRun) (answer.BurstRow, error) {
	s, err := b.script(r)
	if err != nil {
		return answer.BurstRow{}, err
	}
	o := b.Options
	o.Out = r.out
	o.Progress = func(p job.Progress) {
		if p.AtMost = 0; b.Progress != nil { // its waits are short
			b.Progress(p)
		}
	}
	run, err := Run(ctx, s, o)
	if err != nil {
		return answer.BurstRow{}, err
	}
	if run.Skipped != "" {
		return answer.BurstRow{}, &job.Failure{Message: run.Skipped}
	}
	if len(run.Missing) > 0 {
		return answer.BurstRow{}, job.Fail(fmt.Sprintf("the lab lost %s of a burst of %d: %s", run.Missing[0].What, r.clients, run.Missing[0].Why),
			"smaller bursts (--clients), or a machine with less to do")
	}
	row := b.row(r, run)
	b.note(row, run)
	return row, nil
}

// note keeps what a burst shows about the server and the edge.
func (b *burst) note(row answer.BurstRow, run answer.Run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := &b.answer
	a.Kernel, a.Tried = run.Kernel, a.Tried+1
	if row.Backlog != nil && *row.Backlog != b.Backlog {
		return // of another server
	}
	if a.Limit == nil {
		a.Limit = &run.Listeners[0].AcceptLimit
	}
	switch {
	case row.Clean && row.Clients >= b.most:
		b.most, b.bounds[true] = row.Clients, row
	case !row.Clean && row.Clients <= b.least:
		b.least, b.bounds[false] = row.Clients, row
		a.FirstDrop = &answer.BurstDrop{Clients: row.Clients, Connection: firstDropped(run.Connections)}
	}
	a.Largest = &answer.BurstRange{Least: b.least - 1, Most: b.most}
	a.Bounded = b.least > b.Clients
}

// script is the experiment of one burst. Its final ACKs are held until every SYN
// has been answered: no client can be served before the last one has come.
func (b *burst) script(r burstRun) (*script.Script, error) {
	lines := []string{fmt.Sprintf("# A burst of %d: every SYN arrives before the first final ACK.", r.clients)}
	add := func(wanted bool, line string) {
		if wanted {
			lines = append(lines, line)
		}
	}
	add(r.backlog > somaxconn, fmt.Sprintf("sysctl net.core.somaxconn %d", r.backlog))
	for _, setting := range b.Sysctls {
		add(true, "sysctl "+setting)
	}
	add(true, b.serverStep(r.backlog))
	add(b.stops(), "stop")
	add(true, "hold ack to server")
	add(r.clients == 1, "connect 1 as c")
	add(r.clients > 1, fmt.Sprintf("connect %d as c at once", r.clients))
	add(true, "release")
	add(b.Send != "", "send c "+strconv.Quote(b.Send))
	add(true, `expect all(c, .outcome in ["queued", "accepted"] and .delay == 0s)`)
	add(true, "expect delta.ListenDrops == 0")
	add(r.patient && b.stops(), "continue")
	add(r.patient && b.Exec == "", "accept all")
	add(r.patient, fmt.Sprintf(`wait until all(c, .outcome in ["queued", "accepted"]) at most %v`, patience))
	return b.parse(lines, r)
}

func (b *burst) parse(lines []string, r burstRun) (*script.Script, error) {
	for _, line := range lines {
		if strings.ContainsAny(line, "\n\r") {
			return nil, &job.Failure{Message: "a command or a setting cannot be of several lines"}
		}
	}
	name := fmt.Sprintf("burst-%d", r.clients)
	if r.backlog != b.Backlog {
		name += fmt.Sprintf("-backlog-%d", r.backlog)
	}
	s, err := script.Parse(name+".lab", []byte(strings.Join(lines, "\n")+"\n"), facts.All())
	if err != nil {
		return nil, err
	}
	s.Name, s.Dir = name, b.Dir
	return s, nil
}

// serverStep is the step that starts the server.
func (o *BurstOptions) serverStep(backlog int) string {
	switch {
	case o.Exec == "":
		return fmt.Sprintf("server backlog %d accept %s", backlog, o.Accept)
	case strings.Contains(o.Exec, "{port}"), strings.Contains(o.Exec, "{address}"):
		return fmt.Sprintf("server port %d exec %s", script.DefaultPort, o.Exec)
	}
	return "server exec " + o.Exec
}

// stops reports whether the server is a command that is stopped during the burst.
func (o *BurstOptions) stops() bool { return o.Exec != "" && o.Accept == Never }
