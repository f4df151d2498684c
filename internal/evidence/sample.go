package evidence

import (
	"net/netip"
	"time"
)

// State is a TCP state by the name that ss prints in its long form; None if
// the namespace was looked at and has no such socket.
type State string

// The states of include/net/tcp_states.h, and None.
const (
	None        State = "NONE"
	Established State = "ESTABLISHED"
	SynSent     State = "SYN_SENT"
	SynRecv     State = "SYN_RECV"
	FinWait1    State = "FIN_WAIT1"
	FinWait2    State = "FIN_WAIT2"
	TimeWait    State = "TIME_WAIT"
	Close       State = "CLOSE"
	CloseWait   State = "CLOSE_WAIT"
	LastAck     State = "LAST_ACK"
	Listen      State = "LISTEN"
	Closing     State = "CLOSING"
)

// Socket is one end of a connection as the kernel showed it at one moment.
type Socket struct {
	T              time.Duration
	Side           Side // whose socket this is: one side only
	Client, Server netip.AddrPort
	State          State
	Owned          bool          // a process has it (it has an inode). On the server: accept() returned it
	Wait           time.Duration // in the accept queue, for a server's socket that nobody owns
	Retransmits    int           // of what is being sent again now; SYN-ACKs for SYN_RECV
	RecvQ, SendQ   int           // bytes
}

// Queues is what a listener's queues held at one moment.
type Queues struct {
	T           time.Duration
	Address     netip.AddrPort
	Inode       uint32 // identifies the member of a SO_REUSEPORT group; 0 if there is one only
	Open        bool   // false: looked, and there is no listener any more
	AcceptLen   int
	AcceptLimit int
	SynLen      int // -1 if unknown
}

// Call is a system call of the client on one connection, when it returned.
type Call struct {
	T              time.Duration // when it was called
	Client, Server netip.AddrPort
	Name           string // "connect", "send", "recv", "shutdown", "close"
	Result         int
	Errno          string // "ECONNRESET"; empty on success
	Duration       time.Duration
	Reset          bool // close() with SO_LINGER 0, which resets the connection
	Own            bool // the client ended a connect() by a limit of its own
}
