package diagnose

import (
	"fmt"
	"strings"

	"listenq/internal/queue"
	"listenq/internal/text"
)

const keepCookies = "leave net.ipv4.tcp_syncookies at 1, or set it back: sysctl -w net.ipv4.tcp_syncookies=1"

// where names a namespace.
func (p *netns) where() string {
	n := p.trend.Namespace
	switch {
	case n.Host:
		return "network namespace of the host"
	case n.Name != "":
		return fmt.Sprintf("network namespace %s (%d)", quoted(n.Name), n.ID)
	}
	return fmt.Sprintf("network namespace %d", n.ID)
}

// synFull names the listeners of which a sample saw the SYN queue full: it holds
// backlog + 1 requests, or backlog before commit 3479c7549fb1
// (inet_csk_reqsk_queue_is_full, include/net/inet_connection_sock.h). If there is
// only one, that is returned.
func (p *netns) synFull() (text string, one *queue.Trend) {
	var all []string
	for _, s := range p.listeners {
		top := uint64(0)
		for _, point := range s.Points {
			if point.SynLen.Known {
				top = max(top, point.SynLen.N)
			}
		}
		if limit := s.Listener.AcceptLimit; limit > 0 && top >= uint64(limit) {
			all = append(all, fmt.Sprintf("%s (%d requests, limit %d)", s.Listener.Address, top, limit))
			one = s.Trend
		}
	}
	if len(all) == 0 {
		return "which listener's SYN queue is full was not seen: it is short-lived, or the requests were not counted", nil
	}
	if len(all) > 1 {
		one = nil
	}
	more := ""
	if len(all) > shown {
		more = fmt.Sprintf(" and %d more", len(all)-shown)
	}
	return "SYN queue seen full: " + strings.Join(all[:min(len(all), shown)], ", ") + more, one
}

func (p *netns) checkSYN() []string {
	return []string{
		p.enter() + "nstat -az TcpExtTCPReqQFullDoCookies TcpExtTCPReqQFullDrop TcpExtSyncookiesSent TcpExtListenDrops",
		p.enter() + "ss -tan state syn-recv   # the requests",
		"dmesg | grep 'Possible SYN flooding on port'   # once in a listener's life",
	}
}

var fixSYN = []string{
	"flood or honest clients? look at the addresses of the requests: many that never finish are a flood",
	"honest clients: a larger backlog of the listener, and net.core.somaxconn as high, then listen() again: both queues have this limit",
	keepCookies,
	"not by net.ipv4.tcp_max_syn_backlog: it does not limit the SYN queue while cookies are on (Linux 4.4 and later)",
}

// cookiesSent asks for cookies that were sent: TCPReqQFullDoCookies alone counts
// SYNs, too, that the full accept queue dropped (tcp_conn_request,
// net/ipv4/tcp_input.c).
func cookiesSent(p *netns) (Finding, bool) {
	full, sent := p.rose("TcpExtTCPReqQFullDoCookies"), p.rose("TcpExtSyncookiesSent")
	if v, _ := p.sysctl("net.ipv4.tcp_syncookies"); v != "1" || full == 0 || sent == 0 {
		return Finding{}, false
	}
	queues, one := p.synFull()
	return Finding{
		Severity: Notice, Listener: one, Title: "a SYN queue is full; clients are served by SYN cookies",
		Evidence: []string{
			p.where(),
			fmt.Sprintf("TCPReqQFullDoCookies rose by %d and SyncookiesSent by %d within %s", full, sent, text.Span(p.trend.Window)),
			queues,
		},
		Effect: "clients connect as usual; without TCP timestamps such a connection has neither window scaling nor SACK and can be slow; " +
			"if the accept queue is full as well: " + feelCookie,
		Fix:   fixSYN,
		Check: p.checkSYN(),
	}, true
}

func requestsDropped(p *netns) (Finding, bool) {
	n := p.rose("TcpExtTCPReqQFullDrop")
	if n == 0 {
		return Finding{}, false
	}
	queues, one := p.synFull()
	return Finding{
		Severity: Critical, Listener: one, Title: "a SYN queue is full and SYN cookies are off: clients are locked out",
		Evidence: []string{p.where(), fmt.Sprintf("TCPReqQFullDrop rose by %d within %s", n, text.Span(p.trend.Window)), queues},
		Effect:   feelSYN,
		Fix:      append([]string{"turn SYN cookies on: sysctl -w net.ipv4.tcp_syncookies=1; it counts at once"}, fixSYN[:2]...),
		Check:    append(p.checkSYN(), p.checkSysctl("net.ipv4.tcp_syncookies")),
	}, true
}

