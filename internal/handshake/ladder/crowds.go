package ladder

import "time"

// Crowds are many clients of one listener, each beside what is nearly the same.
var Crowds = []struct {
	Name  string
	Parts []Part
}{
	{"all are served", []Part{part(6, 0, 50*ms, served)}},
	{"some wait, and SYNs and final ACKs are in vain from then on", []Part{part(6, 0, 50*ms, served), part(3, 400*ms, ms, waiting), part(2, 410*ms, ms, inVain), part(2, 405*ms, ms, untaken)}},
	{"the same, and one more is taken in between", []Part{part(6, 0, 50*ms, served), part(3, 400*ms, ms, waiting), part(2, 410*ms, ms, inVain), part(2, 405*ms, ms, untaken), part(1, 1500*ms, ms, waiting)}},
	{"the same, while nobody waits", []Part{part(6, 0, 50*ms, served), part(2, 410*ms, ms, inVain), part(2, 405*ms, ms, untaken)}},
	{"SYNs alone are in vain", []Part{part(3, 0, ms, waiting), part(3, 10*ms, ms, inVain)}},
	{"one SYN is in vain, and it comes again", []Part{part(3, 0, 50*ms, served), part(1, 400*ms, ms, later)}},
	{"final ACKs alone are in vain", []Part{part(3, 0, ms, waiting), part(2, 10*ms, ms, halfOpen)}},
	{"one is half-open, the others are served", []Part{part(6, 0, 50*ms, served), part(1, 400*ms, ms, halfOpen)}},
	{"three have no answer to their requests", []Part{part(3, 0, ms, asking)}},
	{"final ACKs are answered with RST", []Part{part(3, 0, ms, waiting), part(2, 10*ms, ms, aborted)}},
	{"the same, and SYNs are in vain", []Part{part(3, 0, ms, waiting), part(2, 10*ms, ms, aborted), part(2, 20*ms, ms, inVain)}},
	{"all that wait are reset at once, and the next is refused", []Part{part(1, 0, ms, waiting+"500ms s> RST-ACK\n"), part(1, 0, ms, waiting+"500ms s> RST-ACK\n"), part(2, 600*ms, ms, refused)}},
	{"all are refused", []Part{part(4, 0, 10*ms, refused)}},
	{"some are refused among those that are served", []Part{part(3, 0, 50*ms, served), part(2, 200*ms, ms, refused), part(2, 300*ms, 50*ms, served)}},
	{"they are refused from a moment on", []Part{part(3, 0, 50*ms, served), part(3, 300*ms, 50*ms, refused)}},
	{"checks by half a handshake", []Part{part(4, 0, 100*ms, checked)}},
	{"two of them", []Part{part(2, 0, 100*ms, checked)}},
	{"four among many that are served", []Part{part(4, 0, 100*ms, checked), part(8, 10*ms, 100*ms, served)}},
	{"no SYN is answered", []Part{part(3, 0, 100*ms, inVain)}},
	{"no SYN is answered, and none comes again", []Part{part(3, 0, 100*ms, lone)}},
	{"a flood that is answered, and nobody comes back", []Part{part(60, 0, ms, "0ms c> SYN\n 0.3ms s> SYN-ACK\n")}},
	{"a flood, and one client is served", []Part{part(60, 0, ms, "0ms c> SYN\n 0.3ms s> SYN-ACK\n"), part(1, 30*ms, ms, served)}},
	{"a flood that is not answered from the tenth on", []Part{part(10, 0, ms, "0ms c> SYN\n 0.3ms s> SYN-ACK\n"), part(60, 10*ms, ms, lone), part(2, 20*ms, ms, inVain)}},
	{"SYNs in vain with fewer requests than were let in", []Part{part(10, 0, ms, "0ms c> SYN\n 0.3ms s> SYN-ACK\n 5ms c> ACK\n"), part(2, 100*ms, ms, inVain)}},
	{"SYN-ACKs that nobody asked for", []Part{part(25, 0, ms, "0.3ms s> SYN-ACK\n")}},
	{"the same, answered with RST", []Part{part(25, 0, ms, "0.3ms s> SYN-ACK\n 2ms c> RST\n")}},
	{"only what clients send", []Part{part(4, 0, 10*ms, "0ms c> SYN\n 2ms c> ACK\n 3ms c> DATA\n")}},
	{"only what the server sends", []Part{part(4, 0, 10*ms, "0.3ms s> SYN-ACK\n 10ms s> DATA\n")}},
	{"only SYNs and SYN-ACKs", []Part{part(4, 0, 10*ms, "0ms c> SYN\n 0.3ms s> SYN-ACK\n"), part(2, 100*ms, ms, inVain)}},
	{"none is seen from its beginning", []Part{part(4, 0, 10*ms, "0ms c> DATA\n 0.3ms s> ACK\n")}},
	{"an old connection answers one of them", []Part{part(3, 0, 50*ms, served), part(1, 200*ms, ms, "0ms c> SYN\n 0.3ms s> ACK ack+50000000\n 0.6ms c> RST seq+99\n 1s c> SYN\n 1.0003s s> SYN-ACK\n 1.0006s c> ACK\n 1.001s c> DATA\n 1.0013s s> ACK\n")}},
	{"a wrong checksum of one of them", []Part{part(3, 0, 50*ms, served), part(1, 200*ms, ms, "0ms c> SYN\n 0.3ms s> SYN-ACK\n 2ms c> ACK badsum\n 3ms c> DATA badsum\n 203ms c> DATA again badsum\n 1s s> SYN-ACK\n")}},
	{"one acknowledges what was never sent", []Part{part(3, 0, 50*ms, served), part(1, 200*ms, ms, "0ms c> SYN\n 0.3ms s> SYN-ACK\n 2ms c> ACK ack+7000\n 2.3ms s> RST seq+7000\n")}},
	{"the server takes no data of one", []Part{part(3, 0, 50*ms, served), part(1, 200*ms, ms, "0ms c> SYN ts=100\n 0.3ms s> SYN-ACK ts=900\n 2ms c> ACK ts=101\n 3ms c> DATA ts=50\n 3.3ms s> ACK ack-10\n 203ms c> DATA again ts=60\n 203.3ms s> ACK ack-10\n")}},
	{"one is reset by somebody else", []Part{part(3, 0, 50*ms, served), part(1, 200*ms, ms, "0ms c> SYN\n 0.3ms s> SYN-ACK ttl=64\n 2ms c> ACK\n 5ms s> RST-ACK ttl=51\n")}},
	{"one is reset long after its request expired", []Part{part(3, 0, ms, waiting), part(1, 10*ms, ms, waiting+"1s s> SYN-ACK\n 3s s> SYN-ACK\n 7s s> SYN-ACK\n 15s s> SYN-ACK\n 31s s> SYN-ACK\n 70s c> DATA\n 70.0003s s> RST\n")}},
	{"one is reset when it speaks after a long silence", []Part{part(3, 0, 50*ms, served), part(1, 200*ms, ms, waiting+"90s c> DATA\n 90.0003s s> RST\n")}},
	{"one is reset when it speaks after two seconds", []Part{part(3, 0, 50*ms, served), part(1, 200*ms, ms, waiting+"2s c> DATA\n 2.0003s s> RST\n")}},
	{"a queue for one, eight times", []Part{part(8, 0, time.Second, waiting+"900ms s> DATA\n"), part(8, 100*ms, time.Second, aborted), part(8, 200*ms, time.Second, later)}},
	{"options are taken up, and then not", []Part{part(2, 0, 50*ms, takesUp), part(2, 200*ms, 50*ms, leavesOut)}},
	{"options are never taken up", []Part{part(2, 0, 50*ms, leavesOut)}},
	{"scaling is taken up, and then neither", []Part{part(2, 0, 50*ms, "0ms c> SYN offers=scale\n 0.3ms s> SYN-ACK offers=scale\n 2ms c> ACK\n"), part(2, 200*ms, 50*ms, leavesOut)}},
	{"a scan of half handshakes, by one client at a time", []Part{part(1, 0, ms, checked), part(1, 100*ms, ms, served), part(2, 200*ms, ms, lone), part(1, 1100*ms, ms, later)}},
	{"final ACKs come while SYNs are answered", []Part{part(4, 0, ms/4, waiting), part(2, 2*ms, ms/4, untaken), part(4, 2500*time.Microsecond, ms/4, asking)}},
}

