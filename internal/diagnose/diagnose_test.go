package diagnose

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/queue"
)

var update = flag.Bool("update", false, "write the golden files")

const overflows = "TcpExtListenOverflows"

// cases are histories and what has to be found in them: for each rule what it is
// for, and what looks like it and is something else.
var cases = []struct {
	name     string
	samples  int
	describe func(*scene)
	want     []string // code and severity
}{
	{"healthy", 20, func(s *scene) { s.listeners = []queue.Listener{listens(0, 4096, 0)} }, nil},
	{"nothing listens", 20, func(*scene) {}, nil},
	{"busy and healthy", 20, func(s *scene) {
		s.listeners = []queue.Listener{waits(listens(3, 511, 0), 30*time.Millisecond, time.Millisecond)}
	}, nil},
	{"dropped before, not now", 20, func(s *scene) {
		s.counters[overflows] = 70
		s.listeners = []queue.Listener{listens(0, 511, 70)}
	}, nil},

	{"stopped, full", 20, func(s *scene) {
		s.counters[overflows] = s.n(2)
		s.listeners = []queue.Listener{by(waits(listens(129, 128, s.n(2)), time.Minute+time.Duration(s.i)*step, 0), queue.Process{PID: 7, Name: "nginx", State: "T"})}
	}, []string{"LQ001 critical"}},
	{"stopped by a debugger, with room", 1, func(s *scene) {
		s.listeners = []queue.Listener{by(listens(3, 128, 0), queue.Process{PID: 7, Name: "api", State: "t"})}
	}, []string{"LQ001 warning"}},
	{"stopped, nobody waits", 20, func(s *scene) {
		s.listeners = []queue.Listener{by(listens(0, 128, 0), queue.Process{PID: 7, Name: "api", State: "T"})}
	}, nil},
	{"one of two is stopped", 20, func(s *scene) {
		s.listeners = []queue.Listener{by(listens(3, 128, 0), queue.Process{PID: 7, State: "T"}, queue.Process{PID: 8, State: "S"})}
	}, nil},
	{"its state is not known", 20, func(s *scene) {
		s.listeners = []queue.Listener{by(listens(3, 128, 0), queue.Process{PID: 7, Name: "api"})}
	}, nil},

	{"stuck, full", 20, func(s *scene) {
		s.counters[overflows] = s.n(1)
		s.listeners = []queue.Listener{by(waits(listens(6, 5, s.n(1)), 9*time.Second+time.Duration(s.i)*step, time.Second),
			queue.Process{PID: 7, Name: "api", State: "S", Threads: []queue.Thread{{State: "S", Wait: "futex_wait_queue"}, {State: "S", Wait: "futex_wait_queue"}, {State: "D"}}})}
	}, []string{"LQ002 critical"}},
	{"stuck, with room", 20, func(s *scene) {
		s.listeners = []queue.Listener{waits(listens(2, 128, 0), 9*time.Second+time.Duration(s.i)*step, time.Second)}
	}, []string{"LQ002 critical"}},
	{"stuck, and some have reset", 20, func(s *scene) {
		l := waits(listens(3, 5, 0), 9*time.Second+time.Duration(s.i)*step, time.Second)
		l.AcceptLen = 5
		s.listeners = []queue.Listener{l}
	}, []string{"LQ002 critical"}},
	{"some have reset, and the length moves", 20, func(s *scene) {
		l := waits(listens(3, 9, 0), 9*time.Second+time.Duration(s.i)*step, time.Second)
		l.AcceptLen = 4 + s.i%2
		s.listeners = []queue.Listener{l}
	}, nil},
	{"long waits, yet somebody accepts", 20, func(s *scene) {
		s.listeners = []queue.Listener{waits(listens(60, 128, 0), 5950*time.Millisecond, step)}
	}, nil},
	{"long waits in two samples", 2, func(s *scene) {
		s.listeners = []queue.Listener{waits(listens(2, 128, 0), 9*time.Second+time.Duration(s.i)*step, time.Second)}
	}, nil},

	{"slow accept", 20, func(s *scene) {
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{waits(listens(512, 511, s.n(5)), 5120*time.Millisecond, 10*time.Millisecond)}
	}, []string{"LQ003 critical"}},
	{"slow accept, seen by the length alone", 20, func(s *scene) {
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{listens(512-s.i%2, 511, s.n(5))}
	}, []string{"LQ003 critical"}},
	{"slow accept, seen by the first in the queue", 20, func(s *scene) {
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{waits(listens(6, 5, s.n(5)), 276*time.Millisecond, 50*time.Millisecond)}
		if s.i < 15 {
			s.listeners[0].Waiting = nil
		}
	}, []string{"LQ003 critical"}},
	{"nobody accepts, and the queue has filled just now", 10, func(s *scene) {
		n := min(6, s.i)
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{waits(listens(n, 5, s.n(5)), time.Duration(s.i)*step-step/2, step)}
	}, []string{"LQ006 critical"}},
	{"nobody accepts, and one that came between two looks is counted twice", 10, func(s *scene) {
		n := min(6, s.i)
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{waits(listens(n, 5, s.n(5)), time.Duration(s.i)*step-5*step/4, step)}
	}, []string{"LQ006 critical"}},
	{"full, and the first in the queue was reset", 20, func(s *scene) {
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{waits(listens(6, 5, s.n(5)), 900*time.Millisecond, 0)}
		s.listeners[0].Waiting.Waits = s.listeners[0].Waiting.Waits[1:]
	}, []string{"LQ006 critical"}},
	{"slow accept at a low limit", 20, func(s *scene) {
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{by(listens(6-s.i%2, 5, s.n(5)), queue.Process{PID: 9, Name: "python3", Command: []string{"python3", "-m", "http.server"}, State: "S"})}
	}, []string{"LQ003 critical"}},
	{"slow accept, often just below full", 20, func(s *scene) {
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{listens(512-s.i%3, 511, s.n(5))}
	}, []string{"LQ003 critical"}},
	{"full, and nothing else is known", 20, func(s *scene) {
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{by(listens(512, 511, s.n(5)))}
	}, []string{"LQ006 critical"}},

	{"burst", 20, func(s *scene) {
		s.counters[overflows] = uint64(s.i / 10 * 40)
		s.listeners = []queue.Listener{by(listens(0, 511, uint64(s.i/10*40)), queue.Process{PID: 7, Name: "nginx", State: "S", Unit: "nginx.service"})}
	}, []string{"LQ004 warning"}},
	{"sk_drops of something else", 20, func(s *scene) {
		s.listeners = []queue.Listener{listens(0, 511, s.n(3))}
	}, nil},
	{"burst half a minute ago", 400, func(s *scene) {
		s.counters[overflows] = uint64(min(s.i, 100))
		s.listeners = []queue.Listener{listens(max(0, 512-5*s.i), 511, uint64(min(s.i, 100)))}
	}, []string{"LQ004 warning"}},
	{"slow since ten seconds ago", 400, func(s *scene) {
		s.counters[overflows] = uint64(max(0, s.i-300))
		s.listeners = []queue.Listener{listens(max(0, min(512, 5*(s.i-190))-s.i%4/3), 511, uint64(max(0, s.i-300)))}
	}, []string{"LQ003 critical"}},
	{"stuck since a while ago", 100, func(s *scene) {
		n := max(0, s.i-60)
		s.listeners = []queue.Listener{waits(listens(n, 511, 0), time.Duration(n)*step-step/2, step)}
	}, []string{"LQ002 critical"}},
	{"small backlog", 20, func(s *scene) {
		s.counters[overflows] = uint64(s.i / 10 * 40)
		s.listeners = []queue.Listener{by(listens(0, 50, uint64(s.i/10*40)), queue.Process{PID: 7, Name: "java", State: "S"})}
	}, []string{"LQ005 warning"}},

	{"overflow in two samples", 2, func(s *scene) {
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{listens(512, 511, s.n(5))}
	}, []string{"LQ006 critical"}},
	{"full in one sample", 1, func(s *scene) { s.listeners = []queue.Listener{listens(512, 511, 0)} }, []string{"LQ006 critical"}},
	{"exactly at the limit is not full", 1, func(s *scene) { s.listeners = []queue.Listener{listens(511, 511, 0)} }, nil},
	{"two may be the one", 20, func(s *scene) {
		s.counters[overflows] = s.n(1)
		s.listeners = []queue.Listener{listens(0, 511, s.n(1)), on("0.0.0.0:22", listens(0, 511, s.n(2)))}
	}, []string{"LQ006 warning", "LQ006 warning"}},
	{"a burst beside one that is always full", 20, func(s *scene) {
		s.counters[overflows] = s.n(1) + uint64(s.i/10*40)
		s.listeners = []queue.Listener{listens(0, 511, uint64(s.i/10*40)), on("0.0.0.0:22", listens(512-s.i%2, 511, s.n(1)))}
	}, []string{"LQ003 critical", "LQ004 warning"}},
	{"sk_drops of something else beside one that is full", 20, func(s *scene) {
		s.counters[overflows] = s.n(1)
		s.listeners = []queue.Listener{listens(0, 511, s.n(1)), on("0.0.0.0:22", listens(512-s.i%2, 511, s.n(1)))}
	}, []string{"LQ003 critical"}},
	{"drops are not counted by listener", 20, func(s *scene) {
		s.counters[overflows] = s.n(1)
		l := listens(0, queue.NoLimit, 0)
		l.Drops = queue.Count{}
		s.listeners = []queue.Listener{l}
	}, []string{"LQ006 warning"}},

	{"clamped", 20, func(s *scene) {
		s.counters[overflows] = uint64(s.i / 10 * 40)
		s.listeners = []queue.Listener{by(listens(0, 4096, uint64(s.i/10*40)), queue.Process{PID: 7, Name: "caddy", State: "S"})}
	}, []string{"LQ004 warning", "LQ007 notice"}},

	{"cookies are sent", 20, func(s *scene) {
		s.counters["TcpExtTCPReqQFullDoCookies"], s.counters["TcpExtSyncookiesSent"] = s.n(3), s.n(3)
		l := listens(0, 128, 0)
		l.SynLen = queue.Known(129)
		s.listeners = []queue.Listener{l}
	}, []string{"LQ008 notice"}},
	{"DoCookies without a cookie", 20, func(s *scene) {
		s.counters["TcpExtTCPReqQFullDoCookies"], s.counters["TcpExtSyncookiesSent"] = s.n(3), 0
		s.listeners = []queue.Listener{listens(0, 128, 0)}
	}, nil},
	{"requests are dropped", 20, func(s *scene) {
		s.counters["TcpExtTCPReqQFullDrop"], s.counters["TcpExtListenDrops"] = s.n(3), s.n(3)
		s.sysctls["net.ipv4.tcp_syncookies"] = "0"
		s.listeners = []queue.Listener{listens(0, 128, s.n(3))}
	}, []string{"LQ009 critical", "LQ010 warning"}},

	{"cookies off", 1, func(s *scene) {
		s.sysctls["net.ipv4.tcp_syncookies"] = "0"
		s.listeners = []queue.Listener{listens(0, 128, 0)}
	}, []string{"LQ010 warning"}},
	{"cookies always", 20, func(s *scene) {
		s.sysctls["net.ipv4.tcp_syncookies"] = "2"
		s.counters["TcpExtTCPReqQFullDoCookies"], s.counters["TcpExtSyncookiesSent"] = s.n(3), s.n(3)
		s.listeners = []queue.Listener{listens(0, 128, 0)}
	}, []string{"LQ011 notice"}},
	{"abort on overflow", 1, func(s *scene) {
		s.sysctls["net.ipv4.tcp_abort_on_overflow"] = "1"
		s.listeners = []queue.Listener{listens(0, 128, 0)}
	}, []string{"LQ012 notice"}},
	{"settings that nobody outside meets", 1, func(s *scene) {
		s.sysctls["net.ipv4.tcp_abort_on_overflow"], s.sysctls["net.ipv4.tcp_syncookies"] = "1", "0"
		s.listeners = []queue.Listener{on("127.0.0.1:8080", listens(0, 128, 0)), on("[::ffff:127.0.0.1]:8081", listens(0, 128, 0))}
	}, nil},
	{"settings that were not read", 1, func(s *scene) {
		clear(s.sysctls)
		s.listeners = []queue.Listener{listens(0, 128, 0)}
	}, nil},

	{"skewed group", 20, func(s *scene) {
		s.counters[overflows] = s.n(1)
		full, idle := listens(512, 511, s.n(1)), listens(0, 511, 0)
		full.Shared, idle.Shared = 2, 2
		full.Processes, idle.Processes = []queue.Process{{PID: 8, Name: "nginx", State: "T"}}, []queue.Process{{PID: 9, Name: "nginx", State: "S"}}
		s.listeners = []queue.Listener{idle, full}
	}, []string{"LQ001 critical", "LQ013 warning"}},
	{"all of the group are full", 1, func(s *scene) {
		s.listeners = []queue.Listener{listens(512, 511, 0), listens(512, 511, 0)}
	}, []string{"LQ006 critical", "LQ006 critical"}},
	{"full beside another address", 1, func(s *scene) {
		s.listeners = []queue.Listener{listens(512, 511, 0), on("10.0.0.1:8080", listens(0, 511, 0))}
	}, []string{"LQ006 critical"}},

	{"clients gave up", 20, func(s *scene) {
		s.listeners = []queue.Listener{closed(waits(listens(60, 128, 0), 5950*time.Millisecond, step), 9)}
	}, []string{"LQ014 warning"}},
	{"clients that close at once", 20, func(s *scene) {
		s.listeners = []queue.Listener{closed(waits(listens(6, 128, 0), 60*time.Millisecond, time.Millisecond), 6)}
	}, nil},
	{"clients that were seen to close long ago", 20, func(s *scene) {
		l := closed(waits(listens(60, 128, 0), 5950*time.Millisecond, step), 9)
		l.Waiting.Age = 2 * time.Second
		s.listeners = []queue.Listener{l}
	}, nil},
	{"clients reset", 20, func(s *scene) {
		l := waits(listens(60, 128, 0), 5950*time.Millisecond, step)
		l.AcceptLen = 63
		s.listeners = []queue.Listener{l}
	}, []string{"LQ014 warning"}},
	{"a queue that grew between two looks", 20, func(s *scene) {
		l := waits(listens(3*s.i, 128, 0), 0, 0)
		l.Waiting = &queue.Waiting{Len: max(0, 3*(s.i-2)), Age: 2 * step}
		s.listeners = []queue.Listener{l}
	}, nil},
	{"serving the dead", 20, func(s *scene) {
		s.listeners = []queue.Listener{closed(waits(listens(60, 128, 0), 5950*time.Millisecond, step), 50)}
	}, []string{"LQ015 critical"}},
	{"one of one has closed", 20, func(s *scene) {
		s.listeners = []queue.Listener{closed(waits(listens(1, 128, 0), 9*time.Second+time.Duration(s.i)*step, 0), 1)}
	}, []string{"LQ002 critical"}},

	{"past overflows", 1, func(s *scene) {
		s.counters[overflows] = 900
		s.listeners = []queue.Listener{listens(0, 511, 70)}
	}, []string{"LQ016 notice"}},
	{"past overflows of who knows whom", 1, func(s *scene) {
		s.counters[overflows] = 900
		l := listens(0, 511, 0)
		l.Drops = queue.Count{}
		s.listeners = []queue.Listener{l}
	}, nil},

	{"requests without ACK", 20, func(s *scene) {
		s.counters["TcpExtTCPSynRetrans"] = s.n(2)
		l := listens(0, 128, 0)
		l.SynLen = queue.Known(40)
		s.listeners = []queue.Listener{l}
	}, []string{"LQ017 notice"}},
	{"many requests, all answered", 20, func(s *scene) {
		s.counters["TcpExtTCPSynRetrans"] = 7
		l := listens(0, 128, 0)
		l.SynLen = queue.Known(100)
		s.listeners = []queue.Listener{l}
	}, nil},
	{"requests whose ACK the accept queue dropped", 20, func(s *scene) {
		s.counters["TcpExtTCPSynRetrans"], s.counters[overflows] = s.n(2), s.n(1)
		l := listens(512, 511, s.n(2))
		l.SynLen = queue.Known(40)
		s.listeners = []queue.Listener{l}
	}, []string{"LQ006 critical"}},

	{"somaxconn of a container", 1, func(s *scene) {
		s.somaxconn = "128"
		s.inside = []queue.Listener{by(listens(0, 128, 0), queue.Process{PID: 7, Name: "redis-server", Cgroup: "/system.slice/docker-0123456789ab.scope"})}
	}, []string{"LQ018 notice"}},
	{"somaxconn of a container that limits nobody", 1, func(s *scene) {
		s.somaxconn = "4000"
		s.inside = []queue.Listener{listens(0, 511, 0)}
	}, nil},

	{"drops without a full queue", 20, func(s *scene) {
		s.counters["TcpExtTCPReqQFullDrop"], s.counters["TcpExtListenDrops"] = 0, s.n(3)
		s.sysctls["net.ipv4.tcp_syncookies"] = "0"
		s.listeners = []queue.Listener{listens(0, 128, s.n(3))}
	}, []string{"LQ010 warning", "LQ019 warning"}},
	{"cookies that count as drops (Linux 4.4)", 20, func(s *scene) {
		s.counters["TcpExtTCPReqQFullDrop"], s.counters["TcpExtListenDrops"] = 0, s.n(3)
		s.counters["TcpExtTCPReqQFullDoCookies"], s.counters["TcpExtSyncookiesSent"] = s.n(3), s.n(3)
		s.listeners = []queue.Listener{listens(0, 128, 0)}
	}, []string{"LQ008 notice"}},

	{"open files used up, stuck", 20, func(s *scene) {
		s.listeners = []queue.Listener{by(waits(listens(2, 128, 0), 9*time.Second+time.Duration(s.i)*step, time.Second),
			queue.Process{PID: 7, Name: "nginx", State: "S", Files: queue.Known(30), MaxFiles: queue.Known(1024)},
			queue.Process{PID: 8, Name: "nginx", State: "S", Files: queue.Known(1024), MaxFiles: queue.Known(1024)})}
	}, []string{"LQ021 critical"}},
	{"open files used up, overflowing", 20, func(s *scene) {
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{by(listens(101-s.i%2, 100, s.n(5)), queue.Process{PID: 7, Name: "python3", Files: queue.Known(41), MaxFiles: queue.Known(40)})}
	}, []string{"LQ021 critical"}},
	{"open files used up, and nobody waits", 20, func(s *scene) {
		s.listeners = []queue.Listener{by(listens(0, 100, 0), queue.Process{PID: 7, Name: "api", Files: queue.Known(40), MaxFiles: queue.Known(40)})}
	}, nil},
	{"open files nearly used up, stuck", 20, func(s *scene) {
		s.listeners = []queue.Listener{by(waits(listens(2, 128, 0), 9*time.Second+time.Duration(s.i)*step, time.Second), queue.Process{PID: 7, Name: "api", Files: queue.Known(39), MaxFiles: queue.Known(40)})}
	}, []string{"LQ002 critical"}},
	{"open files without a limit that is known, stuck", 20, func(s *scene) {
		s.listeners = []queue.Listener{by(waits(listens(2, 128, 0), 9*time.Second+time.Duration(s.i)*step, time.Second), queue.Process{PID: 7, Name: "api", Files: queue.Known(39)})}
	}, []string{"LQ002 critical"}},

	{"frozen, with room", 20, func(s *scene) {
		s.listeners = []queue.Listener{by(listens(3, 128, 0), queue.Process{PID: 7, Name: "api", State: "S", Unit: "api.service", Threads: []queue.Thread{{State: "S", Wait: "do_freezer_trap"}, {State: "S", Wait: "do_freezer_trap"}}})}
	}, []string{"LQ022 warning"}},
	{"frozen by version 1, full", 20, func(s *scene) {
		s.counters[overflows] = s.n(1)
		s.listeners = []queue.Listener{by(listens(6, 5, s.n(1)), queue.Process{PID: 7, Name: "api", State: "D", Cgroup: "/docker/0123", Threads: []queue.Thread{{State: "D", Wait: "__refrigerator"}}})}
	}, []string{"LQ022 critical"}},
	{"one thread is frozen, one sleeps", 20, func(s *scene) {
		s.listeners = []queue.Listener{by(listens(3, 128, 0), queue.Process{PID: 7, Name: "api", State: "S", Threads: []queue.Thread{{State: "S", Wait: "do_freezer_trap"}, {State: "S", Wait: "ep_poll"}}})}
	}, nil},

	{"one of two is stopped, stuck", 20, func(s *scene) {
		s.listeners = []queue.Listener{by(waits(listens(2, 128, 0), 9*time.Second+time.Duration(s.i)*step, time.Second),
			queue.Process{PID: 7, Name: "nginx", State: "S"}, queue.Process{PID: 8, Name: "nginx", State: "T"})}
	}, []string{"LQ023 critical"}},
	{"one of two is stopped, full in a group", 20, func(s *scene) {
		s.counters[overflows] = s.n(1)
		l := by(listens(6, 5, s.n(1)), queue.Process{PID: 7, Name: "nginx", State: "S"}, queue.Process{PID: 8, Name: "nginx", State: "t"})
		l.Shared = 2
		s.listeners = []queue.Listener{l}
	}, []string{"LQ023 critical"}},
	{"one of two is stopped, the other accepts", 20, func(s *scene) {
		s.counters[overflows] = s.n(5)
		s.listeners = []queue.Listener{by(listens(512-s.i%2, 511, s.n(5)), queue.Process{PID: 7, Name: "nginx", State: "S"}, queue.Process{PID: 8, Name: "nginx", State: "T"})}
	}, []string{"LQ003 critical"}},

	{"nobody accepts, the one of a group whose queue is not empty", 20, func(s *scene) {
		full, empty := waits(listens(6, 5, 0), 9*time.Second+time.Duration(s.i)*step, time.Second), waits(listens(0, 5, 0), 0, 0)
		empty.Waiting = full.Waiting
		full.Shared, empty.Shared = 2, 2
		s.listeners = []queue.Listener{full, empty}
	}, []string{"LQ002 critical", "LQ013 warning"}},
	{"a group of which two hold connections", 20, func(s *scene) {
		one, other := waits(listens(2, 5, 0), 9*time.Second+time.Duration(s.i)*step, time.Second), listens(1-s.i%2, 5, 0)
		other.Waiting = one.Waiting
		one.Shared, other.Shared = 2, 2
		s.listeners = []queue.Listener{one, other}
	}, nil},
	{"a group of which one was not seen", 20, func(s *scene) {
		one := waits(listens(2, 5, 0), 9*time.Second+time.Duration(s.i)*step, time.Second)
		one.Shared = 2
		s.listeners = []queue.Listener{one}
	}, nil},
	{"most of the queue has closed, and nobody accepts", 20, func(s *scene) {
		s.listeners = []queue.Listener{closed(waits(listens(9, 20, 0), 9*time.Second+time.Duration(s.i)*step, time.Millisecond), 9)}
	}, []string{"LQ002 critical"}},

	{"a filter at the socket", 20, func(s *scene) {
		s.counters["TcpExtListenDrops"], s.counters["TcpExtTCPDeferAcceptDrop"], s.counters["TcpExtEmbryonicRsts"] = 7, 5, 5
		s.listeners = []queue.Listener{listens(0, 128, s.n(1))}
	}, []string{"LQ020 warning"}},
	{"a scanner's odd packet", 20, func(s *scene) {
		s.counters["TcpExtListenDrops"] = 0
		s.listeners = []queue.Listener{listens(0, 128, uint64(s.i/19))}
	}, []string{"LQ020 notice"}},
	{"TCP_DEFER_ACCEPT at work", 20, func(s *scene) {
		s.counters["TcpExtListenDrops"], s.counters["TcpExtTCPDeferAcceptDrop"] = 0, s.n(2)
		s.listeners = []queue.Listener{listens(0, 128, s.n(2))}
	}, nil},
	{"health checks by half a handshake", 20, func(s *scene) {
		s.counters["TcpExtListenDrops"], s.counters["TcpExtEmbryonicRsts"] = 0, s.n(2)
		s.listeners = []queue.Listener{listens(0, 128, s.n(2))}
	}, nil},
	{"TCP_DEFER_ACCEPT at work, and a filter", 20, func(s *scene) {
		s.counters["TcpExtListenDrops"], s.counters["TcpExtTCPDeferAcceptDrop"] = 0, s.n(2)
		s.listeners = []queue.Listener{listens(0, 128, s.n(9))}
	}, []string{"LQ020 warning"}},
	{"one listener overflows, a filter at another", 20, func(s *scene) {
		s.counters[overflows], s.counters["TcpExtListenDrops"] = s.n(1), s.n(1)
		s.listeners = []queue.Listener{listens(6, 5, s.n(1)), on("0.0.0.0:81", listens(0, 128, s.n(9)))}
	}, []string{"LQ006 critical", "LQ020 warning"}},
}

