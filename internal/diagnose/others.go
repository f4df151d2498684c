package diagnose

import (
	"fmt"
	"strconv"

	"listenq/internal/queue"
	"listenq/internal/text"
)

// skewed is for the first full listener of an SO_REUSEPORT group with room elsewhere.
// The kernel chooses by a hash of the addresses, not by who has room
// (reuseport_select_sock, net/core/sock_reuseport.c).
func skewed(s *situation) (Finding, bool) {
	if !s.failing() {
		return Finding{}, false
	}
	full, idle, members := 0, 0, 0
	var rows []string
	for _, o := range s.netns.groups[s.Listener.Address] {
		bad := o.failing()
		switch {
		case bad && full == 0 && o != s:
			return Finding{}, false // it was reported with the worst one
		case bad:
			full++
		case o.Listener.AcceptLimit >= 0 && o.Listener.Fill() < majority:
			idle++
		}
		members++
		if members <= shown {
			rows = append(rows, fmt.Sprintf("%s: %d of limit %d", o.owners(), o.Listener.AcceptLen, o.Listener.AcceptLimit))
		}
	}
	if idle == 0 {
		return Finding{}, false
	}
	return Finding{
		Severity: Warning, Listener: s.Trend, Title: "one listener of the group is full while others have room",
		Evidence: append([]string{fmt.Sprintf("%d sockets listen at this address (SO_REUSEPORT): %d full, %d with room", members, full, idle)}, rows...),
		Effect:   fmt.Sprintf("about %d of %d clients fail, always the same by address and port, the others notice nothing: %s", full, members, s.feelOverflow()),
		Fix: []string{
			"find why this member does not accept: see the other finding of this listener",
			"let all workers accept from one socket instead of one each (nginx: listen without reuseport)",
			"not by net.ipv4.tcp_migrate_req: it moves connections when a member closes, not when it is full",
		},
		Check: append(s.checkThreads(), s.checkQueue()[0]),
	}, true
}

// leavers is the share of the queue that has gone, if it is worth reporting.
func (s *situation) leavers() (closed, dead, all int, worth bool) {
	closed, dead, all = s.gone()
	oldest, ok := s.Listener.Waiting.Oldest()
	return closed, dead, all, dead > 0 || closed > 0 && ok && oldest >= stoppedAfter
}

func (s *situation) leaverLines(closed, dead, all int) []string {
	lines := []string{leaversLine(closed, dead, all)}
	if s.Listener.Shared > 1 && !s.waitsAreOwn() {
		lines[0] += fmt.Sprintf("; over the %d listeners at this address", s.Listener.Shared)
	}
	if w := s.waitLine(); w != "" {
		lines = append(lines, w)
	}
	return append(lines, "a client may close its sending side alone and still wait for an answer: CLOSE_WAIT does not show which", "process: "+s.owners())
}

func leaversLine(closed, dead, all int) string {
	return fmt.Sprintf("in the queue: %s; of them closed by their client (CLOSE_WAIT): %d, reset: %d", count(uint64(all), "connection"), closed, dead)
}

func (s *situation) checkGone() []string {
	return []string{
		s.enter() + "ss -tnpo state close-wait " + s.port() + "   # rows without users: wait in the queue; Recv-Q: what they sent before",
		s.enter() + "ss -ltn " + s.port() + "   # Recv-Q above the number of rows that wait: the rest are reset",
	}
}

func gaveUp(s *situation) (Finding, bool) {
	closed, dead, all, worth := s.leavers()
	if !worth || mostlyDead(closed+dead, all) || s.cause.explains() {
		return Finding{}, false
	}
	return Finding{
		Severity: Warning, Listener: s.Trend, Title: "clients gave up while they waited to be accepted",
		Evidence: s.leaverLines(closed, dead, all),
		Effect:   "they ran into a timeout of their own after connect() had succeeded; they keep their places in the queue until accept() takes them",
		Fix:      append(s.fixAccept(), "compare the client's timeout with the wait above: whoever waits longer is served for nothing", "a longer queue makes it worse"),
		Check:    s.checkGone(),
	}, true
}

// mostlyDead reports whether what will be accepted is mostly gone; of one or two
// connections that is chance.
func mostlyDead(gone, all int) bool { return gone > 2 && 2*gone > all }

func servingTheDead(s *situation) (Finding, bool) {
	closed, dead, all, worth := s.leavers()
	if !worth || !mostlyDead(closed+dead, all) || s.cause.explains() {
		return Finding{}, false
	}
	return Finding{
		Severity: Critical, Listener: s.Trend, Title: "the server works for clients that are gone: most of the queue has been closed",
		Evidence: s.leaverLines(closed, dead, all),
		Effect:   "nobody gets an answer in time: each client waits behind those that gave up, gives up itself and comes again; the load looks high and nothing is served",
		Fix: append([]string{
			"take load away for a moment (at the load balancer), or " + s.restart() + ": it resets all who wait, and nearly all of them are gone",
			"let clients wait longer between their tries than they wait for an answer (back-off, jitter)",
			"a shorter queue: no longer than what is served within the client's timeout",
		}, s.fixAccept()...),
		Check: s.checkGone(),
	}, true
}

