// Package handshake is the model of one attempt to open a TCP connection. From
// what was observed (packets, socket states of both ends, the listener's
// queues, counters, system calls) it tells what became of the attempt, why, and
// tells it as a story in plain sentences.
//
// It is pure: no I/O, no clock. It works with whatever it is given: with all
// the evidence of the lab it is certain; with packets alone, of one side or of
// both, it says what is likely and which other readings are possible.
//
//	t := handshake.New(handshake.Config{Sides: handshake.ServerSide})
//	for each packet { t.Packet(p) }
//	for a := range t.Attempts() {
//		fmt.Println(a.Verdict().Outcome, a.Story())
//	}
//
// It does not decode packets, does not look at anything itself, and says nothing
// of what becomes of a connection once it was accepted. A Tracker is not safe for
// concurrent use.
//
// # What the words mean here
//
// The table of outcomes leaves some cases open. They are read so:
//
//   - Once accepted an attempt stays accepted. One in the accept queue stays
//     queued when its client closes or resets it; its cause is the server, which
//     has not called accept, unless a packet was struck before.
//   - The cause is the first stage of the handshake that was struck: SYN, SYN-ACK,
//     final ACK (or data or FIN in its place). Half-open, phantom, forgotten and
//     what follows from them need a strike at the final ACK, so that is their cause
//     even if a SYN was dropped before. Within the last stage a full accept queue comes
//     before a loss and before TCP_DEFER_ACCEPT.
//   - A client that ends its connect(), or answers the SYN-ACK with RST, gave up:
//     ended by the client, or caused by it if nothing was struck. One that resets
//     after its final ACK came to nothing was reset, ended by the client.
//   - A request that expires before any final ACK came has timed out, ended by
//     request-expired; while its SYN-ACKs are sent again its cause is the client.
//   - An RST that no side has sent is a reset of unknown cause.
//   - A connection that the server resets while it is queued is decided by the next
//     complete sample: a listener of its address is gone that was open in the last
//     one before the reset, and it was reset with it; all are still there, and a program
//     had accepted it. A listener's end explains no reset before it, and what has ended
//     an attempt stays.
//   - A queued connection that its client has reset stays queued, since its place stays
//     taken, until the queue is empty, so that accept() has returned it (accepted), or its
//     listener ends: then it is reset, ended by the client, caused by the server, which
//     did not call accept. If only one of several listeners ends it can be either.
//
// # Packets alone
//
// Every verdict is one of the readings that nothing seen contradicts; the others
// are its alternatives. What one side cannot see stays possible: to the server a
// SYN that was lost before the first that came, to the client any loss. A final
// ACK that was dropped and made good by the next segment leaves no trace at all.
// So certain is rare, and likely means that the pattern of answers and
// retransmissions is that of this reading. It takes the kernel's defaults for its
// timers (1 s for the first retransmission, tcp_synack_retries 5).
//
// A capture that sees the server's side tells more: what befell the other clients of the
// listener says what its queues held (crowd). What leaves no trace and is spoken for by
// nothing in the capture, a SYN lost before it came to the server among it, is then no
// alternative, and the verdict is likely. The number of requests that a flood finds room
// for tells a full SYN queue from its reserve, where no limit that somebody would set
// gives it. A SYN cookie is told by the age of its timestamp, or by the options that it
// does not take up. End says how long the capture went on;
// Listeners weighs all connections of an address; Config.MaxAttempts and Done keep memory
// flat however long the capture is.
package handshake

import (
	"net/netip"
	"time"
)

// Side is a place where packets or sockets are looked at; sides can be or-ed.
type Side uint8

// A packet seen on the side of its sender was sent; one seen on the other side
// arrived there.
const (
	ClientSide Side = 1 << iota
	ServerSide
)

// Flags are the TCP header's flag bits in their order on the wire (RFC 9293, 3.1).
type Flags uint8

