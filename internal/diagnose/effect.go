package diagnose

import "strings"

// What clients feel, by the packet that is dropped. The times are those of a Linux
// client and server with tcp_syn_retries 6 and tcp_synack_retries 5
// (tcp_retransmit_timer, net/ipv4/tcp_timer.c; reqsk_timer_handler,
// net/ipv4/inet_connection_sock.c).
const (
	feelSYN = "a client whose SYN is dropped hangs in connect(): it gets in 1, 3, 7, 15, 31 or 63 s late " +
		"(Linux clients since 6.5: 1, 2, 3, 4, 5, 7, 11 … s) if there is room then, else ETIMEDOUT after 127 s (131 s)"
	feelACK = "a client whose final ACK is dropped is connected to a server that does not have it: " +
		"it gets in 1, 3, 7, 15 or 31 s late if there is room then, else its next segment after 63 s gets ECONNRESET"
	feelAbort  = "a client whose final ACK is dropped is reset (tcp_abort_on_overflow is 1): ECONNRESET from connect() or the first read or write"
	feelCookie = "a client whose handshake was a SYN cookie is connected to nothing: its first data is sent again in silence, its second segment gets ECONNRESET"
	feelWait   = "clients in the queue are connected and wait: what they send is acknowledged and answered by nobody until accept() takes them"
	feelRoom   = "health checks that only connect succeed until the queue is full"
	feelNext   = "the queue is full, so the next client fails: "
)

// feelOverflow is what clients feel of a full accept queue here.
func (s *situation) feelOverflow() string {
	ack := feelACK
	if v, _ := s.netns.sysctl("net.ipv4.tcp_abort_on_overflow"); v == "1" {
		ack = feelAbort
	}
	var all []string
	known := s.Paths.SYN.Known && s.Paths.ACK.Known
	if !known || s.Paths.SYN.N > 0 {
		all = append(all, feelSYN)
	}
	if !known || s.Paths.ACK.N > 0 {
		all = append(all, ack)
	}
	if s.netns.rose("TcpExtSyncookiesRecv") > 0 {
		all = append(all, feelCookie)
	}
	text := strings.Join(all, "; ")
	if !s.overflowed {
		return feelNext + text
	}
	return text
}
