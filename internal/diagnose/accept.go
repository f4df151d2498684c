package diagnose

import (
	"fmt"
	"slices"

	"listenq/internal/queue"
	"listenq/internal/text"
)

// finding is the frame of one about a listener's accept queue.
func (s *situation) finding(v Severity, title string) Finding {
	return Finding{
		Severity: v, Listener: s.Trend, Title: title,
		Evidence: s.evidence(), Effect: s.feelOverflow(), Check: s.checkQueue(),
	}
}

// urgent is the severity of a queue of which nobody takes anything: critical when clients
// fail, and before that when one has waited for a second. Health checks that only connect
// succeed as long as there is room.
func (s *situation) urgent() Severity {
	oldest, known := s.Listener.Waiting.Oldest()
	if s.failing() || known && s.waitsAreOwn() && oldest >= stoppedAfter {
		return Critical
	}
	return Warning
}

// failing reports whether clients fail, or the next one will.
func (s *situation) failing() bool { return s.overflowed || s.Listener.Full() }

// waitOnly is what clients feel where the queue still has room.
func (s *situation) waitOnly() string {
	if s.failing() {
		return feelWait + "; " + s.feelOverflow()
	}
	return feelWait + "; " + feelRoom
}

func stopped(s *situation) (Finding, bool) {
	if s.cause != isStopped {
		return Finding{}, false
	}
	f := s.finding(s.urgent(), "connections wait and the process that should accept them is stopped")
	for _, p := range s.Listener.Processes[:min(len(s.Listener.Processes), shown)] {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s[%d] is in state %s", quoted(p.Name), p.PID, stateWord(p.State)))
	}
	pid := s.Listener.Processes[0].PID
	f.Effect = s.waitOnly()
	f.Fix = []string{
		fmt.Sprintf("find who stopped it: a debugger (TracerPid in /proc/%d/status), a shell's job control, a SIGSTOP", pid),
		fmt.Sprintf("let it go on: kill -CONT %d (in a debugger: continue or detach)", pid),
		"no setting of the kernel helps; a longer queue only delays the drops",
	}
	f.Check = append(s.checkThreads(), f.Check...)
	return f, true
}

func stateWord(state string) string {
	if state == "t" {
		return "t (stopped by a debugger)"
	}
	return "T (stopped by a signal)"
}

func stuck(s *situation) (Finding, bool) {
	if s.cause != isStuck {
		return Finding{}, false
	}
	f := s.finding(s.urgent(), "nobody accepts: the process is stuck or busy with something else")
	f.Evidence = append(f.Evidence, "nothing was accepted for a second or more")
	f.Evidence = append(f.Evidence, s.blocked()...)
	f.Effect = s.waitOnly()
	f.Fix = append([]string{
		"find where the thread that should accept is, and what it waits for: a lock, a disk, another service, a limit of connections or files",
		"as a way out: " + s.restart() + "; that resets all who wait",
	}, s.fixAccept()...)
	f.Fix = append(f.Fix, notByKnobs+"; a longer queue only delays the drops")
	f.Check = append(s.checkThreads(), f.Check...)
	return f, true
}

func slow(s *situation) (Finding, bool) {
	if s.cause != isSlow {
		return Finding{}, false
	}
	f := s.finding(s.urgent(), "clients come faster than they are accepted")
	f.Evidence = append(f.Evidence, s.rates())
	f.Fix = s.fixAccept()
	if s.Listener.AcceptLimit <= smallLimit {
		f.Fix = append(f.Fix, fmt.Sprintf("the limit of %d is low; if the load comes in bursts a longer queue helps, too:", s.Listener.AcceptLimit))
		f.Fix = append(f.Fix, s.fixBacklog()...)
	}
	f.Fix = append(f.Fix, "a longer queue alone makes clients wait longer for the same service", notByKnobs)
	return f, true
}

// rates are how many come and how many are taken, as far as known.
func (s *situation) rates() string {
	dropped := "how many were dropped is not known"
	if s.DropRate.Known {
		dropped = fmt.Sprintf("%.1f packets/s were dropped", s.DropRate.PerSecond)
	}
	if oldest, ok := s.Listener.Waiting.Oldest(); ok && s.wholeSeen() && !s.Accepts.Known {
		return fmt.Sprintf("about %.1f connections/s came into the queue and were accepted (%d in the last %s); %s",
			float64(s.Listener.AcceptLen)/max(oldest, coarse).Seconds(), s.Listener.AcceptLen, text.Span(oldest), dropped)
	}
	if !s.Arrivals.Known || !s.Accepts.Known || s.Accepts.PerSecond < 0.05 {
		return "accept() is called, how often is not known; " + dropped
	}
	return fmt.Sprintf("%.1f connections/s came into the queue, %.1f/s were accepted; %s", s.Arrivals.PerSecond, s.Accepts.PerSecond, dropped)
}

