package evidence

import (
	"net/netip"
	"slices"
	"time"
)

// Listener is what was seen of one server address.
type Listener struct {
	Scene        *Scene
	Address      netip.AddrPort // as it is listed
	Heard, Asked bool           // packets of the server, and of a client, were seen
	Deaf         bool           // a client went on though nothing of the server was seen
	Answered     bool           // it has sent a SYN-ACK, or a sample has shown it
	Denied       time.Duration  // when a SYN was last answered with RST
	Reopened     bool           // packets alone: and another one after that with SYN-ACK
	Overflowed   bool           // its accept queue was full at some time, as counters or a sample showed
	Ended        time.Duration  // when a sample last showed that one was closed
	Crowd        Crowd

	sampled bool     // a sample has shown whether it is open
	members []Queues // the latest sample of each open socket
}

// Begin begins one of which nothing was seen yet.
func (l *Listener) Begin(s *Scene, address netip.AddrPort) {
	l.Scene, l.Address, l.Crowd.Answered = s, address, -1
}

// Share takes what was sampled of the wildcard address, which holds for this one, too.
func (l *Listener) Share(wild *Listener) {
	l.members = slices.Clone(wild.members)
	l.Answered, l.sampled, l.Overflowed = wild.Answered, wild.sampled, wild.Overflowed
}

// Sample takes a sample of one of its sockets.
func (l *Listener) Sample(s Queues) {
	l.sampled = true
	l.Answered = l.Answered || s.Open
	i := slices.IndexFunc(l.members, func(m Queues) bool { return m.Inode == s.Inode })
	switch {
	case s.Open && i < 0:
		l.members = append(l.members, s)
	case s.Open:
		l.members[i] = s
	case s.Inode == 0:
		l.members, l.Ended = l.members[:0], s.T
	case i >= 0:
		l.members, l.Ended = slices.Delete(l.members, i, i+1), s.T
	}
	l.Overflowed = l.Overflowed || l.full()
}

// Closed reports that the listener was looked for and is not there.
func (l *Listener) Closed() bool { return l.sampled && len(l.members) == 0 }

// Single reports that it is one socket, as far as was sampled.
func (l *Listener) Single() bool { return len(l.members) == 1 }

// Emptied reports that there is one accept queue, and that it was empty when last sampled.
func (l *Listener) Emptied() bool { return len(l.members) == 1 && l.members[0].AcceptLen == 0 }

// full reports that a member's accept queue is (sk_acceptq_is_full,
// include/net/sock.h: length > limit, in all versions).
func (l *Listener) full() bool {
	return slices.ContainsFunc(l.members, func(m Queues) bool { return m.AcceptLen > m.AcceptLimit })
}

// reserved reports that the last sample shows so many requests that what is left is reserved
// for proven peers, with tcp_syncookies 0: less than a quarter of tcp_max_syn_backlog
// (tcp_conn_request, net/ipv4/tcp_input.c).
func (l *Listener) reserved() bool {
	s := &l.Scene.Settings
	return s.CookiesKnown && s.Cookies == 0 && s.BacklogKnown && len(l.members) == 1 && l.members[0].SynLen >= 0 &&
		s.Backlog-l.members[0].SynLen < s.Backlog>>2
}

// measure adds what the last sample has shown of the queue that a drop or cookie is
// about, if it was full then; else the sample is older.
func (l *Listener) measure(n *Note) {
	if len(l.members) != 1 {
		return
	}
	m, s := &l.members[0], &l.Scene.Settings
	switch n.Witness {
	case Overflows:
		n.Length, n.Limit, n.Measured = int32(m.AcceptLen), int32(m.AcceptLimit), m.AcceptLen > m.AcceptLimit
	case QFull:
		n.Length, n.Limit, n.Measured = int32(m.SynLen), int32(m.AcceptLimit), m.SynLen > m.AcceptLimit
	case DropsReserved:
		n.Length, n.Limit, n.Measured = int32(m.SynLen), int32(s.Backlog), s.BacklogKnown && s.Backlog-m.SynLen < s.Backlog>>2
	}
}
