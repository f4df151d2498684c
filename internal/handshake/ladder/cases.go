package ladder

import (
	"fmt"

	"listenq/internal/judge"
)

// Case is a classified attempt: what it was, and the one reading that is true of it.
// Want is outcome, cause, ended_by, struck and handshake; - for none.
type Case struct{ Name, Ladder, Want string }

// Short is a verdict as Want has it.
func Short(v judge.Verdict) string {
	return fmt.Sprintf("%s %s %s %s %s", v.Outcome, v.Cause, dash(string(v.EndedBy)), dash(string(v.Struck)), dash(string(v.Handshake)))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Beginnings that many ladders have in common.
const (
	Overflow  = "0ms listener 4/3\n 0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK drop=full\n 1ms client ESTABLISHED\n 1ms server SYN_RECV\n"
	Resends   = "1.0s s> SYN-ACK\n 1.001s c> ACK drop=full\n 3.0s s> SYN-ACK\n 3.001s c> ACK drop=full\n 7.2s s> SYN-ACK\n 7.201s c> ACK drop=full\n 15.4s s> SYN-ACK\n 15.401s c> ACK drop=full\n 31.5s s> SYN-ACK\n 31.501s c> ACK drop=full\n"
	Phantom   = "0ms listener 2/1\n 0ms c> SYN cookie\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK checked-full\n 1ms client ESTABLISHED\n 1ms server NONE\n"
	Queued    = "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 1ms client ESTABLISHED\n 1ms server ESTABLISHED\n"
	AllSYNs   = "0ms listener 4/3\n 0ms c> SYN drop=full\n 1s c> SYN drop=full\n 3s c> SYN drop=full\n 7s c> SYN drop=full\n 15s c> SYN drop=full\n 31s c> SYN drop=full\n 63s c> SYN drop=full\n"
	halfOpenF = "half-open accept-queue-full - ack request"
)

// Attempts are the rows of the decision table and the experiments about one attempt.
var Attempts = []Case{
	// kernel.md, 9: the decision table.
	{"syn dropped, accept queue full", "0ms listener 4/3\n 0ms c> SYN drop=full\n 1s c> SYN drop=full\n 1.1s end", "unanswered accept-queue-full - syn -"},
	{"syn dropped, both queues full", "0ms listener 4/3\n 0ms c> SYN drop=full\n 1s c> SYN drop=full", "unanswered accept-queue-full - syn -"},
	{"syn dropped, syn queue full", "0ms c> SYN drop=syn\n 1s c> SYN drop=syn", "unanswered syn-queue-full - syn -"},
	{"syn dropped, reserve", "0ms sysctl net.ipv4.tcp_syncookies 0\n 0ms sysctl net.ipv4.tcp_max_syn_backlog 8\n 0ms listener 0/5 syn=7\n 0ms c> SYN drop=other\n 1s c> SYN drop=other", "unanswered syn-queue-reserve - syn -"},
	{"syn dropped, no memory", "0ms sysctl net.ipv4.tcp_syncookies 1\n 0ms c> SYN drop=other\n 1s c> SYN drop=other", "unanswered host-drop - syn -"},
	{"old kernel: syn answered though full, ack dropped", Overflow, halfOpenF},
	{"cookie, syn queue full, connected", "0ms c> SYN cookie\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK checked\n 1ms server ESTABLISHED", "queued server - - cookie"},
	{"cookie always", "0ms c> SYN cookies=2\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK checked\n 1ms server ESTABLISHED owned", "accepted none - - cookie"},
	{"ack dropped, request kept", Overflow + Resends, halfOpenF},
	{"ack dropped, late by a syn-ack", Overflow + "1s s> SYN-ACK\n 1.001s c> ACK\n 1.01s server ESTABLISHED\n 1.5s server ESTABLISHED owned", "accepted accept-queue-full - ack request"},
	{"ack dropped, late by data", Overflow + "200ms c> DATA drop=full\n 600ms c> DATA again\n 600.3ms s> ACK\n 610ms server ESTABLISHED", "queued accept-queue-full - ack request"},
	{"ack dropped, idle until expired", Overflow + Resends + "64s server NONE\n 70s end", "forgotten accept-queue-full request-expired ack request"},
	{"ack dropped, reset after expiry", Overflow + Resends + "64s server NONE\n 70s c> DATA\n 70.0003s s> RST\n 70.1s end", "reset accept-queue-full request-expired ack request"},
	{"abort on overflow", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK abort\n 0.9ms s> RST\n 2ms server NONE\n 3ms recv ECONNRESET", "reset accept-queue-full abort-on-overflow ack request"},
	{"abort on overflow of data", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK lost\n 0.7ms c> DATA abort\n 1ms s> RST", "reset accept-queue-full abort-on-overflow data request"},
	{"phantom", Phantom + "5s end", "phantom accept-queue-full - ack cookie"},
	{"phantom, data dropped too", Phantom + "100ms c> DATA checked-full\n 300ms c> DATA again checked-full\n", "phantom accept-queue-full - ack cookie"},
	{"phantom, late by its first data", Phantom + "1s c> DATA checked\n 1.0003s s> ACK\n 1.01s server ESTABLISHED", "queued accept-queue-full - ack cookie"},
	{"phantom, reset by a second segment", Phantom + "1s c> DATA checked-full\n 1.0001s c> DATA next rejected\n 1.0003s s> RST", "reset accept-queue-full cookie-rejected ack cookie"},
	{"phantom, reset by a FIN after data", Phantom + "1s c> DATA checked-full\n 1.0001s c> FIN rejected\n 1.0003s s> RST", "reset accept-queue-full cookie-rejected ack cookie"},
	{"duplicate syn of a pending request", "0ms listener 4/3\n 0ms c> SYN\n 0.3ms s> SYN-ACK lost\n 1s c> SYN\n 1.0003s s> SYN-ACK\n 1.001s c> ACK\n 1.01s server ESTABLISHED owned", "accepted network-loss - syn-ack request"},
	{"kept, forgotten, and tried as a cookie", Overflow + Resends + "64s server NONE\n 70s c> DATA rejected\n 70.0003s s> RST\n 70.1s end", "reset accept-queue-full request-expired ack request"},
	{"final ack held until its request has expired", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK takes=9s\n 1ms server SYN_RECV\n 1s s> SYN-ACK\n 3s server NONE\n 9.0008s s> RST\n 9.1s end", "reset network-loss request-expired ack request"},
	{"listener closed with the connection in its queue", Queued + "1s s> RST-ACK\n 1.005s listener closed", "reset listener-closed - - request"},
	{"listener closed, ack had been dropped", Overflow + "0.5s listener closed\n 1s c> DATA\n 1.0003s s> RST", "reset accept-queue-full listener-closed ack request"},
	{"defer accept, no data yet", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK drop=defer\n 1ms server SYN_RECV\n 1ms client ESTABLISHED", "half-open defer-accept - ack request"},
	{"defer accept, data later", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK drop=defer\n 1ms server SYN_RECV\n 500ms c> DATA\n 500.3ms s> ACK\n 501ms server ESTABLISHED owned", "accepted defer-accept - ack request"},
	{"defer accept, data meets a full queue", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK drop=defer\n 500ms c> DATA drop=full\n 800ms c> DATA again drop=full\n 1s s> SYN-ACK", "half-open accept-queue-full - data request"},

	// experiments.md.
	{"a1 queued behind a stopped server", Queued + "100ms c> DATA\n 100.3ms s> ACK", "queued server - - request"},
	{"a1 timed out", AllSYNs + "127s connect 127s ETIMEDOUT\n 127.1s end", "timed-out accept-queue-full timeout syn -"},
	{"a2 half-open, closed", Overflow + "500ms c> FIN drop=full\n 700ms c> FIN again drop=full\n 1s s> SYN-ACK\n 1.1s c> FIN again drop=full", halfOpenF},
	{"a2 queued, closed", Queued + "500ms c> FIN\n 500.3ms s> ACK\n 510ms server CLOSE_WAIT\n 61s client NONE", "queued server - - request"},
	{"a2 syn dropped while the dead wait", "0ms listener 4/3\n 0ms c> SYN drop=full", "unanswered accept-queue-full - syn -"},
	{"b1 phantom as published", Phantom + "2s end", "phantom accept-queue-full - ack cookie"},
	{"b1 room before the retries end", Overflow + "1s s> SYN-ACK\n 1.001s c> ACK drop=full\n 3s s> SYN-ACK\n 3.001s c> ACK\n 3.01s server ESTABLISHED", "queued accept-queue-full - ack request"},
	{"b3 cookies ignore abort_on_overflow", Phantom, "phantom accept-queue-full - ack cookie"},
	{"b4 without delay, answered late", "0ms listener 2/1\n 0ms c> SYN drop=full\n 1.02s c> SYN\n 1.0203s s> SYN-ACK\n 1.0206s c> ACK\n 1.03s server ESTABLISHED owned", "accepted accept-queue-full - syn request"},
	{"c4 data and FIN of the half-open", Overflow + "0.7ms c> DATA drop=full\n 0.8ms c> FIN drop=full\n 200ms c> DATA again drop=full\n 600ms c> DATA again drop=full\n" + Resends + "64s server NONE\n 70s c> DATA again\n 70.0003s s> RST", "reset accept-queue-full request-expired ack request"},
	{"c5 immediate reset", Phantom + "1ms c> DATA checked-full\n 1.1ms c> FIN rejected\n 1.4ms s> RST", "reset accept-queue-full cookie-rejected ack cookie"},
	{"d4 flood: a spoofed syn", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 1ms server SYN_RECV\n 1s s> SYN-ACK\n 3s s> SYN-ACK", "pending client - - request"},
	{"d4 flood: its request expires", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 1ms server SYN_RECV\n 1s s> SYN-ACK\n 3s s> SYN-ACK\n 7s server NONE\n 7.5s end", "timed-out client request-expired - request"},
	{"d5 client fooling", Overflow + "100ms c> DATA drop=full\n 300ms c> DATA again drop=full\n 700ms c> DATA again drop=full\n 1s s> SYN-ACK\n 1.001s c> ACK drop=full", halfOpenF},
	{"e2 connect itself is reset", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK abort\n 0.9ms s> RST\n 1ms connect 1ms ECONNRESET", "reset accept-queue-full abort-on-overflow ack request"},
	{"x6 slow accept, late by two SYNs", "0ms listener 4/3\n 0ms c> SYN drop=full\n 1s c> SYN drop=full\n 3s c> SYN\n 3.0003s s> SYN-ACK\n 3.0006s c> ACK\n 3.01s server ESTABLISHED owned", "accepted accept-queue-full - syn request"},
	{"x8 syn lost", "0ms c> SYN lost\n 1s c> SYN\n 1.0003s s> SYN-ACK\n 1.0006s c> ACK\n 1.01s server ESTABLISHED owned", "accepted network-loss - syn request"},
	{"x8 final ack lost", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK lost\n 1ms server SYN_RECV\n 1s s> SYN-ACK\n 1.001s c> ACK\n 1.01s server ESTABLISHED owned", "accepted network-loss - ack request"},
	{"x8 final ack lost, not yet again", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK lost\n 1ms server SYN_RECV\n 1ms client ESTABLISHED", "half-open network-loss - ack request"},
	{"x8 all syns lost", "0ms c> SYN lost\n 1s c> SYN lost\n 3s c> SYN lost\n 7s connect 7s ETIMEDOUT\n 7s end", "timed-out network-loss timeout syn -"},
	{"x8 final ack lost, data makes it", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK lost\n 0.7ms c> DATA\n 1ms s> ACK\n 2ms server ESTABLISHED owned", "accepted network-loss - ack request"},
	{"x10 fast open", "0ms c> TFO\n 0.3ms s> SYN-ACK takesdata\n 0.6ms c> ACK\n 1ms server ESTABLISHED", "queued server - - fastopen"},
	{"x10 fast open, queue full", "0ms listener 2/1\n 0ms c> TFO drop=full\n 1s c> SYN drop=full", "unanswered accept-queue-full - syn -"},
	{"x11 reset while queued", Queued + "100ms c> RST-ACK\n 110ms server NONE", "queued server - - request"},
	{"x11 reset while queued, accepted then", Queued + "100ms c> RST-ACK\n 110ms server NONE\n 200ms accepted", "accepted none - - request"},
	{"x11 reset while half-open", Overflow + "100ms c> RST-ACK embryonic\n 110ms server NONE", "reset accept-queue-full client ack request"},
	{"x12 accepted, served to nobody", Queued + "1s c> FIN\n 1.0003s s> ACK\n 5s server CLOSE_WAIT owned\n 6s s> DATA\n 6.0003s c> RST", "accepted none - - request"},

	// Others that the table of outcomes knows.
	{"accepted", Queued + "2ms server ESTABLISHED owned", "accepted none - - request"},
	{"accepted, then reset by its program", Queued + "2ms server ESTABLISHED owned\n 5ms s> RST-ACK\n 10ms listener closed", "accepted none - - request"},
	{"queued, reset by a program that accepted it between samples", Queued + "5ms s> RST-ACK\n 10ms listener 0/3", "accepted none - - request"},
	{"refused", "0ms c> SYN\n 0.3ms s> RST-ACK\n 1ms connect 1ms ECONNREFUSED", "refused no-listener - - -"},
	{"refused, listener seen before", "0ms listener 0/3\n 0.1ms listener closed\n 1ms c> SYN\n 1.3ms s> RST-ACK", "refused listener-closed - - -"},
	{"gave up unanswered", "0ms listener 4/3\n 0ms c> SYN drop=full\n 0.5s connect 0.5s EALREADY own", "gave-up accept-queue-full client syn -"},
	{"gave up, answered then", "0ms c> SYN takes=300ms\n 0.1s connect 0.1s EALREADY own\n 0.3003s s> SYN-ACK\n 0.3006s c> RST embryonic", "gave-up client - - request"},
	{"half scan", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> RST embryonic", "gave-up client - - request"},
	{"filtered by the host", "0ms c> SYN\n 1s c> SYN\n 3s c> SYN", "unanswered host-drop - syn -"},
	{"in flight", "0ms c> SYN takes=100ms\n", "unanswered none - - -"},
}
