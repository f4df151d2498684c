package diagnose

import (
	"slices"
	"strings"
	"testing"

	"listenq/internal/queue"
)

func TestProgram(t *testing.T) {
	for _, c := range []struct {
		process queue.Process
		want    string // part of its name; empty: not known
		setting string // part of the advice
	}{
		{queue.Process{Name: "nginx", Command: []string{"nginx: worker process"}}, "nginx", "backlog=N at one listen directive"},
		{queue.Process{Name: "renamed", Command: []string{"nginx: master process /usr/sbin/nginx"}}, "nginx", "a reload suffices"},
		{queue.Process{Name: "openresty"}, "nginx", "511"},
		{queue.Process{Name: "apache2"}, "Apache", "ListenBacklog"},
		{queue.Process{Name: "httpd"}, "Apache", "a stop and a start"},
		{queue.Process{Name: "haproxy"}, "HAProxy", "backlog N"},
		{queue.Process{Name: "envoy"}, "Envoy", "tcp_backlog_size"},
		{queue.Process{Name: "caddy"}, "Caddy", "has no setting"},
		{queue.Process{Name: "redis-server"}, "Redis", "tcp-backlog"},
		{queue.Process{Name: "memcached"}, "memcached", "-b N"},
		{queue.Process{Name: "postgres"}, "PostgreSQL", "max_connections"},
		{queue.Process{Name: "mariadbd"}, "MariaDB", "back_log"},
		{queue.Process{Name: "beam.smp", Command: []string{"/usr/lib/erlang/bin/beam.smp", "-s", "rabbit", "boot"}}, "RabbitMQ", "tcp_listen_options.backlog"},
		{queue.Process{Name: "beam.smp", Command: []string{"beam.smp", "-s", "other"}}, "", ""},
		{queue.Process{Name: "node"}, "Node.js", "server.listen()"},
		{queue.Process{Name: "MainThread", Command: []string{"/usr/bin/node", "app.js"}}, "Node.js", "511"},
		{queue.Process{Name: "java", Command: []string{"java", "org.apache.catalina.startup.Bootstrap"}}, "Tomcat", "acceptCount"},
		{queue.Process{Name: "java", Command: []string{"java", "-jar", "/opt/jetty/start.jar"}}, "Jetty", "acceptQueueSize"},
		{queue.Process{Name: "java", Command: []string{"java", "-jar", "app.jar"}}, "Java", "SO_BACKLOG in Netty"},
		{queue.Process{Name: "java"}, "Java", "50"},
		{queue.Process{Name: "python3", Command: []string{"python3", "-m", "http.server"}}, "http.server", "5 without it"},
		{queue.Process{Name: "gunicorn", Command: []string{"/usr/bin/python3", "/usr/bin/gunicorn", "app"}}, "gunicorn", "2048"},
		{queue.Process{Name: "python3", Command: []string{"python3", "-m", "uvicorn", "app:app"}}, "uvicorn", "--backlog"},
		{queue.Process{Name: "uwsgi"}, "uWSGI", "--listen"},
		{queue.Process{Name: "python3.13"}, "Python", "100 in asyncio"},
		{queue.Process{Name: "puma 6.4.2", Command: []string{"puma 6.4.2 (tcp://0.0.0.0:9292) [app]"}}, "Puma", "1024"},
		{queue.Process{Name: "ruby", Command: []string{"unicorn master -c unicorn.rb"}}, "Unicorn", "backlog: N"},
		{queue.Process{Name: "php-fpm8.3"}, "PHP-FPM", "listen.backlog"},
		{queue.Process{Name: "prometheus"}, "Go", "net.core.somaxconn"},
		{queue.Process{Name: "sshd"}, "sshd", "128"},
		{queue.Process{Name: "systemd"}, "systemd", "Backlog="},
		{queue.Process{Name: "myapp", Command: []string{"/srv/nginx/myapp", "nginx"}}, "", ""},
		{queue.Process{}, "", ""},
	} {
		s := situation{Trend: &queue.Trend{Listener: queue.Listener{Processes: []queue.Process{c.process}}}}
		p := s.program()
		switch {
		case p == nil && c.want != "", p != nil && c.want == "":
			t.Errorf("%v is taken for %v, want %q", c.process, p, c.want)
		case p != nil && (!strings.Contains(p.name, c.want) || !strings.Contains(p.String(), c.setting)):
			t.Errorf("%v is taken for %q, want %q with %q", c.process, p, c.want, c.setting)
		}
	}
}

func TestEveryProgramIsWhole(t *testing.T) {
	for _, p := range programs {
		if p.name == "" || len(p.names) == 0 || p.usual == "" || p.again == "" {
			t.Errorf("%q lacks a part", p.name)
		}
	}
}

func TestQuoted(t *testing.T) {
	for name, want := range map[string]string{
		"nginx":          "nginx",
		"größe":          "größe",
		"a b":            `"a b"`,
		"":               `""`,
		"\x1b[31mred":    `"\x1b[31mred"`,
		"<b>":            `"<b>"`,
		"x\u202ey":       `"x\u202ey"`,
		"half\xc3":       `"half\xc3"`,
		"quo\"te":        `"quo\"te"`,
		"line\nLQ001 ok": `"line\nLQ001 ok"`,

		strings.Repeat("a", 65): `"` + strings.Repeat("a", 64) + `"…`,
	} {
		if got := quoted(name); got != want {
			t.Errorf("quoted(%q) = %s, want %s", name, got, want)
		}
	}
}

// TestNamesStayOutOfCommands gives a process names that a shell would run.
func TestNamesStayOutOfCommands(t *testing.T) {
	const evil = "x; rm -rf / #.service"
	h := watched(20, func(s *scene) {
		s.counters[overflows], s.somaxconn = s.n(1), "6"
		l := by(listens(7, 6, s.n(1)), queue.Process{PID: 7, Name: evil, Unit: evil, Cgroup: evil, Command: []string{evil}, State: "T"})
		s.listeners, s.inside = []queue.Listener{l}, []queue.Listener{l}
	})
	found := Diagnose(h.View(0))
	if len(found) == 0 {
		t.Fatal("nothing is found")
	}
	for _, f := range found {
		for _, text := range slices.Concat(f.Fix, f.Check) {
			if strings.Contains(text, "rm -rf") {
				t.Errorf("%s advises %q", f.Code, text)
			}
		}
	}
}

func TestWhereSomaxconnIsSet(t *testing.T) {
	for _, c := range []struct {
		process queue.Process
		want    string
	}{
		{queue.Process{PID: 7, Cgroup: "/kubepods.slice/kubepods-burstable.slice/cri-containerd-0123.scope"}, "securityContext.sysctls"},
		{queue.Process{PID: 7, Unit: "docker:0123456789ab"}, "docker run --sysctl"},
		{queue.Process{PID: 7, Cgroup: "/machine.slice/libpod-0123.scope"}, "docker run --sysctl"},
		{queue.Process{PID: 7, Cgroup: "/system.slice/web.service"}, "nsenter -t 7 -n sysctl -w"},
	} {
		h := watched(1, func(s *scene) {
			s.somaxconn = "128"
			s.inside = []queue.Listener{by(listens(0, 128, 0), c.process)}
		})
		found := Diagnose(h.View(0))
		if len(found) != 1 || !strings.Contains(found[0].Fix[0], c.want) {
			t.Errorf("%v: got %+v, want %q", c.process, found, c.want)
		}
	}
}
