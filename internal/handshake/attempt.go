package handshake

import (
	"net/netip"
	"time"
)

// Attempt is one try of a client to open a connection: what was seen of it, in
// bounded space.
type Attempt struct {
	t *Tracker
	pair
	listener *listener
	started  time.Duration
	seen     time.Duration // when the last packet of it was
	facts    facts
	firsts   firsts

	isn, serverISN uint32
	top            uint32 // end of what the client has sent, in bytes beyond its SYN
	tsval, synLen  uint32 // of the first SYN
	offered        OptionSet
	stamp          uint32        // the timestamp of the first SYN-ACK, or of the last that is a new answer
	stamped        time.Duration // and when that was sent

	// What was sent, and what of it arrived. With one side watched only, what
	// the other side sent counts when it arrives, and what arrives there is unknown.
	syn, synIn         series
	synack, synackIn   series
	ack, ackIn         series // the client's segments after its SYN: the final ACK and what follows
	data               series // of them, those with data or FIN
	dataAgain          int
	reset, resetIn     series // RSTs of the server
	clientReset, rstIn series // RSTs of the client
	stray, strayIn     series // RSTs of the server to what came after the client's RST had ended the connection

	waiting     int           // requests of the listener when the first SYN came
	unserved    int           // finished handshakes that may wait in its accept queue, then
	waitedACK   int           // the same, when its final ACK came
	tries       int           // SYNs before the first SYN-ACK, as near to the server as they were seen
	triesSent   int           // the same, as near to the client
	asked       time.Duration // when the SYN came that the first SYN-ACK answered
	synAgain    time.Duration // when the second SYN was sent
	synGap      time.Duration // between the last two SYNs
	resent      series        // SYN-ACKs sent again by the server's timer
	beforeACK   int           // SYN-ACKs before the first of ack
	established time.Duration // when the segment came that made the connection
	vanished    time.Duration // when a sample found the client's socket gone
	lastKind    segment       // what the last of the client's segments was
	finAt       time.Duration // when the client's first FIN was seen, if finSent
	lastIn      time.Duration // when the last of the client's segments came to the server, as near as seen
	dataIn      time.Duration // when the first data came there; 0 if none did
	futile      time.Duration // lastIn of the last segment that is known to have made no connection

	odd       oddities      // what packets showed that is no handshake's
	vain      time.Duration // when the last SYN came that had no answer, if tries > 1
	enteredBy time.Duration // when the last segment came before the server showed that it has a connection
	servedAt  time.Duration // when the server first sent data, or closed, or reset what it had; 0 if it did not
	closedAt  time.Duration // when the second end closed, or the first reset; 0 if none did
	takenAt   time.Duration // when the server last acknowledged something of the client's; 0 if it did not

	sequel Sequel // what the server did first after the handshake, and when

	strikes  [stages]strike
	ruledOut [stages]causes // by counters that did not move when the first packet came

	notes   []note
	history []Change

	// What most attempts need of both, so that it is no memory of its own.
	fewNotes   [1]note
	fewChanges [4]Change
}

// facts are what is known for certain of an attempt, one bit each.
type facts uint64

