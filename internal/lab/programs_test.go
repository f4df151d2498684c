package lab_test

import (
	"testing"
	"time"

	"listenq/internal/answer"
)

// TestPrograms runs real servers and clients in the lab: what they listen with
// is seen, and what they say to each other gets through.
func TestPrograms(t *testing.T) {
	tests := []struct {
		name, needs, script string
		limit               int
	}{
		{
			name: "nginx and curl", needs: "/usr/sbin/nginx", limit: 511,
			script: `
server port 80 exec nginx -e stderr -p . -c nginx.conf
exec as get curl -sS http://{address}/
expect get.output contains "hello from nginx"
expect listener.limit == 511
`,
		},
		{
			name: "redis and nc", needs: "/usr/bin/redis-server", limit: 511,
			script: `
server exec redis-server --bind * --protected-mode no --save ''
exec as ping sh -c "printf 'PING\r\nQUIT\r\n' | nc {host} {port}"
expect ping.output contains "+PONG"
expect listener.limit == 511
`,
		},
		{
			name: "python and ab", needs: "/usr/bin/python3", limit: 5,
			script: `
server exec python3 -m http.server 8000
exec as load ab -r -n 50 -c 2 http://{address}/
expect load.output contains "Complete requests:      50"
expect listener.limit == 5
`,
		},
		{
			name: "wrk against nginx", needs: "/usr/bin/wrk", limit: 511,
			script: `
server port 80 exec nginx -e stderr -p . -c nginx.conf
exec as load wrk -d 1s -c 4 -t 1 http://{address}/
expect load.output contains "requests in"
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			needsProgram(t, tt.needs)
			s := parse(t, "programs", tt.script)
			s.Dir = folderWith(t, "nginx.conf", nginxConf)
			r := run(t, s)
			check(t, r)
			if got := r.Listeners[0].AcceptLimit; got != tt.limit {
				t.Errorf("limit %d, want %d", got, tt.limit)
			}
			served(t, r)
		})
	}
}

// TestLeftBehind runs commands that leave a child behind in a session of its
// own, which holds their output: nobody waits for it.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	needsProgram(t, "/usr/bin/python3")
	began := time.Now()
	check(t, run(t, parse(t, "left", `
server port 8000 exec sh -c "setsid sleep 60 & exec python3 -m http.server 8000"
exec as say sh -c "setsid sleep 60 & echo done"
expect say.exit == 0 and say.output contains "done"
`)))
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

const nginxConf = `
daemon off;
worker_processes 1;
pid nginx.pid;
events {}
http {
	access_log off;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server { listen 80; return 200 "hello from nginx\n"; }
}
`

// served reports connections that the server had not accepted.
func served(t *testing.T, r answer.Run) {
	t.Helper()
	if len(r.Connections) == 0 {
		t.Errorf("no connection was seen")
	}
	for _, c := range r.Connections {
		if c.Outcome != "accepted" {
			t.Errorf("%s is %s, cause %s: %v", c.Name, c.Outcome, c.Cause, c.Story)
		}
	}
}
