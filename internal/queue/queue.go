// Package queue is the model of a host's listening sockets: one listener's two
// queues, the counters of a network namespace, and how both move. It is pure:
// no I/O and no clock. What could not be looked at is absent, never zero.
package queue

import (
	"net/netip"
	"time"
)

// Listener is one listening TCP socket at one moment.
type Listener struct {
	Address     netip.AddrPort
	Inode       uint32 // of the socket; two listeners may share one address (SO_REUSEPORT)
	AcceptLen   int    // finished connections that wait for accept()
	AcceptLimit int    // min(backlog, net.core.somaxconn) as of the last listen()
	SynLen      Count  // requests (SYN_RECV) for this address; unknown where they were not counted
	Drops       Count  // sk_drops: SYNs and final ACKs dropped, see docs/explain; unknown before Linux 4.9
}

// Full reports whether the kernel drops what arrives for this listener: the
// queue holds one more than its limit (sk_acceptq_is_full, include/net/sock.h).
func (l Listener) Full() bool { return l.AcceptLen > l.AcceptLimit }

// Count is a number that may not have been looked at.
type Count struct {
	N     uint64
	Known bool
}

// Known returns a Count that was looked at.
func Known(n uint64) Count { return Count{N: n, Known: true} }

// Counters are the TCP counters of one network namespace by the names that
// nstat prints ("TcpExtListenOverflows", "TcpInSegs"), as of T.
type Counters struct {
	T      time.Duration // since the start of the observation
	Names  []string      // shared by all samples of one reader; never changed
	Values []uint64      // Values[i] belongs to Names[i]
}

// Get returns the counter of that name; false if this kernel does not have it.
func (c Counters) Get(name string) (uint64, bool) {
	for i, n := range c.Names {
		if n == name {
			return c.Values[i], true
		}
	}
	return 0, false
}