func burst(s *situation) (Finding, bool) {
	if s.cause != isBurst {
		return Finding{}, false
	}
	f := s.finding(Warning, "a burst of clients did not fit into the accept queue; else it has room")
	f.Evidence = append(f.Evidence, s.room())
	f.Fix = append([]string{"if it happens seldom: let clients retry, or come less in step (jitter)"}, s.fixAccept()...)
	f.Fix = append(append(f.Fix, s.fixBacklog()...), notByKnobs)
	return f, true
}

func small(s *situation) (Finding, bool) {
	if s.cause != isSmall {
		return Finding{}, false
	}
	f := s.finding(Warning, fmt.Sprintf("the backlog of %d is too small for how clients come: the queue drains and still overflows", s.Listener.AcceptLimit))
	f.Evidence = append(f.Evidence, s.room())
	f.Fix = append(append(s.fixBacklog(), s.fixAccept()...), notByKnobs)
	return f, true
}

func (s *situation) room() string {
	return fmt.Sprintf("at least half of the queue was free in %.0f %% of the samples", 100*s.roomShare())
}

func overflow(s *situation) (Finding, bool) {
	if s.cause != isUnclear {
		return Finding{}, false
	}
	f := s.finding(Critical, "the accept queue overflows; why was not seen")
	switch {
	case !s.overflowed:
		f.Title = "the accept queue is full; why was not seen"
	case !s.certain:
		f.Severity, f.Title = Warning, "packets are dropped; probably the accept queue overflows"
	}
	f.Evidence = append(f.Evidence, s.unseen()...)
	f.Fix = append([]string{"look longer, as root: listenq doctor --for 10s"}, s.fixAccept()...)
	f.Fix = append(append(f.Fix, s.fixBacklog()...), notByKnobs)
	f.Check = append(s.checkThreads(), f.Check...)
	return f, true
}

// unseen is what it would take to know the cause.
func (s *situation) unseen() []string {
	var all []string
	if len(s.Points) < leastSamples {
		all = append(all, count(uint64(len(s.Points)), "sample")+", too few to see how the queue moves")
	}
	if !s.Accepts.Known {
		all = append(all, "how many were accepted is not known")
	}
	if !slices.ContainsFunc(s.Listener.Processes, func(p queue.Process) bool { return p.State != "" }) {
		all = append(all, "the state of its processes was not looked at")
	}
	return all
}

// overflowSomewhere is for overflows of which no listener is known to be the one:
// the kernel does not count them by listener, or it is gone.
func overflowSomewhere(p *netns) (Finding, bool) {
	n := p.rose("TcpExtListenOverflows")
	if n == 0 || slices.ContainsFunc(p.listeners, func(s *situation) bool { return s.overflowed }) {
		return Finding{}, false
	}
	return Finding{
		Severity: Warning, Title: "an accept queue overflows; which listener's is not known",
		Evidence: []string{
			p.where(),
			fmt.Sprintf("ListenOverflows rose by %d within %s", n, text.Span(p.trend.Window)),
			"no listener that is there now was seen to drop them: it is gone, or its drops are not known (Linux before 4.9, no sock_diag)",
		},
		Effect: feelSYN + "; " + feelACK,
		Fix: []string{
			"look for a listener that is nearly full, or was closed since: listenq ls --watch 1s",
			notByKnobs,
		},
		Check: []string{p.enter() + "nstat -az TcpExtListenOverflows TcpExtListenDrops", p.enter() + "ss -ltnm"},
	}, true
}

func clamped(s *situation) (Finding, bool) {
	allowed, known := s.netns.somaxconn()
	if !known || s.Listener.AcceptLimit != allowed || !s.failing() {
		return Finding{}, false
	}
	f := Finding{
		Severity: Notice, Listener: s.Trend, Title: "the limit is net.core.somaxconn: the program at most likely asked for more",
		Evidence: []string{
			fmt.Sprintf("limit %d, net.core.somaxconn of its network namespace %d", s.Listener.AcceptLimit, allowed),
			"the backlog that was asked for is not visible from outside; it may have been just as much",
		},
		Effect: "none by itself: the queue is full earlier than the program's setting says",
		Fix:    append(s.fixBacklog(), "only if the queue is full in bursts: a longer one does not make a slow server faster"),
		Check:  append([]string{s.netns.checkSysctl("net.core.somaxconn")}, s.checkQueue()[0]),
	}
	if p := s.program(); p != nil {
		f.Evidence = append(f.Evidence, "without a setting "+p.name+" asks for: "+p.usual)
	}
	return f, true
}