const (
	midway  facts = 1 << iota // nothing of the handshake was seen
	crossed                   // both ends sent a SYN (simultaneous open): no listener has a part in it
	sawSYN

	synSince      // a SYN came since the last SYN-ACK
	answeredFirst // the SYN-ACK's timestamp is an echo of the first SYN
	sawKept       // the server had a request
	cookie        // it answered with a SYN cookie
	noCookie      // counters: it did not answer a SYN with a cookie
	fastOpened    // it took the SYN's data
	taken         // counters: nothing kept it from making a connection of the final ACK
	child         // it had a connection
	overtaken     // that was told before the segment that made it
	owned         // accept() returned it
	gone          // looked: it had a request and has nothing any more
	vacant        // looked, after the final ACK had come: it has nothing
	ignored       // it still had a request after the final ACK had come
	ignoredData   // the same, after data had come
	dataFirst     // the first of ack that was seen has data or FIN
	unacked       // the client sent data or FIN again, and the server has not acknowledged any
	beyond        // the client sent something that does not begin at its first byte

	real          // its address is not spoofed: looked, the client has a socket; or Config.Real says so
	clientUp      // connect() succeeded
	clientClosed  // looked: the client has no socket any more
	gaveUp        // the client ended connect() by a limit of its own
	timedOut      // connect() failed with ETIMEDOUT
	connectReset  // connect() failed with ECONNRESET
	connectDenied // connect() failed with ECONNREFUSED

	refusedSYN    // the server answered a SYN with RST
	plainReset    // its first RST has no ACK flag: it answers a segment that no connection took
	aborted       // counters: tcp_abort_on_overflow
	rejected      // counters: the SYN cookie did not check
	embryonic     // counters: the client's RST ended the request
	atClose       // the server's RST came with its listener's end, or after it
	afterShare    // the same of one listener among several at the address
	orphaned      // looked: the request went after its listener had
	buried        // its client had reset it, and its listener ended with it in the queue
	perhapsBuried // the same of one listener among several
	finSent       // the client sent a FIN
	sawWaiting    // looked: it had a connection that nobody owned
	requested     // counted among the listener's requests
	finished      // the client has sent its final ACK, or data or FIN in its place
	served        // and is not counted among those that wait any more
	serverFIN     // the server sent a FIN
	together      // the server reset it at one moment with others that it had not spoken to
	untaken       // data came to the server and came again before it was acknowledged
	followed      // soon after it was finished, the SYN of another client was answered
	lone          // nothing but one SYN was seen of its client
	alone         // no other client's segment came between its SYN and its final ACK
	foreignReset  // an RST arrived that the other end has not sent
	settled       // nothing changes the outcome any more
)

func (a *Attempt) is(f facts) bool      { return a.facts&f != 0 }
func (a *Attempt) set(f facts)          { a.facts |= f }
func (a *Attempt) clear(f facts)        { a.facts &^= f }
func (a *Attempt) sees(sides Side) bool { return a.t.cfg.Sides&sides == sides }

// Client is the address that the first SYN came from.
func (a *Attempt) Client() netip.AddrPort { return a.client }

// Server is the address that the client wants to reach.
func (a *Attempt) Server() netip.AddrPort { return a.server }

// Start is when the first packet of the attempt was seen.
func (a *Attempt) Start() time.Duration { return a.started }

// untouched reports whether nothing but one SYN was ever seen of the client.
func (a *Attempt) untouched() bool {
	return a.syn.n <= 1 && a.ack.n == 0 && a.clientReset.n == 0 && a.reset.n == 0 &&
		!a.is(real|child|owned|clientUp|gaveUp|timedOut)
}

// onItsWay reports whether the SYN was sent and may still arrive.
func (a *Attempt) onItsWay() bool {
	return a.sees(ClientSide|ServerSide) && a.synIn.n == 0 && a.t.now-a.started < firstTimeout
}

// series counts segments of one kind.
type series struct {
	n           int
	first, last time.Duration
}

func (s *series) add(t time.Duration) {
	if s.n == 0 {
		s.first = t
	}
	s.n++
	s.last = t
}

// moment is when a packet was seen, and its number.
type moment struct {
	T      time.Duration
	number int
}

// settle records the outcome if it has changed. What is settled at the same
// moment as the last change takes its place.
func (a *Attempt) settle(now time.Duration) {
	if a.is(settled) {
		return
	}
	if a.is(owned) {
		a.set(settled)
	}
	outcome := endings[a.ends().first].outcome
	h := a.history
	if n := len(h); n > 0 {
		now = max(now, h[n-1].T)
		if h[n-1].Outcome == outcome {
			return
		}
		if h[n-1].T == now && n > 1 && h[n-2].Outcome == outcome {
			a.history = h[:n-1]
			return
		}
		if h[n-1].T == now {
			h[n-1].Outcome = outcome
			return
		}
		if n == maxHistory {
			h[n-1] = Change{now, outcome}
			return
		}
	}
	a.history = append(h, Change{now, outcome})
}

// maxHistory bounds the changes kept. A connection has half a dozen; only
// nonsense has more, and then the last change is kept up to date.
const maxHistory = 16
