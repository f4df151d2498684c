package judge

// table says of each hypothesis what it predicts, what contradicts it, and what it alone
// explains. What is answered was not dropped: that contradicts all that drop.
var table = [hypotheses]row{
	FullAtSYN: {
		name:     "accept queue full when the SYN came",
		predicts: (*Seen).losesSYN,
		out: first(answered, func(s *Seen, q *Queue) string {
			if s.Others && s.MayWait == 0 {
				return "nothing can have waited in the accept queue then"
			}
			return ""
		}),
		only: func(s *Seen, q *Queue) string {
			if room(s, q) == "" && spacious(s, q) == "" {
				return "" // a full accept queue fills the SYN queue, too
			}
			return overflow(s, q)
		},
	},
	FullAtACK: {
		name:     "accept queue full when the final ACK came",
		predicts: (*Seen).losesACK,
		out: first(explained, func(s *Seen, q *Queue) string {
			if s.Overlooked {
				return "the request knew of the ACK, and waited for data"
			}
			return ""
		}),
		only: overflow,
	},
	FilterSYN: {
		name:     "a filter or a limit before TCP drops SYNs",
		predicts: (*Seen).losesSYN,
		out:      first(answered, onlyQueue),
	},
	FilterACK: {
		name:     "a filter before TCP drops ACKs or data",
		predicts: (*Seen).losesACK,
		out:      first(explained, onlyQueue),
	},
	Loss: {
		name:     "lost between the place of capture and the server",
		predicts: func(s *Seen) bool { return s.losesSYN() || s.losesACK() },
		out: first(answered, explained, func(s *Seen, q *Queue) string {
			if s.AtServer {
				return "it came to the server's host"
			}
			return ""
		}),
	},
	Deferral: {
		name:     "TCP_DEFER_ACCEPT waits for data",
		predicts: func(s *Seen) bool { return s.losesACK() && s.AskedAgain > 0 },
		out: func(s *Seen, q *Queue) string {
			switch {
			case s.Data:
				return "data came, which ends its wait"
			case s.Cookie:
				return "a SYN cookie keeps no request that could wait"
			case s.Speaks:
				return "the server sends first"
			}
			return ""
		},
		only: func(s *Seen, q *Queue) string {
			if s.Overlooked {
				return "the SYN-ACK did not come again after 1 s, but later: the request knew of the ACK"
			}
			return ""
		},
	},
	Predecessor: {
		name:     "an old connection has the client's address and port",
		predicts: func(s *Seen) bool { return s.Challenged },
		only: func(s *Seen, q *Queue) string {
			return "an ACK with the numbers of another connection answers the SYN"
		},
	},
	Unacceptable: {
		name:     "the client acknowledges what the server has not sent",
		predicts: func(s *Seen) bool { return s.Misacked },
		only:     func(s *Seen, q *Queue) string { return "the acknowledgement number" },
	},
	Checksum: {
		name:     "dropped for its checksum",
		predicts: func(s *Seen) bool { return s.BadSum },
		only:     func(s *Seen, q *Queue) string { return "the checksum is wrong as it was captured" },
	},
	PAWS: {
		name:     "refused for its old timestamp (PAWS)",
		predicts: func(s *Seen) bool { return s.Refused && s.Older },
		only:     func(s *Seen, q *Queue) string { return "an ACK answers each segment whose timestamp is older" },
	},
	Refusal: {
		name:     "the server has the connection and does not take the data",
		predicts: func(s *Seen) bool { return s.Refused && !s.Older },
		only:     func(s *Seen, q *Queue) string { return "an ACK answers the data and takes none of it" },
	},
	FullSynQueue: {
		name:     "SYN queue full",
		predicts: (*Seen).losesSYN,
		out:      first(answered, room, spacious),
	},
	SynReserve: {
		name:     "the last quarter of tcp_max_syn_backlog is reserved",
		predicts: (*Seen).losesSYN,
		out:      first(answered, room, unreserved),
	},
	ConnectionLimit:  connectionLimit,
	ApplicationReset: applicationReset,
	Middlebox:        middlebox,
	NotEnough:        notEnough,
}

func (s *Seen) losesSYN() bool { return s.SYNs > 0 }
func (s *Seen) losesACK() bool { return s.ACKs > 0 }

// first is the first of several contradictions.
func first(all ...func(*Seen, *Queue) string) func(*Seen, *Queue) string {
	return func(s *Seen, q *Queue) string {
		for _, out := range all {
			if text := out(s, q); text != "" {
				return text
			}
		}
		return ""
	}
}

// answered contradicts all that drop SYNs.
func answered(s *Seen, _ *Queue) string {
	if s.Challenged {
		return "the server has answered the SYN"
	}
	return ""
}

// explained contradicts all that drop ACKs and data that could be taken.
func explained(s *Seen, _ *Queue) string {
	switch {
	case s.Refused:
		return "the server has answered the data"
	case s.Misacked:
		return "the ACK could not be taken"
	case s.BadSum:
		return "with that checksum nothing could be taken"
	}
	return ""
}

// room contradicts what drops SYNs by the number of requests.
func room(s *Seen, q *Queue) string {
	if s.Others && s.requests(q) <= s.Answered {
		return "another SYN was answered while there were as many requests"
	}
	return ""
}

// requests is how many requests waited for their final ACK at most. One whose ACK was dropped
// waits still: where any was, each connection without a sign of service may be such a one,
// but for those that fill the accept queue.
func (s *Seen) requests(q *Queue) int {
	switch {
	case q.ACKs == 0:
		return s.Requests
	case s.filled(q):
		return s.Requests + s.MayWait - q.Limit
	}
	return s.Requests + s.MayWait
}

// filled reports that the accept queue was full, and with how many connections: its length
// and one more.
func (s *Seen) filled(q *Queue) bool {
	return s.AtServer && s.Others && q.Only != "" && q.Fits() && s.MayWait >= q.Limit
}

// spacious contradicts a full SYN queue: both queues have the length of the backlog, and the
// accept queue takes one more (inet_csk_reqsk_queue_is_full, sk_acceptq_is_full).
func spacious(s *Seen, q *Queue) string {
	if s.filled(q) && s.requests(q) < q.Limit-1 {
		return "there were fewer requests than the backlog, which the accept queue shows"
	}
	return ""
}

// unreserved contradicts the reserve: Linux sets tcp_max_syn_backlog to 128 at least
// (tcp_init, net/ipv4/tcp.c).
func unreserved(s *Seen, q *Queue) string {
	switch {
	case s.filled(q) && s.requests(q) < 128*3/4:
		return "there were fewer requests than three quarters of its least default"
	case s.Others && s.Requests == s.Answered+1 && !s.Reserve:
		return "no usual limit has that number of requests as three quarters"
	}
	return ""
}

// overflow is what only a full accept queue explains.
func overflow(s *Seen, q *Queue) string {
	if !s.AtServer {
		return ""
	}
	return q.Only
}

// onlyQueue contradicts what strikes packets without regard to the queue, where a queue
// explains all that was struck.
func onlyQueue(s *Seen, q *Queue) string {
	if s.AtServer && q.Only != "" && q.Fits() {
		return "what was dropped depended on how many connections waited"
	}
	return ""
}