// set reports whether a setting has a value in a namespace that serves others.
func (p *netns) set(name, value string) bool {
	v, ok := p.sysctl(name)
	return ok && v == value && p.serves()
}

func cookiesOff(p *netns) (Finding, bool) {
	const name = "net.ipv4.tcp_syncookies"
	if !p.set(name, "0") {
		return Finding{}, false
	}
	return Finding{
		Severity: Warning, Title: "SYN cookies are off: a small flood of SYNs locks everybody out",
		Evidence: []string{p.where(), name + " = 0"},
		Effect:   "none until a SYN queue is full; then " + feelSYN,
		Fix:      []string{"sysctl -w " + name + "=1, the kernel's default; it counts at once and changes nothing while there is room"},
		Check:    []string{p.checkSysctl(name), p.enter() + "nstat -az TcpExtTCPReqQFullDrop TcpExtListenDrops"},
	}, true
}

func cookiesAlways(p *netns) (Finding, bool) {
	const name = "net.ipv4.tcp_syncookies"
	if !p.set(name, "2") {
		return Finding{}, false
	}
	return Finding{
		Severity: Notice, Title: "every SYN is answered with a cookie, full or not: a setting for tests",
		Evidence: []string{p.where(), name + " = 2", "TCPReqQFullDoCookies counts every SYN now and means nothing"},
		Effect: "clients without TCP timestamps get neither window scaling nor SACK; a lost SYN-ACK is not sent again by the server; " +
			"if the accept queue is full: " + feelCookie,
		Fix:   []string{"sysctl -w " + name + "=1, the kernel's default: cookies only when the SYN queue is full"},
		Check: []string{p.checkSysctl(name), p.enter() + "nstat -az TcpExtSyncookiesSent TcpExtSyncookiesRecv TcpExtSyncookiesFailed"},
	}, true
}

func abortOnOverflow(p *netns) (Finding, bool) {
	const name = "net.ipv4.tcp_abort_on_overflow"
	if !p.set(name, "1") {
		return Finding{}, false
	}
	return Finding{
		Severity: Notice, Title: "tcp_abort_on_overflow is on: a short burst becomes failed connections",
		Evidence: []string{p.where(), name + " = 1"},
		Effect:   "none while there is room; at a full accept queue " + feelAbort + "; with 0 it gets in late if room appears",
		Fix: []string{
			"sysctl -w " + name + "=0, the kernel's default, unless clients are meant to fail over at once",
			"do not count on it: it acts on the final ACK of kept requests alone, not on dropped SYNs and not on SYN cookies",
		},
		Check: []string{p.checkSysctl(name), p.enter() + "nstat -az TcpExtEmbryonicRsts TcpExtListenOverflows TcpOutRsts"},
	}, true
}

// many is how many requests are worth a look when SYN-ACKs are sent again.
const many = 8

// unfinished asks for SYN-ACKs that were probably sent again: with clients that
// answer, requests are as many as come in one round trip. TCPSynRetrans counts SYNs
// of this host, too (tcp_rtx_synack and __tcp_retransmit_skb, net/ipv4/tcp_output.c).
func unfinished(s *situation) (Finding, bool) {
	overflows, again := s.netns.moved("TcpExtListenOverflows"), s.netns.rose("TcpExtTCPSynRetrans")
	n := s.Listener.SynLen
	if !n.Known || n.N < many || again < many || s.Listener.SynAge > stoppedAfter || !overflows.Known || overflows.N > 0 {
		return Finding{}, false
	}
	return Finding{
		Severity: Notice, Listener: s.Trend, Title: "requests get no final ACK and will expire: a flood, or a path that loses packets",
		Evidence: []string{
			count(n.N, "request") + " in SYN_RECV",
			fmt.Sprintf("TCPSynRetrans of the namespace rose by %d within %s: SYN-ACKs sent again, and SYNs of this host's own", again, text.Span(s.Window)),
			"the accept queue did not overflow meanwhile, so the ACKs were not dropped there",
		},
		Effect: "spoofed clients feel nothing; an honest one whose SYN-ACK or ACK is lost waits 1, 3, 7 … s; a request expires after 63 s (7 s when the SYN queue is over half full), " +
			"and a client that thinks it is connected gets ECONNRESET then",
		Fix: []string{
			"look at the addresses: many networks that never finish are a flood: " + keepCookies,
			"few addresses: a firewall, a load balancer or a route that loses one direction; capture on both sides",
			"not by fewer net.ipv4.tcp_synack_retries on a lossy path: honest clients fail earlier then",
		},
		Check: []string{s.enter() + "ss -tano state syn-recv " + s.port(), s.enter() + "nstat -az TcpExtTCPSynRetrans TcpExtTCPTimeouts TcpExtListenOverflows"},
	}, true
}
