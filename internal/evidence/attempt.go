package evidence

import (
	"net/netip"
	"time"
)

// Ends are the two ends of an attempt: the address that its first SYN came from, and the
// address that it wants to reach.
type Ends struct{ Client, Server netip.AddrPort }

// Attempt is what was seen of one try of a client to open a connection.
type Attempt struct {
	Scene    *Scene
	On       *Listener
	Ends     Ends
	Started  time.Duration // when the first packet of it was seen
	Last     time.Duration // when the last one was
	ClosedAt time.Duration // when the second end closed, or the first reset; 0 if none did

	Midway       bool // nothing of the handshake was seen
	Crossed      bool // both ends sent a SYN (simultaneous open, RFC 9293, 3.5): no listener has a part in it
	Real         bool // its address is not spoofed: looked, the client has a socket; or it was said so
	ForeignReset bool // an RST arrived that the other end has not sent

	Among    Among    // how it stood among the others of its listener
	Held     Held     // what the server has, whatever the witness
	Samples  Samples  // of sockets and queues
	Calls    Calls    // of the client
	Counters Counters // of the server's host, and the wire
	Firsts   Firsts
	Server   Server // its segments
	Client   Client // its segments

	Notes    []Note
	fewNotes [1]Note // what most attempts need, so that it is no memory of its own
}

// Begin begins an attempt of which nothing was seen yet. It must not be copied then.
func (a *Attempt) Begin(on *Listener, ends Ends, now time.Duration) {
	a.Scene, a.On, a.Ends, a.Started = on.Scene, on, ends, now
	a.Notes = a.fewNotes[:0]
}

// Firsts are the numbers of the packets of a handshake, each the first of its kind; 0 for
// none.
type Firsts struct{ SYN, SYNACK, ACK, Data uint32 }

// number keeps the number of the first packet of a kind.
func number(first *uint32, p *Packet) {
	if *first == 0 {
		*first = uint32(p.Number)
	}
}

// Series counts segments of one kind.
type Series struct {
	N           int32
	First, Last time.Duration
}

func (s *Series) add(t time.Duration) {
	if s.N == 0 {
		s.First = t
	}
	s.N++
	s.Last = t
}

// Moment is when a packet was seen, and its number.
type Moment struct {
	T      time.Duration
	Number int
}

// Client is what the client's segments show. With one side watched only, what the other
// side sent counts when it arrives, and what arrives there is unknown.
type Client struct {
	ISN    uint32
	Top    uint32 // end of what it has sent, in bytes beyond its SYN
	TSVal  uint32 // of the first SYN
	SYNLen uint32 // of the first SYN
	Latest uint32 // the latest timestamp
	Misack uint32 // the last number that acknowledges what the server has not sent
	Acks   uint32 // the last number that it has acknowledged

	SYN, SYNIn     Series
	ACK, ACKIn     Series // what follows the SYN: the final ACK and the rest
	Data           Series // of that, what has data or FIN
	Reset, ResetIn Series

	DataAgain int32
	Tries     int32         // SYNs before the first SYN-ACK, as near to the server as they were seen
	TriesSent int32         // the same, as near to the client
	Asked     time.Duration // when the SYN came that the first SYN-ACK answered
	SYNAgain  time.Duration // when the second SYN was sent
	SYNGap    time.Duration // between the last two SYNs
	Vain      time.Duration // when the last SYN came that had no answer, if Tries > 1
	FINAt     time.Duration // when its first FIN was seen, if FINSent
	LastIn    time.Duration // when the last of its segments came to the server, as near as seen
	DataIn    time.Duration // when the first data came there; 0 if none did

	LastKind Segment // what the last of its segments was
	Offered  OptionSet
	Hops     uint8 // the TTL of the first SYN
	Misacks  uint8 // segments that acknowledge what the server has not sent
	BadSums  uint8 // segments with a wrong checksum
	Later    uint8 // segments with data or FIN once the server had acknowledged any

	SawSYN         bool
	BadSYN         bool // the checksum of the first SYN is wrong
	DataFirst      bool // the first after the SYN that was seen has data or FIN
	FINSent        bool
	Shut           bool // the first after the handshake that takes room is a FIN without data
	Beyond         bool // it sent something that does not begin at its first byte
	Unacked        bool // it sent data or FIN again, and the server has not acknowledged any
	Untaken        bool // data came to the server and came again before it was acknowledged
	AgainLater     bool // data was sent again once the server had acknowledged any
	Older          bool // the timestamp of its last segment was older than one before
	ResetConnected bool // its RST is one of a connection
	Disowns        bool // its RST answers an ACK of another connection that was not captured
	OtherHops      bool // its RST has another TTL than its SYN
}

