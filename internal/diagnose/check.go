package diagnose

import (
	"fmt"
	"slices"
	"strconv"
)

// enter is what a command has to begin with to run in the listener's namespace.
func (s *situation) enter() string {
	if s.netns.trend == nil || s.netns.trend.Namespace.Host {
		return ""
	}
	if len(s.Listener.Processes) == 0 {
		return "# in its network namespace: "
	}
	return fmt.Sprintf("nsenter -t %d -n ", s.Listener.Processes[0].PID)
}

// enter is the same for a namespace.
func (p *netns) enter() string {
	for _, s := range p.listeners {
		if len(s.Listener.Processes) > 0 {
			return s.enter()
		}
	}
	if p.trend == nil || p.trend.Namespace.Host {
		return ""
	}
	return "# in its network namespace: "
}

// port is a filter of ss for the listener's port.
func (s *situation) port() string {
	return "'sport = :" + strconv.Itoa(int(s.Listener.Address.Port())) + "'"
}

// checkQueue shows the queue, its drops and what waits in it.
func (s *situation) checkQueue() []string {
	in := s.enter()
	return []string{
		in + "ss -ltnmp " + s.port() + "   # Recv-Q > Send-Q: full; d in skmem is sk_drops",
		in + "ss -tnp state established state close-wait " + s.port() + "   # rows without users: wait in the queue",
		in + "nstat -az TcpExtListenOverflows TcpExtListenDrops",
	}
}

// checkThreads shows what the process does.
func (s *situation) checkThreads() []string {
	if len(s.Listener.Processes) == 0 {
		return nil
	}
	pid := s.Listener.Processes[0].PID
	return []string{fmt.Sprintf("ps -L -o pid,lwp,stat,wchan:32,comm -p %d   # stat T or t: stopped; wchan: where it sleeps", pid)}
}

// checkSysctl shows one setting.
func (p *netns) checkSysctl(name string) string {
	if p.trend != nil && slices.Contains(p.trend.Namespace.Machine, name) {
		return "sysctl " + name + "   # of the whole machine with this kernel"
	}
	return p.enter() + "sysctl " + name
}
