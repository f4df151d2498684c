package diagnose

import (
	"fmt"
	"strings"

	"listenq/internal/queue"
)

// filesUsedUp is for accept() that fails with EMFILE. The connection stays in the queue.
func filesUsedUp(s *situation) (Finding, bool) {
	if s.cause != isFiles {
		return Finding{}, false
	}
	f := s.finding(s.urgent(), "accept() fails: the process has used up its open files")
	all := s.those((*queue.Process).FilesUsedUp)
	for _, p := range all[:min(len(all), shown)] {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s[%d] has %d files open, and may have %d", quoted(p.Name), p.PID, p.Files.N, p.MaxFiles.N))
	}
	if others := len(s.Listener.Processes) - len(all); others > 0 {
		f.Evidence = append(f.Evidence, fmt.Sprintf("of the others that have the socket open (%d), none is known to have used up its own", others))
	}
	first := all[0]
	f.Effect = s.waitOnly()
	f.Fix = []string{
		"let it open more files: " + s.fileSetting() + "; then restart it",
		fmt.Sprintf("until then: prlimit --pid %d --nofile=N raises it while it runs", first.PID),
		"if the number grows without end, it forgets to close them: " + fmt.Sprintf("ls -l /proc/%d/fd shows what they are", first.PID),
		"not a longer backlog: the queue is full because nothing is taken from it",
	}
	f.Check = append([]string{fmt.Sprintf("ls /proc/%d/fd | wc -l; grep 'open files' /proc/%d/limits", first.PID, first.PID)}, f.Check...)
	return f, true
}

// fileSetting is where the limit of open files is set for this program.
func (s *situation) fileSetting() string {
	general := "LimitNOFILE= of its systemd unit, --ulimit nofile= of its container, ulimit -n of its shell"
	if p := s.program(); p != nil && p.files != "" {
		return p.name + ": " + p.files + "; else " + general
	}
	return general
}

// frozen is for a control group that is frozen: the processes look asleep.
func frozen(s *situation) (Finding, bool) {
	if s.cause != isFrozen {
		return Finding{}, false
	}
	f := s.finding(s.urgent(), "connections wait and the process that should accept them is frozen")
	p := &s.Listener.Processes[0]
	f.Evidence = append(f.Evidence, fmt.Sprintf("all threads of %s[%d] sleep in %s, where a frozen control group holds them", quoted(p.Name), p.PID, quoted(p.Threads[0].Wait)))
	if group := p.Belongs(); group != "" {
		f.Evidence = append(f.Evidence, "it belongs to "+quoted(group))
	}
	f.Effect = s.waitOnly()
	f.Fix = []string{
		"find who froze it: docker pause, podman pause, systemctl freeze, a checkpoint or a backup",
		"let it go on: " + thaw(p),
		"no setting of the kernel helps, and kill -CONT does not: it is frozen, not stopped",
	}
	f.Check = append(s.checkThreads(), f.Check...)
	return f, true
}

// thaw is how what a process belongs to is let go on.
func thaw(p *queue.Process) string {
	switch {
	case service().MatchString(p.Unit):
		return "systemctl thaw " + p.Unit
	case strings.Contains(p.Cgroup, "docker"):
		return "docker unpause CONTAINER"
	case strings.Contains(p.Cgroup, "libpod"):
		return "podman unpause CONTAINER"
	}
	return "docker unpause or podman unpause CONTAINER, systemctl thaw UNIT; by hand: 0 into cgroup.freeze, or THAWED into freezer.state of its control group"
}

// partlyStopped is for a worker that is stopped while others, such as its master, run on.
func partlyStopped(s *situation) (Finding, bool) {
	if s.cause != isPartly {
		return Finding{}, false
	}
	all := s.those((*queue.Process).Stopped)
	f := s.finding(s.urgent(), "connections wait and some of the processes that could accept them are stopped")
	var pids []string
	for _, p := range all[:min(len(all), shown)] {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s[%d] is in state %s", quoted(p.Name), p.PID, stateWord(p.State)))
		pids = append(pids, fmt.Sprint(p.PID))
	}
	f.Evidence = append(f.Evidence, fmt.Sprintf("%d of the %d processes that have the socket open; the others run, and nothing was seen to be accepted", len(all), len(s.Listener.Processes)))
	if n := s.Listener.Shared; n > 1 {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%d sockets listen at this address (SO_REUSEPORT): each worker usually accepts from one of them only", n))
	}
	f.Effect = s.waitOnly()
	f.Fix = []string{
		fmt.Sprintf("let them go on: kill -CONT %s (in a debugger: continue or detach)", strings.Join(pids, " ")),
		fmt.Sprintf("find who stopped them: a debugger (TracerPid in /proc/%s/status), a SIGSTOP", pids[0]),
		"no setting of the kernel helps; a longer queue only delays the drops",
	}
	f.Check = append([]string{fmt.Sprintf("ps -o pid,stat,wchan:32,comm -p %s", strings.Join(pids, ","))}, f.Check...)
	return f, true
}