// The flags that the model looks at.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// Has reports whether all of the given flags are set.
func (f Flags) Has(flags Flags) bool { return f&flags == flags }

// Packet is one TCP segment as it was seen at one place.
type Packet struct {
	Number   int           // in the capture, from 1; 0 if it is not in one
	T        time.Duration // since the start of the observation
	Src, Dst netip.AddrPort
	Seq, Ack uint32
	Len      int // bytes of payload
	Options  Options
	Window   uint16
	Flags    Flags
	Hops     uint8 // TTL or hop limit as it was captured; 0 if it is not known
	Sum      Sum
	Side     Side // where it was seen: one side, or both where client and server share one wire (lo)
}

// Sum is what is known of the checksum of a segment.
type Sum uint8

// A segment that was not captured whole cannot be checked, and one of this host bears
// the sum of the pseudo header alone, if its card is to complete it.
const (
	SumUnknown Sum = iota
	SumGood
	SumBad
)

// Options are the TCP options of a segment that tell how a handshake was done.
type Options struct {
	TSVal       uint32 // RFC 7323
	TSEcr       uint32
	MSS         uint16
	Present     OptionSet
	WindowScale uint8
}

// OptionSet says which options a segment carries.
type OptionSet uint8

// The options that the model looks at.
const (
	OptMSS OptionSet = 1 << iota
	OptWindowScale
	OptSACKPermitted
	OptTimestamps
	OptFastOpen // RFC 7413
	OptMPTCP    // RFC 8684
)

// Has reports whether all of the given options are present.
func (s OptionSet) Has(o OptionSet) bool { return s&o == o }

// Fate is what the network in between did with a packet, where that is known.
type Fate string

// What a wire can do other than deliver at once.
const (
	FateLost       Fate = "lost"
	FateHeld       Fate = "held"
	FateDuplicated Fate = "duplicated"
)

// Delta is how far the counters of the server's namespace moved that tell why
// the kernel dropped or refused a segment. The names are the kernel's
// (net/ipv4/proc.c), all of TcpExt.
type Delta struct {
	ListenOverflows, ListenDrops                     int // accept queue full; any drop by a listener
	TCPReqQFullDrop, TCPReqQFullDoCookies            int // SYN queue full: dropped; answered with a cookie
	SyncookiesSent, SyncookiesRecv, SyncookiesFailed int
	EmbryonicRsts                                    int // requests ended by a reset, sent (abort_on_overflow) or received
	Filtered, InCsumErrors, IPReversePathFilter      int // dropped before it came to the listener: by a packet filter, for its checksum, for its sender's address
	TCPDeferAcceptDrop                               int // bare final ACKs ignored under TCP_DEFER_ACCEPT
}

// Reaction is how the server's counters moved while packets were delivered to it.
// With one packet the movement is that packet's doing; with several it is
// known only that it was the doing of some of them.
type Reaction struct {
	T       time.Duration
	Packets int // delivered to the server since the last Reaction, those of other connections too
	Number  int // of the packet, if Packets is 1
	Delta   Delta
}

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

