package diagnose

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"listenq/internal/queue"
)

// program is what is known of a program that listens. The facts are from its
// documentation or source, and are those of its plain configuration.
type program struct {
	name    string
	names   []string // of the process or its command, without path; "x*" is a prefix
	words   []string // one of them is in an argument; none: any will do
	setting string   // where its backlog is set; empty: nowhere
	usual   string   // the backlog without that
	again   string   // what makes it call listen() again
	accept  string   // what makes it accept faster; empty: as in any program
	files   string   // where it sets its own limit of open files; empty: nowhere
}

// String is where its backlog is set and what makes a change count.
func (p *program) String() string {
	setting := p.setting
	if setting == "" {
		setting = "has no setting for it"
	}
	return fmt.Sprintf("%s: %s (%s without it); %s", p.name, setting, p.usual, p.again)
}

const restartIt = "it counts after a restart"

// somaxconnBacklog is the backlog of those who ask for whatever is allowed.
const somaxconnBacklog = "net.core.somaxconn as of its start"

// programs are searched in this order: those that run others come first.
var programs = []program{
	{
		name: "systemd socket unit", names: []string{"systemd"},
		setting: "Backlog= in the [Socket] section of its .socket unit", usual: "net.core.somaxconn; 128 in older versions",
		again: "systemctl daemon-reload, then restart the .socket unit: restarting the service alone keeps the socket",
	},
	{
		name: "gunicorn", names: []string{"gunicorn*", "python*"}, words: []string{"gunicorn"},
		setting: "--backlog N, or backlog in its configuration", usual: "2048", again: restartIt + "; HUP keeps the socket",
		accept: "more --workers or --threads: a busy synchronous worker does not accept",
	},
	{
		name: "uvicorn", names: []string{"uvicorn*", "python*"}, words: []string{"uvicorn"},
		setting: "--backlog N", usual: "2048", again: restartIt,
		accept: "more --workers, and no blocking call in the event loop",
	},
	{
		name: "uWSGI", names: []string{"uwsgi*"}, setting: "--listen N, or listen = N", usual: "100",
		again: restartIt + "; it refuses to start with more than net.core.somaxconn", accept: "more --processes or --threads: a busy worker does not accept",
	},
	{
		name: "Python http.server", names: []string{"python*"}, words: []string{"http.server", "SimpleHTTPServer"},
		setting: "request_queue_size of a subclass of socketserver.TCPServer", usual: "5", again: restartIt,
		accept: "it is not made for load: a server with workers in its place",
	},
	{
		name: "Python", names: []string{"python*"}, setting: "socket.listen(N), request_queue_size of socketserver, backlog= of asyncio.start_server",
		usual: "5 in socketserver, 100 in asyncio", again: restartIt, accept: "no blocking call in the thread that accepts; more processes",
	},
	{
		name: "nginx", names: []string{"nginx", "openresty"}, setting: "backlog=N at one listen directive of this address", usual: "511",
		again: "a reload suffices, if N has changed", accept: "more worker_processes and worker_connections; no blocking module or slow disk in the workers",
		files: "worker_rlimit_nofile N",
	},
	{
		name: "Apache httpd", names: []string{"apache2", "httpd"}, setting: "ListenBacklog N", usual: "511",
		again: "it counts after a stop and a start: a graceful restart keeps the sockets", accept: "a higher MaxRequestWorkers (and ServerLimit): with all workers busy nobody accepts",
	},
	{
		name: "HAProxy", names: []string{"haproxy"}, setting: "backlog N in the frontend or on its bind line", usual: "its maxconn",
		again: "it counts after a restart: a reload that takes over the sockets (expose-fd listeners) keeps their limit", accept: "a higher maxconn, of the frontend and global: at maxconn it stops accepting",
		files: "ulimit-n N in its global section, which it computes from maxconn without it",
	},
	{
		name: "Envoy", names: []string{"envoy"}, setting: "tcp_backlog_size of the listener", usual: somaxconnBacklog, again: restartIt,
		accept: "more worker threads (--concurrency), higher limits of connections and of the overload manager",
	},
	{
		name: "Redis", names: []string{"redis-server*", "valkey-server*"}, setting: "tcp-backlog N", usual: "511",
		again: restartIt + "; CONFIG SET cannot change it", accept: "find what blocks its one main thread: SLOWLOG GET, LATENCY DOCTOR, a fork or the disk",
		files: "maxclients N, by which it raises its limit as far as the hard one",
	},
	{
		name: "memcached", names: []string{"memcached"}, setting: "-b N", usual: "1024", again: restartIt,
		accept: "a higher -c, if it reached that (listen_disabled_num of its stats)",
	},
	{
		name: "PostgreSQL", names: []string{"postgres", "postmaster"}, setting: "max_connections: the backlog is twice as much", usual: "200", again: restartIt,
		accept: "a connection pool (PgBouncer): it forks a process for each connection",
	},
	{
		name: "MySQL or MariaDB", names: []string{"mysqld*", "mariadbd*"}, setting: "back_log = N",
		usual: "max_connections in MySQL 8.0, 50 + a fifth of it before; SHOW VARIABLES LIKE 'back_log' shows it", again: restartIt,
		accept: "a connection pool, a higher thread_cache_size",
	},
	{
		name: "RabbitMQ", names: []string{"beam.smp"}, words: []string{"rabbit"}, setting: "tcp_listen_options.backlog = N in rabbitmq.conf", usual: "128",
		again: restartIt + " of the node", accept: "a higher num_acceptors.tcp; look for a storm of reconnecting clients",
	},
	{
		name: "Node.js", names: []string{"node", "nodejs"}, setting: "the backlog argument of server.listen()", usual: "511", again: restartIt,
		accept: "find what blocks the event loop; more processes (cluster)",
	},
	{
		name: "Tomcat", names: []string{"java"}, words: []string{"org.apache.catalina", "tomcat"},
		setting: "acceptCount of the Connector (server.tomcat.accept-count in Spring Boot)", usual: "100", again: restartIt,
		accept: "a higher maxConnections and maxThreads: at maxConnections it stops accepting",
	},
	{
		name: "Jetty", names: []string{"java"}, words: []string{"jetty"}, setting: "acceptQueueSize of the ServerConnector (jetty.http.acceptQueueSize)",
		usual: "50, that of Java", again: restartIt, accept: "more threads, more acceptors",
	},
	{
		name: "Java", names: []string{"java"},
		setting: "the backlog argument of new ServerSocket() or ServerSocket.bind(); SO_BACKLOG in Netty; acceptCount in Tomcat; acceptQueueSize in Jetty",
		usual:   "50; 100 in Tomcat; net.core.somaxconn as of its start in Netty", again: restartIt, accept: "find where its accepting thread is: jstack PID; look for long pauses of the garbage collector",
	},
	{
		name: "Puma", names: []string{"puma*", "ruby*"}, words: []string{"puma"}, setting: "?backlog=N at the address of bind", usual: "1024", again: restartIt,
		accept: "more workers or threads",
	},
	{
		name: "Unicorn", names: []string{"unicorn*", "ruby*"}, words: []string{"unicorn"}, setting: "listen ADDRESS, backlog: N", usual: "1024", again: restartIt,
		accept: "more worker_processes: a busy worker does not accept",
	},
	{
		name: "PHP-FPM", names: []string{"php-fpm*"}, setting: "listen.backlog = N in the pool", usual: "511",
		again: "it counts after a restart: a reload keeps the socket", accept: "a higher pm.max_children: with all children busy nobody accepts",
		files: "rlimit_files = N",
	},
	{
		name: "sshd", names: []string{"sshd*"}, usual: "128, fixed when it was built", again: "with a systemd socket unit (ssh.socket) its Backlog= counts in its place",
		accept: "look for a flood of logins (MaxStartups refuses after accept(), which makes no difference here)",
	},
	{
		name: "Caddy, a Go program", names: []string{"caddy"}, usual: somaxconnBacklog, again: restartIt,
	},
	{
		name: "a Go program", names: []string{"traefik", "prometheus", "grafana*", "etcd", "consul", "vault", "coredns", "minio", "node_exporter", "docker-proxy", "dockerd", "containerd", "kubelet", "kube-*"},
		usual: somaxconnBacklog, again: restartIt,
	},
}

// program is the one that listens; nil if it is not one of those known.
func (s *situation) program() *program {
	for i := range programs {
		if p := &programs[i]; slices.ContainsFunc(s.Listener.Processes, p.is) {
			return p
		}
	}
	return nil
}

// is reports whether a process runs the program. Names can lie; they only choose
// what is advised.
func (p *program) is(of queue.Process) bool {
	called := []string{of.Name}
	if len(of.Command) > 0 {
		title, _, _ := strings.Cut(of.Command[0], " ") // "nginx: worker process"
		called = append(called, strings.TrimSuffix(path.Base(title), ":"))
	}
	if !slices.ContainsFunc(called, p.called) {
		return false
	}
	return len(p.words) == 0 || slices.ContainsFunc(p.words, func(word string) bool {
		return slices.ContainsFunc(append(called, of.Command...), func(arg string) bool {
			return strings.Contains(strings.ToLower(arg), strings.ToLower(word))
		})
	})
}

func (p *program) called(name string) bool {
	return slices.ContainsFunc(p.names, func(n string) bool {
		if prefix, ok := strings.CutSuffix(n, "*"); ok {
			return strings.HasPrefix(name, prefix)
		}
		return name == n
	})
}
