package inside

import (
	"errors"
	"fmt"

	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
)

// Packages are what Debian and Ubuntu call the packages of programs that experiments run.
var Packages = map[string]string{
	"ab": "apache2-utils", "apache2": "apache2", "curl": "curl", "gunicorn": "gunicorn", "haproxy": "haproxy",
	"java": "default-jre-headless", "memcached": "memcached", "nc": "netcat-openbsd", "netstat": "net-tools",
	"nginx": "nginx-light", "node": "nodejs", "nstat": "iproute2", "php": "php-cli", "postgres": "postgresql",
	"python3": "python3", "redis-cli": "redis-tools", "redis-server": "redis-server", "rmiregistry": "default-jre-headless",
	"socat": "socat", "ss": "iproute2", "uwsgi": "uwsgi", "wrk": "wrk",
}

// uninstalled says which program of a known package the script runs that is not here, and
// what to install; it is empty if there is none. A name that nobody knows is a mistake, and
// its step reports it.
func uninstalled(box *sandbox.Inside, s *script.Script) string {
	for _, name := range s.Programs() {
		pkg, known := Packages[name]
		_, err := box.Find(name)
		if _, missing := errors.AsType[*sandbox.CommandNotFound](err); known && missing {
			return fmt.Sprintf("it runs %s, which is not installed: apt install %s", name, pkg)
		}
	}
	return ""
}
