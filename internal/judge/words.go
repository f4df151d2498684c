package judge

import (
	"time"
)

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
	Outlook      Outlook // what it can have come to
	Struck       Struck
	Handshake    Kind // empty if it is not known, as it often is from packets alone
	Confidence   Confidence
	Alternatives []Reading // what else it can be; empty if certain

	// Delay is how late the server had the connection: from the first packet
	// that was dropped or lost to the one in its place that succeeded.
	// Zero if it was not late or has not succeeded (Late says which).
	Delay time.Duration
	Late  bool

	SynRetransmits    int // SYNs that the client sent again
	SynAckRetransmits int // SYN-ACKs that the server sent again, by its timer or for a SYN sent again
	DataRetransmits   int // segments with data or FIN that the client sent again
}