func TestDiagnose(t *testing.T) {
	found := map[string]bool{}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, f := range Diagnose(watched(c.samples, c.describe).View(0)) {
				got = append(got, f.Code+" "+string(f.Severity))
				found[f.Code] = true
				whole(t, f)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
	for _, code := range Codes() {
		if !found[code] {
			t.Errorf("no case finds %s", code)
		}
	}
}

// whole checks what every finding has to have.
func whole(t *testing.T, f Finding) {
	t.Helper()
	if f.Title == "" || f.Effect == "" || len(f.Evidence) == 0 || len(f.Fix) == 0 || len(f.Check) == 0 {
		t.Errorf("%s lacks a part: %+v", f.Code, f)
	}
	if f.Listener != nil && f.Netns != f.Listener.Listener.Netns {
		t.Errorf("%s is about namespace %d and its listener in %d", f.Code, f.Netns, f.Listener.Listener.Netns)
	}
	for _, text := range slices.Concat([]string{f.Title, f.Effect}, f.Evidence, f.Fix, f.Check) {
		if text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%s says %q", f.Code, text)
		}
	}
}

func TestWorstFirst(t *testing.T) {
	h := watched(20, func(s *scene) {
		s.counters[overflows] = uint64(s.i/10*40) + s.n(5)
		s.sysctls["net.ipv4.tcp_syncookies"] = "0"
		s.listeners = []queue.Listener{
			on("0.0.0.0:1", listens(0, 4096, uint64(s.i/10*40))),
			on("0.0.0.0:2", waits(listens(512, 511, s.n(5)), 5120*time.Millisecond, 10*time.Millisecond)),
			on("0.0.0.0:3", waits(listens(2, 128, 0), 9*time.Second+time.Duration(s.i)*step, time.Second)),
		}
	})
	var got []string
	for _, f := range Diagnose(h.View(0)) {
		about := "namespace"
		if f.Listener != nil {
			about = f.Listener.Listener.Address.String()
		}
		got = append(got, f.Code+" "+about)
	}
	want := []string{"LQ003 0.0.0.0:2", "LQ002 0.0.0.0:3", "LQ004 0.0.0.0:1", "LQ010 namespace", "LQ007 0.0.0.0:1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestFullSynQueueNamesItsListener(t *testing.T) {
	for full := range 3 {
		found := Diagnose(watched(20, func(s *scene) {
			s.counters["TcpExtTCPReqQFullDoCookies"], s.counters["TcpExtSyncookiesSent"] = s.n(3), s.n(3)
			for i := range 2 {
				l := on(fmt.Sprintf("0.0.0.0:%d", 1+i), listens(0, 128, 0))
				l.SynLen = queue.Known(0)
				if i < full {
					l.SynLen.N = 129
				}
				s.listeners = append(s.listeners, l)
			}
		}).View(0))
		if len(found) != 1 || (found[0].Listener != nil) != (full == 1) {
			t.Errorf("%d full: %+v", full, found)
		}
	}
}

// TestGolden keeps every word of the findings of the cases above.
func TestGolden(t *testing.T) {
	var b strings.Builder
	for _, c := range cases {
		for _, f := range Diagnose(watched(c.samples, c.describe).View(0)) {
			fmt.Fprintf(&b, "== %s\n%s %s: %s\n", c.name, f.Code, f.Severity, f.Title)
			for _, e := range f.Evidence {
				fmt.Fprintf(&b, "  - %s\n", e)
			}
			fmt.Fprintf(&b, "  feels: %s\n", f.Effect)
			for i, x := range f.Fix {
				fmt.Fprintf(&b, "  %d. %s\n", i+1, x)
			}
			for _, x := range f.Check {
				fmt.Fprintf(&b, "  $ %s\n", x)
			}
			b.WriteString("\n")
		}
	}
	const file = "testdata/findings.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// BenchmarkDiagnose looks at a host of 3,000 listeners, of which ten are in trouble.
func BenchmarkDiagnose(b *testing.B) {
	h := watched(60, func(s *scene) {
		s.counters[overflows] = s.n(50)
		for i := range 3000 {
			l := on(fmt.Sprintf("0.0.0.0:%d", 1+i), listens(0, 511, 0))
			if i < 10 {
				l.AcceptLen, l.Drops = 512-s.i%2, queue.Known(s.n(5))
			}
			s.listeners = append(s.listeners, l)
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		if len(Diagnose(h.View(0))) == 0 {
			b.Fatal("nothing is found")
		}
	}
}
