package judge

// connectionLimit is a limit on how many connections there may be: it drops SYNs alone, by the
// number that is open, whether they wait or are served.
var connectionLimit = row{
	name:     "a limit on the number of connections drops SYNs",
	predicts: (*Seen).losesSYN,
	out: first(answered, onlyQueue, func(s *Seen, q *Queue) string {
		if q.Clients > 0 && !q.Limited {
			return "another SYN was answered while as many connections were open"
		}
		return ""
	}),
}

// applicationReset is a program that resets what it has accepted: SO_LINGER with 0, or close()
// with data unread (tcp_close, net/ipv4/tcp.c). A listener that is closed resets what waits in
// its queue with the same segment, so that nothing is explained by it alone.
var applicationReset = row{
	name:     "the server's program resets the connection",
	predicts: func(s *Seen) bool { return s.Reset },
	out: func(s *Seen, _ *Queue) string {
		switch {
		case s.Plain:
			return "the RST has no ACK flag: it answers a segment that no connection took"
		case s.Misfit:
			return "the numbers of the RST are none of this connection"
		}
		return ""
	},
}

// middlebox is something on the way, a firewall or a balancer, that answers in the server's
// name. What it sends is like that of the server if it takes the trouble.
var middlebox = row{
	name:     "something on the way resets in the server's name",
	predicts: func(s *Seen) bool { return s.Reset || s.Strange || s.Refusing && s.Misfit },
	out: func(s *Seen, _ *Queue) string {
		if s.AtServer && !s.Strange && !s.Misfit && !s.OtherHops {
			return "the RST left the server's host, with the numbers of its TCP and the TTL of its SYN-ACK"
		}
		return ""
	},
	only: func(s *Seen, _ *Queue) string {
		switch {
		case s.OtherHops && !s.Plain: // a socket's segments have one TTL
			return "the TTL of the RST is another one than that of the server's SYN-ACK"
		case s.Misfit:
			return "the numbers of the RST are none that the server's TCP sends"
		}
		return ""
	},
}

// notEnough is that the capture does not hold what came of it.
var notEnough = row{
	name:     "the capture does not hold the answer",
	predicts: func(s *Seen) bool { return s.Lacks && (s.losesSYN() || s.losesACK()) },
	out: func(s *Seen, _ *Queue) string {
		switch {
		case s.Challenged || s.Refused:
			return "an answer of the server was seen"
		case s.AskedAgain > 0:
			return "the server asked for the ACK again"
		}
		return ""
	},
}
