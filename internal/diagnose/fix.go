package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Words against what is often advised.
const (
	notByKnobs = "not by net.ipv4.tcp_max_syn_backlog (it does not limit the accept queue) nor net.ipv4.tcp_abort_on_overflow (it makes no room)"
	needListen = "a raised net.core.somaxconn changes nothing before the next listen()"
)

// fixAccept is how to accept faster.
func (s *situation) fixAccept() []string {
	if p := s.program(); p != nil && p.accept != "" {
		return []string{"accept faster: " + p.name + ": " + p.accept}
	}
	return []string{"accept faster: a thread or process that does nothing but accept(), more workers, no slow work between two accepts"}
}

// fixBacklog is how to make the queue longer in this very program.
func (s *situation) fixBacklog() []string {
	limit := s.Listener.AcceptLimit
	allowed, known := s.netns.somaxconn()
	raise := "raise the program's own backlog: " + s.setting()
	switch {
	case !known:
		return []string{raise, "net.core.somaxconn of its network namespace has to be as high; " + needListen}
	case limit == allowed:
		return []string{
			"raise net.core.somaxconn of its network namespace, " + fmt.Sprint(allowed) + " now: " + s.raiseSomaxconn(),
			"then make the program call listen() again (" + needListen + "), with a backlog as high: " + s.setting(),
		}
	case limit > allowed:
		return []string{raise + "; net.core.somaxconn was lowered since and allows " + fmt.Sprint(allowed) + " at the next listen()"}
	}
	return []string{raise + "; net.core.somaxconn allows " + fmt.Sprint(allowed)}
}

// setting is where the program has its backlog, and what makes a change count.
func (s *situation) setting() string {
	if p := s.program(); p != nil {
		return p.String()
	}
	return "the second argument of its listen(), or the setting it is made from; then restart it"
}

// containers are words of a cgroup path that show who makes the namespace.
var (
	kubernetes = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)kubepods|^k8s`) })
	docker     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)docker|^podman|libpod`) })
)

// raiseSomaxconn is how to set it where this listener lives.
func (s *situation) raiseSomaxconn() string {
	if s.netns.trend != nil && s.netns.trend.Namespace.Host {
		return "sysctl -w net.core.somaxconn=N, and a file in /etc/sysctl.d"
	}
	var where strings.Builder
	for _, p := range s.Listener.Processes {
		where.WriteString(p.Cgroup + "\n" + p.Unit + "\n")
	}
	switch {
	case kubernetes().MatchString(where.String()):
		return "securityContext.sysctls of the pod (the kubelet has to allow it: --allowed-unsafe-sysctls=net.core.somaxconn); the host's value does not count"
	case docker().MatchString(where.String()):
		return "docker run --sysctl net.core.somaxconn=N, or sysctls: in the compose file; the host's value does not count"
	}
	return s.enter() + "sysctl -w net.core.somaxconn=N; the host's value does not count"
}

// service is a name of a systemd unit that may stand in a command.
var service = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9@._:-]*\.service$`)
})

// restart is how to restart the program, if systemd runs it.
func (s *situation) restart() string {
	for _, p := range s.Listener.Processes {
		if service().MatchString(p.Unit) {
			return "systemctl restart " + p.Unit
		}
	}
	return "restart the program"
}