// Server is what the server's segments show.
type Server struct {
	ISN        uint32
	Stamp      uint32 // the timestamp of the first SYN-ACK, or of the last that is a new answer
	LastStamp  uint32 // of the last SYN-ACK
	Challenged uint32 // the number that a bare ACK acknowledged which answered a SYN
	ResetSeq   uint32 // the number of its first RST
	Acked      uint32 // what it has acknowledged of the client's bytes

	SYNACK, SYNACKIn Series
	Resent           Series // SYN-ACKs sent again by its timer
	Reset, ResetIn   Series
	Stray, StrayIn   Series // RSTs that answer what came after the client's RST had ended the connection
	BeforeACK        int32  // SYN-ACKs before the first segment that followed the SYN

	Stamped  time.Duration // when Stamp was sent
	ServedAt time.Duration // when it first sent data, or closed, or reset what it had; 0 if it did not
	TakenAt  time.Duration // when it last acknowledged something of the client's; 0 if it did not
	ActedAt  time.Duration // when Act was

	Act        Act   // what it did first after the handshake
	Challenges uint8 // bare ACKs that answered a SYN before any SYN-ACK
	Strange    uint8 // RSTs that do not acknowledge the SYN, which a client ignores that has sent nothing else
	Hops       uint8 // the TTL of its first SYN-ACK; 0 if it is not known
	Refusals   uint8 // ACKs that answered data and took none of it

	SYNSince      bool // a SYN came since the last SYN-ACK
	AnsweredFirst bool // the SYN-ACK's timestamp is an echo of the first SYN
	DataSince     bool // data has come since its last ACK
	FINSent       bool
	RefusedSYN    bool // it answered a SYN with RST
	PlainReset    bool // its first RST has no ACK flag, as one that answers what no connection took (tcp_v4_send_reset, net/ipv4/tcp_ipv4.c)
	Misfit        bool // the numbers of its first RST are none that its TCP sends then (RFC 9293, 3.10.7)
	OtherHops     bool // an RST in its name has another TTL than its SYN-ACK
	Belied        bool // its first RST belies the counters, which knew of no drop of what it answers
}

// Act is what a server does first after a handshake.
type Act uint8

// It sends data, resets, or closes.
const (
	NoAct Act = iota
	ActData
	ActReset
	ActFIN
)

// Held is what the server has or had, as its segments, counters or samples showed.
type Held struct {
	Since     time.Duration // when the segment came that made the connection
	EnteredBy time.Duration // when the last segment came before the server showed that it has a connection
	Futile    time.Duration // Client.LastIn of the last segment that is known to have made no connection

	SawRequest  bool // a request: a sample, or a SYN-ACK that its timer sent again
	Cookie      bool // it answered with a SYN cookie: counters, or the SYN-ACK bears the marks of one
	FastOpened  bool // it took the SYN's data (RFC 7413)
	Connection  bool
	Overtaken   bool // that was reported before the segment that made it
	Owned       bool // accept() returned it
	Ignored     bool // it still had a request after the final ACK had come
	IgnoredData bool // the same, after data had come
}

// Calls are what the client's system calls returned.
type Calls struct {
	Connected bool // connect() succeeded, as a call or the socket's state showed
	GaveUp    bool // the client ended connect() by a limit of its own
	TimedOut  bool // connect() failed with ETIMEDOUT
	Reset     bool // connect() failed with ECONNRESET
	Refused   bool // connect() failed with ECONNREFUSED
}