// part is clients that begin from a time on, with a gap, and do the same.
func part(clients int, from, gap time.Duration, text string) Part {
	return Part{Clients: clients, From: from, Gap: gap, Ladder: text}
}

const ms = time.Millisecond

// What one client does, seen at the server.
const (
	served    = "0ms c> SYN\n 0.3ms s> SYN-ACK\n 2ms c> ACK\n 3ms c> DATA\n 3.3ms s> ACK\n 10ms s> DATA\n 12ms c> ACK\n 20ms c> FIN\n 21ms s> FIN\n"
	waiting   = "0ms c> SYN\n 0.3ms s> SYN-ACK\n 2ms c> ACK\n"
	asking    = waiting + "3ms c> DATA\n 3.3ms s> ACK\n"
	inVain    = "0ms c> SYN\n 1s c> SYN\n 3s c> SYN\n"
	later     = "0ms c> SYN\n 1s c> SYN\n 1.0003s s> SYN-ACK\n 1.002s c> ACK\n 1.003s c> DATA\n 1.0033s s> ACK\n 1.02s s> DATA\n"
	halfOpen  = waiting + "1s s> SYN-ACK\n 1.002s c> ACK\n 3s s> SYN-ACK\n 3.002s c> ACK\n"
	untaken   = waiting + "3ms c> DATA\n 203ms c> DATA again\n 603ms c> DATA again\n"
	aborted   = waiting + "2.3ms s> RST\n"
	refused   = "0ms c> SYN\n 0.1ms s> RST-ACK seq-5001\n"
	checked   = "0ms c> SYN\n 0.3ms s> SYN-ACK\n 2ms c> RST\n"
	lone      = "0ms c> SYN\n"
	takesUp   = "0ms c> SYN offers=scale offers=sack\n 0.3ms s> SYN-ACK offers=scale offers=sack\n 2ms c> ACK\n"
	leavesOut = "0ms c> SYN offers=scale offers=sack\n 0.3ms s> SYN-ACK\n 2ms c> ACK\n"
)
