package ladder

// Lookalikes look like an overflow and are none.
var Lookalikes = []Case{
	{"duplicated syn", "0ms c> SYN twice\n 0.3ms s> SYN-ACK\n 0.31ms s> SYN-ACK\n 0.6ms c> ACK\n 1ms server ESTABLISHED owned", "accepted none - - request"},
	{"duplicated final ack", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK twice\n 1ms server ESTABLISHED owned", "accepted none - - request"},
	{"duplicated syn-ack, answered twice", "0ms c> SYN\n 0.3ms s> SYN-ACK twice\n 0.6ms c> ACK\n 0.61ms c> ACK\n 1ms server ESTABLISHED owned", "accepted none - - request"},
	{"data overtakes the final ack", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK takes=5ms\n 0.7ms c> DATA\n 1ms s> ACK\n 2ms server ESTABLISHED owned", "accepted none - - request"},
	{"lost syn-ack", "0ms c> SYN\n 0.3ms s> SYN-ACK lost\n 1ms server SYN_RECV\n 1s s> SYN-ACK\n 1.001s c> ACK\n 1.01s server ESTABLISHED owned", "accepted network-loss - syn-ack request"},
	{"lost data while the final ACK is on its way", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 0.7ms c> DATA lost\n 1ms server ESTABLISHED owned\n 210ms c> DATA again\n 210.3ms s> ACK", "accepted none - - request"},
	{"lost data of an accepted connection", Queued + "5ms server ESTABLISHED owned\n 10ms c> DATA lost\n 210ms c> DATA again\n 210.3ms s> ACK", "accepted none - - request"},
	{"keep-alive of an idle connection", Queued + "2s c> KEEPALIVE\n 2.0003s s> ACK", "queued server - - request"},
	{"slow network", "0ms c> SYN takes=700ms\n 700ms s> SYN-ACK takes=700ms\n 1s c> SYN takes=700ms\n 1.4s c> ACK takes=700ms\n 1.65s s> SYN-ACK takes=700ms\n 1.7s s> SYN-ACK\n 2.2s server ESTABLISHED owned", "accepted none - - request"},
	{"rst from a middlebox", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK takes=1s\n 0.7ms s> RST foreign", "queued server - - request"},
	{"one dropped before its listener's TCP", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 30ms server SYN_RECV\n 1s s> SYN-ACK\n 1.001s c> ACK\n 1.1s server ESTABLISHED owned", "accepted host-drop - ack request"},
	{"sample older than the final ack", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 0.81ms server SYN_RECV\n 0.9ms server NONE", "queued server - - request"},
	{"rst of the client in flight with its final ack", Queued + "2ms c> RST\n", "queued server - - request"},
}

// Sampled are attempts whose end only samples show: what they were, and the story
// is in testdata/stories-sampled.txt. The last word of Want is the confidence.
var Sampled = []Case{
	{"reset for its expired request, listener closed later", Overflow + Resends + "64s server NONE\n 70s c> DATA\n 70.0003s s> RST\n 70.1s server NONE\n 72s listener closed\n 72.1s server NONE", "reset accept-queue-full request-expired ack request certain"},
	{"the same, the request's end was not sampled", "0ms listener 0/3\n" + Overflow + Resends + "70s c> DATA\n 70.0003s s> RST\n 70.1s server NONE\n 71s server NONE\n 72s listener closed", "reset accept-queue-full request-expired ack request certain"},
	{"aborted, listener closed later", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK abort\n 0.9ms s> RST\n 2ms server NONE\n 3ms server NONE\n 50ms listener closed", "reset accept-queue-full abort-on-overflow ack request certain"},
	{"request of a closed listener expires, then data", Overflow + "0.5s listener closed\n 3.2s server NONE\n 4s c> DATA\n 4.0003s s> RST", "reset accept-queue-full listener-closed ack request certain"},
	{"queued at one of two listeners that closes", "0ms listener 1/1 inode=1\n 0ms listener 1/1 inode=2\n" + Queued + "50ms listener 1/1 inode=1\n 100ms s> RST-ACK\n 105ms listener 2/1 inode=1\n 105ms listener closed inode=2\n 110ms server NONE", "reset listener-closed - - request certain"},
	{"the same, the sample that tells of the end came before the reset", "0ms listener 1/1 inode=1\n 0ms listener 1/1 inode=2\n" + Queued + "50ms listener 1/1 inode=1\n 105ms listener closed inode=2\n 105ms server NONE\n 105.01ms s> RST-ACK\n 110ms listener 2/1 inode=1\n 115ms server NONE\n 120ms server NONE", "reset listener-closed - - request certain"},
	{"the same, never sampled", "0ms listener 1/1 inode=1\n 0ms listener 1/1 inode=2\n 0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK\n 2ms s> RST-ACK\n 5ms listener closed inode=2\n 10ms server NONE", "reset listener-closed - - request likely"},
	{"reset by its program, two listeners stay", "0ms listener 1/1 inode=1\n 0ms listener 1/1 inode=2\n" + Queued + "100ms s> RST-ACK\n 105ms server NONE\n 110ms server NONE\n 200ms listener closed inode=2", "accepted none - - request certain"},
	{"reset, not decided yet", "0ms listener 1/1 inode=1\n 0ms listener 1/1 inode=2\n" + Queued + "100ms s> RST-ACK", "queued server - - request possible"},
	{"reset by its client while queued, listener closed", Queued + "100ms c> RST-ACK\n 110ms server NONE\n 200ms listener closed\n 210ms server NONE", "reset server client - request certain"},
	{"the same, a late segment is answered with RST", Queued + "100ms c> RST-ACK\n 110ms server NONE\n 120ms c> DATA\n 120.3ms s> RST\n 130ms server NONE\n 140ms server NONE", "queued server - - request certain"},
	{"the same, then the listener is closed", Queued + "100ms c> RST-ACK\n 110ms server NONE\n 120ms c> DATA\n 120.3ms s> RST\n 130ms server NONE\n 200ms listener closed\n 300ms c> DATA\n 300.3ms s> RST", "reset server client - request certain"},
	{"reset by its client while queued, one of two listeners closed", "0ms listener 1/1 inode=1\n 0ms listener 1/1 inode=2\n" + Queued + "100ms c> RST-ACK\n 110ms server NONE\n 200ms listener closed inode=2", "queued server - - request possible"},
	{"reset by its client while queued, the queue is empty then", "0ms listener 0/5\n" + Queued + "10ms listener 1/5\n 100ms c> RST-ACK\n 110ms server NONE\n 200ms listener 0/5", "accepted none - - request certain"},
	{"cookie, the SYN queue is full", "0ms sysctl net.ipv4.tcp_syncookies 1\n 0ms listener 0/1 syn=2\n 0ms c> SYN cookie\n 0.3ms s> SYN-ACK", "pending none - - cookie certain"},
	{"cookie, always", "0ms sysctl net.ipv4.tcp_syncookies 2\n 0ms listener 0/1 syn=0\n 0ms c> SYN cookie\n 0.3ms s> SYN-ACK", "pending none - - cookie certain"},
	{"SYN queue full, measured", "0ms sysctl net.ipv4.tcp_syncookies 0\n 0ms listener 0/1 syn=2\n 0ms c> SYN drop=syn\n 1s c> SYN drop=syn", "unanswered syn-queue-full - syn - certain"},
	{"SYN queue's reserve, measured", "0ms sysctl net.ipv4.tcp_syncookies 0\n 0ms sysctl net.ipv4.tcp_max_syn_backlog 8\n 0ms listener 0/5 syn=7\n 0ms c> SYN drop=other\n 1s c> SYN drop=other", "unanswered syn-queue-reserve - syn - certain"},
	{"TCP_DEFER_ACCEPT, its period is over", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK drop=defer\n 1ms server SYN_RECV\n 3s s> SYN-ACK\n 3.0003s c> ACK\n 3.01s server ESTABLISHED owned", "accepted defer-accept - ack request certain"},
	{"TCP_DEFER_ACCEPT, then the queue is full", "0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK drop=defer\n 500ms c> DATA drop=full\n 700ms c> DATA again\n 701ms server ESTABLISHED", "queued accept-queue-full - data request certain"},
	{"SYN-ACKs held, SYN sent again", "0ms listener 4/3\n 0ms c> SYN\n 0.3ms s> SYN-ACK takes=1500ms\n 1s s> SYN-ACK takes=500ms\n 1.001s c> SYN\n 1.0015s s> SYN-ACK takes=499ms\n 1.501s c> ACK drop=full\n 1.502s c> ACK drop=full", "half-open accept-queue-full - ack request certain"},
	{"half-open, half-closed, expired", Overflow + "2ms shutdown\n 2.1ms c> FIN drop=full\n 22ms c> FIN again drop=full\n 1s s> SYN-ACK\n 3.1s server NONE", "forgotten accept-queue-full request-expired ack request certain"},
	{"half-open, closed, expired", Overflow + "2ms close\n 2.1ms c> FIN drop=full\n 22ms c> FIN again drop=full\n 230ms c> FIN again drop=full\n 1s s> SYN-ACK\n 3.1s server NONE", "forgotten accept-queue-full request-expired ack request certain"},
	{"half-open, closed by a call whose clock is late", Overflow + "2ms c> FIN drop=full\n 2.3ms close", "half-open accept-queue-full - ack request certain"},
	{"half-open, listener closed, then data", Overflow + "0.5s listener closed\n 1s c> DATA\n 1.0003s s> RST", "reset accept-queue-full listener-closed ack request certain"},
	{"reset by its client while queued, others wait still", "0ms listener 0/5\n" + Queued + "10ms listener 1/5\n 100ms c> RST-ACK\n 110ms server NONE\n 200ms listener 2/5", "queued server - - request certain"},
}