// Listener is what a listener's queues held at one moment.
type Listener struct {
	T           time.Duration
	Address     netip.AddrPort
	Inode       uint32 // tells the members of a SO_REUSEPORT group apart; 0 if there is one only
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

// Outcome is what became of one attempt.
type Outcome string

// What the client is, and what the server has.
const (
	Accepted        Outcome = "accepted"    // connected or closed; a socket that accept() returned
	Queued          Outcome = "queued"      // connected, closed or reset; a socket in the accept queue
	EstablishedBoth Outcome = "established" // accepted or queued, not known which
	Pending         Outcome = "pending"     // connecting, or not there (spoofed); a request, no final ACK came
	HalfOpen        Outcome = "half-open"   // connected or closed; only a request, although the final ACK was sent
	Phantom         Outcome = "phantom"     // connected or closed; nothing: a SYN cookie whose ACK was dropped
	Forgotten       Outcome = "forgotten"   // connected or closed; nothing any more: the request expired
	Unanswered      Outcome = "unanswered"  // connecting; nothing: its SYNs were dropped
	GaveUp          Outcome = "gave-up"     // ended connect() by a limit of its own; nothing or a request
	TimedOut        Outcome = "timed-out"   // connect() failed with ETIMEDOUT; nothing
	Reset           Outcome = "reset"       // connection reset; nothing
	Refused         Outcome = "refused"     // connection refused; no listener
	Unknown         Outcome = "unknown"     // not enough was seen
)

// Cause is the first event without which the attempt would have been accepted
// at once; and, as EndedBy, what finished it.
type Cause string

// Causes, and the ends that are no causes.
const (
	AcceptQueueFull Cause = "accept-queue-full"
	SynQueueFull    Cause = "syn-queue-full"
	SynQueueReserve Cause = "syn-queue-reserve" // last quarter of tcp_max_syn_backlog
	DeferAccept     Cause = "defer-accept"
	ListenerClosed  Cause = "listener-closed"
	NoListener      Cause = "no-listener"
	HostDrop        Cause = "host-drop" // filter, memory, route
	NetworkLoss     Cause = "network-loss"
	OldConnection   Cause = "old-connection" // it had the client's address and port, and answered
	DataRefused     Cause = "data-refused"   // the server answers the data and takes none of it (PAWS, or nobody knows)
	BadChecksum     Cause = "bad-checksum"
	ByClient        Cause = "client"
	ByServer        Cause = "server"
	NoCause         Cause = "none"
	UnknownCause    Cause = "unknown"

	AbortOnOverflow Cause = "abort-on-overflow"
	CookieRejected  Cause = "cookie-rejected"
	RequestExpired  Cause = "request-expired"
	Timeout         Cause = "timeout"
)

// Struck is the packet that the cause hit; empty if none was or it is not known which.
type Struck string

// The packets of a handshake, and the first ones after it.
const (
	StruckSYN    Struck = "syn"
	StruckSYNACK Struck = "syn-ack"
	StruckACK    Struck = "ack"
	StruckData   Struck = "data"
	StruckFIN    Struck = "fin"
)

// Kind is how the server kept the handshake while it was unfinished.
type Kind string

// With a cookie the server keeps nothing, and window scale and SACK may be lost.
const (
	Request  Kind = "request"
	Cookie   Kind = "cookie"
	FastOpen Kind = "fastopen"
)

// Confidence is how sure a verdict is.
type Confidence string

// From seen to guessed.
const (
	Certain  Confidence = "certain"
	Likely   Confidence = "likely"
	Possible Confidence = "possible"
)

// Reading is one way to read what was observed.
type Reading struct {
	Outcome Outcome `json:"outcome"`
	Cause   Cause   `json:"cause"`
	EndedBy Cause   `json:"ended_by,omitempty"`
}

// Verdict is what the model makes of an attempt so far.
type Verdict struct {
	Reading
	Struck       Struck
	Handshake    Kind // empty if it is not known, as it often is from packets alone
	Confidence   Confidence
	Alternatives []Reading // what else it can be; empty if certain

	// Delay is how late the server had the connection: from the first packet
	// that was dropped or lost to the one in its place that succeeded.
	// Zero if it was not late or has not succeeded (Late tells which).
	Delay time.Duration
	Late  bool

	SynRetransmits    int // SYNs that the client sent again
	SynAckRetransmits int // SYN-ACKs that the server sent again, by its timer or for a SYN sent again
	DataRetransmits   int // segments with data or FIN that the client sent again
	History           []Change
}

// Change is a moment at which the outcome became another.
type Change struct {
	T       time.Duration
	Outcome Outcome
}

// Line is one sentence of a story.
type Line struct {
	T      time.Duration
	Text   string
	Packet int // the number of the packet that it rests on; 0 if none
}
