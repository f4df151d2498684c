package diagnose

import (
	"fmt"

	"listenq/internal/queue"
	"listenq/internal/text"
)

// leastRefused is how many packets make a warning: single odd ones come from every scanner.
const leastRefused = 3

// refused is for packets that are dropped at the socket before any queue is asked.
func refused(s *situation) (Finding, bool) {
	if s.DroppedBy != queue.DropOther {
		return Finding{}, false
	}
	severity := Notice
	if s.Dropped.N >= leastRefused {
		severity = Warning
	}
	listenDrops := s.netns.rose("TcpExtListenDrops")
	return Finding{
		Severity: severity, Listener: s.Trend, Title: "packets are dropped at the socket, and not by a queue",
		Evidence: []string{
			fmt.Sprintf("sk_drops rose by %d within %s, ListenDrops of its namespace by %d: a full queue raises both", s.Dropped.N, text.Span(s.Window), listenDrops),
			s.queueLine(),
			fmt.Sprintf("TCPDeferAcceptDrop rose by %d, EmbryonicRsts by %d: TCP_DEFER_ACCEPT and clients that reset their handshakes do not account for it", s.netns.rose("TcpExtTCPDeferAcceptDrop"), s.netns.rose("TcpExtEmbryonicRsts")),
			"process: " + s.owners(),
		},
		Effect: "none, if they are a scanner's or SYNs that were sent again; if a filter drops SYNs: " + feelSYN,
		Fix: []string{
			"look for a filter at the socket: IPAddressDeny= or IPAddressAllow= of its systemd unit, an eBPF program at its control group, SO_ATTACH_FILTER by the program itself, an IPsec policy",
			"look at what arrives: listenq explain of a capture shows SYNs without an answer, SYNs sent again, and scans",
			"not a longer backlog: no queue was full",
		},
		Check: []string{
			s.enter() + "nstat -az TcpExtListenDrops TcpExtTCPDeferAcceptDrop TcpExtEmbryonicRsts; " + s.enter() + "ss -ltnm " + s.port() + "   # d in skmem: sk_drops",
			"bpftool cgroup tree   # ingress: programs that see what arrives",
			s.enter() + "cat /proc/net/xfrm_stat",
		},
	}, true
}