// Samples are what looking at sockets and listeners showed.
type Samples struct {
	Vanished time.Duration // when the client's socket was found gone

	ClientGone    bool // the client has no socket any more
	Gone          bool // the server had a request and has nothing any more
	Vacant        bool // the server has nothing, after the final ACK had come
	Waiting       bool // the server had a connection that nobody owned
	Orphaned      bool // the request went after its listener had
	AtClose       bool // the server's RST came with its listener's end, or after it
	AtShare       bool // the same of one listener among several at the address
	Outlived      bool // the server's RST came, and its listener is there in the next complete sample
	Buried        bool // its client had reset it, and its listener ended with it in the queue
	PerhapsBuried bool // the same of one listener among several
}

// Among is how an attempt stood among those of its listener.
type Among struct {
	Waiting   int32 // requests of the listener when its first SYN came
	Unserved  int32 // finished handshakes that may wait in the accept queue, then
	WaitedACK int32 // the same, when its final ACK came

	Requested    bool // it is counted among the listener's requests
	Finished     bool // the client has sent its final ACK, or data or FIN in its place
	Served       bool // and is not counted among those that wait any more
	Followed     bool // soon after it was finished, the SYN of another client was answered
	Lone         bool // nothing but one SYN was seen of its client
	Alone        bool // no other client's segment came between its SYN and its final ACK
	FellTogether bool // the server reset it at one moment with others that it had not spoken to
}

// Sees reports whether packets of all those sides are given.
func (a *Attempt) Sees(sides Side) bool { return a.Scene.Sides&sides == sides }

// Untouched reports whether nothing but one SYN was ever seen of the client.
func (a *Attempt) Untouched() bool {
	return a.Client.SYN.N <= 1 && a.Client.ACK.N == 0 && a.Client.Reset.N == 0 && a.Server.Reset.N == 0 &&
		!(a.Real || a.Held.Connection || a.Accepted() || a.Calls.Connected || a.Calls.GaveUp || a.Calls.TimedOut)
}

// OnItsWay reports whether the SYN was sent and may still arrive.
func (a *Attempt) OnItsWay() bool {
	return a.Sees(ClientSide|ServerSide) && a.Client.SYNIn.N == 0 && a.Scene.Now-a.Started < FirstTimeout
}

// Unasked reports a SYN-ACK of which no question was seen, nor anything else.
func (a *Attempt) Unasked() bool {
	return a.Server.SYNACK.N > 0 && !a.Client.SawSYN && a.Client.ACK.N == 0 && !a.HasConnection()
}

// HasConnection reports whether the server has or had one.
func (a *Attempt) HasConnection() bool {
	return a.Counters.Taken || a.Held.Connection || a.Accepted()
}

// Accepted reports whether accept() has returned the connection: that was reported, or the
// connection was reset and its listener went on.
func (a *Attempt) Accepted() bool { return a.Held.Owned || a.Samples.Outlived }

// Kept reports whether the server has or had a request: one was seen, or a SYN-ACK was
// sent while the counters showed no cookie.
func (a *Attempt) Kept() bool {
	return a.Held.SawRequest || a.Server.SYNACK.N > 0 && a.Counters.NoCookie && !(a.Held.Cookie || a.Held.FastOpened)
}

// BadSum reports that segments came to the server with a wrong checksum, and that those of
// this capture mean something: nothing was taken that has one.
func (a *Attempt) BadSum() bool {
	return a.Client.BadSums > 0 && !a.On.Crowd.Sumless && a.Sees(ServerSide)
}

// Dead reports whether a client has reset its connection before accept() returned
// it, where samples are given: the server's socket is gone, its place in the accept
// queue is not.
func (a *Attempt) Dead() bool {
	return a.Scene.Sockets && a.HasConnection() && !a.Accepted() && a.Client.ResetIn.N > 0 && a.Server.Reset.N == 0
}

// NextResend is how long the server's timer runs after the last SYN-ACK
// (reqsk_timer_handler, net/ipv4/inet_connection_sock.c: 1 s, doubled each time).
func (a *Attempt) NextResend() time.Duration {
	return FirstTimeout << min(a.Server.Resent.N, 7)
}
