package queue

import (
	"net/netip"
	"time"
)

// Listener is one listening TCP socket at one moment.
type Listener struct {
	Address     netip.AddrPort
	Netns       NetnsID
	Inode       uint32 // of the socket; two listeners may share one address (SO_REUSEPORT)
	Cookie      uint64 // of the socket, never used again while the kernel runs; 0 where the source has none
	DualStack   bool   // an IPv6 socket at [::] that takes IPv4, too; false where not known
	UID         uint32
	AcceptLen   int   // finished connections that wait for accept()
	AcceptLimit int   // min(backlog, net.core.somaxconn) as of the last listen(); NoLimit where the source does not have it
	SynLen      Count // requests (SYN_RECV) for this address; unknown where they were not counted
	SynAge      time.Duration
	Drops       Count // sk_drops: SYNs and final ACKs dropped, see docs/explain; unknown before Linux 4.9; wraps at 1<<32

	// Waiting is what is known of the connections in the accept queue, which the
	// kernel shows as sockets of inode 0. Where several listeners share an
	// address it is about all of them, and Shared.
	Waiting *Waiting
	Shared  int // how many listeners share this address, itself included; 0 or 1: none does

	Processes []Process // all that have the socket open; nil where not known
}

// NoLimit is the AcceptLimit of a listener whose limit is not known.
const NoLimit = -1

// NetnsID names a network namespace: the inode of /proc/PID/ns/net.
type NetnsID uint64

// Waiting is what the accept queue of an address holds.
type Waiting struct {
	Waits  []time.Duration // how long each has been there, longest first; as many as have a time
	Len    int             // of them in all
	Closed int             // of them, those whose client has closed (CLOSE_WAIT)
	Age    time.Duration   // how long before the sample they were looked at
}

// Oldest is the longest wait; false if none is known.
func (w *Waiting) Oldest() (time.Duration, bool) {
	if w == nil || len(w.Waits) == 0 {
		return 0, false
	}
	return w.Waits[0], true
}

// Queues is what moves of a listener.
type Queues struct {
	AcceptLen, AcceptLimit int
	SynLen, Drops          Count
}

// Queues returns what moves.
func (l *Listener) Queues() Queues { return Queues{l.AcceptLen, l.AcceptLimit, l.SynLen, l.Drops} }

// Full reports whether the kernel drops what arrives for this listener: the
// queue holds one more than its limit (sk_acceptq_is_full, include/net/sock.h).
func (l *Listener) Full() bool { return l.FullAt(l.AcceptLen) }

// FullAt reports whether it is full with so many in its queue; false where its limit is not known.
func (l *Listener) FullAt(length int) bool {
	return l.AcceptLimit >= 0 && length > l.AcceptLimit
}

// Fill is how full the accept queue is: 1 when the next connection is dropped. It
// is 0 where the limit is not known.
func (l *Listener) Fill() float64 {
	if l.AcceptLimit < 0 {
		return 0
	}
	return float64(l.AcceptLen) / float64(l.AcceptLimit+1)
}

// Count is a number that may not have been looked at.
type Count struct {
	N     uint64
	Known bool
}

// Known returns a Count that was looked at.
func Known(n uint64) Count { return Count{N: n, Known: true} }

// Rate is a number per second that may not be known.
type Rate struct {
	PerSecond float64
	Known     bool
}

// per is so many within that time; unknown if it is none.
func per(n uint64, d time.Duration) Rate {
	if d <= 0 {
		return Rate{}
	}
	return Rate{float64(n) / d.Seconds(), true}
}

// State is a listener's state in one word.
type State string

// The states, worst first.
const (
	Dropping State = "dropping" // drops rose within the window, by what clients feel
	Full     State = "full"     // length > limit now
	Stalled  State = "stalled"  // the first connection in its queue has waited for Patience
	High     State = "high"     // over 70 % of the limit
	OK       State = "ok"
)

// States are all of them, worst first.
var States = []State{Dropping, Full, Stalled, High, OK}

const highShare = 0.7

// Patience is for how long a connection waits for accept() only where something is wrong.
const Patience = 2 * time.Second

// Stalled reports whether a connection has waited for Patience: however much room there is,
// the program may be stuck.
func (l *Listener) Stalled() bool {
	oldest, known := l.Waiting.Oldest()
	return known && l.AcceptLen > 0 && oldest >= Patience
}

// state is that of a listener whose drops rose or not.
func (l *Listener) state(dropped bool) State {
	switch {
	case dropped:
		return Dropping
	case l.Full():
		return Full
	case l.Stalled():
		return Stalled
	case l.AcceptLimit > 0 && float64(l.AcceptLen) > highShare*float64(l.AcceptLimit):
		return High
	}
	return OK
}