// pastOverflows compares ListenOverflows, which is of the namespace and its whole
// life, with sk_drops of the sockets that live. Each overflow raises that by one at
// least (tcp_listendrop, include/net/tcp.h, Linux 4.9), so what is above was
// dropped by sockets that are gone.
func pastOverflows(p *netns) (Finding, bool) {
	total, ok := p.trend.Namespace.Counters.Get("TcpExtListenOverflows")
	if !ok || total == 0 || len(p.listeners) == 0 {
		return Finding{}, false
	}
	living := p.rose("TcpExtListenOverflows") // what rose just now may not be in sk_drops yet
	for _, s := range p.listeners {
		if !s.Listener.Drops.Known {
			return Finding{}, false
		}
		living += s.Listener.Drops.N
	}
	if total <= living {
		return Finding{}, false
	}
	return Finding{
		Severity: Notice, Title: "accept queues overflowed in the past, of listeners that are closed since",
		Evidence: []string{
			p.where(),
			fmt.Sprintf("ListenOverflows is %d since the namespace began; sk_drops of what listens now (%s) account for %d at most", total, count(uint64(len(p.listeners)), "socket"), living),
			"when it was, and which they were, the kernel does not keep",
		},
		Effect: "none now; then: " + feelSYN,
		Fix: []string{
			"compare with the dates of restarts and deploys: overflows often come just before one, and at the start of a server",
			"watch the next one: listenq check -- COMMAND, or listenq ls --watch 1s --json into a file",
		},
		Check: []string{p.enter() + "nstat -az TcpExtListenOverflows", p.enter() + "ss -ltnm   # d in skmem: sk_drops of each"},
	}, true
}

func otherSomaxconn(p *netns) (Finding, bool) {
	here, ok := p.somaxconn()
	if !ok || p.host == nil || p.trend.Namespace.Host {
		return Finding{}, false
	}
	host, err := strconv.Atoi(p.host.Sysctls["net.core.somaxconn"])
	if err != nil || host == here {
		return Finding{}, false
	}
	for _, s := range p.listeners {
		if s.Listener.AcceptLimit == here {
			return s.otherSomaxconn(here, host), true
		}
	}
	return Finding{}, false
}

func (s *situation) otherSomaxconn(here, host int) Finding {
	return Finding{
		Severity: Notice, Title: "net.core.somaxconn is not the host's in this namespace, and limits a listener",
		Evidence: []string{
			s.netns.where(),
			fmt.Sprintf("net.core.somaxconn is %d here and %d on the host", here, host),
			fmt.Sprintf("%s has the limit %d: likely clamped by it", s.Listener.Address, s.Listener.AcceptLimit),
			"process: " + s.owners(),
		},
		Effect: "none by itself: a setting made on the host has no effect in here",
		Fix:    []string{"if the limit is too low: " + s.raiseSomaxconn(), needListen + ": " + s.setting()},
		Check:  []string{s.netns.checkSysctl("net.core.somaxconn"), s.enter() + "ss -ltn " + s.port()},
	}
}

// otherDrops is for SYNs dropped although no queue was full. Up to Linux 4.4 each
// cookie sent counts in ListenDrops, so those are left out.
func otherDrops(p *netns) (Finding, bool) {
	drops, overflows, full := p.moved("TcpExtListenDrops"), p.moved("TcpExtListenOverflows"), p.moved("TcpExtTCPReqQFullDrop")
	known := overflows.N + full.N + p.rose("TcpExtSyncookiesSent")
	if !drops.Known || !overflows.Known || !full.Known || drops.N < known+queue.CounterSkew {
		return Finding{}, false
	}
	f := Finding{
		Severity: Warning, Title: "SYNs or final ACKs are dropped for another reason than a full queue",
		Evidence: []string{
			p.where(),
			fmt.Sprintf("ListenDrops rose by %d within %s, only %s of them by full queues", drops.N, text.Span(p.trend.Window), strconv.FormatUint(overflows.N+full.N, 10)),
		},
		Effect: feelSYN,
		Fix: []string{
			"look for memory that ran out and routes that are missing for the answer: dmesg, ip route get CLIENT",
			"a security module or a BPF program can refuse requests, too",
		},
		Check: []string{p.enter() + "nstat -az TcpExtListenDrops TcpExtListenOverflows TcpExtTCPReqQFullDrop", p.enter() + "ss -tan state syn-recv"},
	}
	if v, _ := p.sysctl("net.ipv4.tcp_syncookies"); v == "0" {
		f.Evidence = append(f.Evidence, "net.ipv4.tcp_syncookies is 0: the last quarter of net.ipv4.tcp_max_syn_backlog is kept for clients known from before")
		f.Fix = append([]string{"sysctl -w net.ipv4.tcp_syncookies=1: then nothing is kept back"}, f.Fix...)
	}
	return f, true
}
