package handshake

import (
	"net/netip"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/judge"
	"listenq/internal/story"
)

// Attempt is one try of a client to open a connection, in bounded space.
type Attempt struct {
	seen     evidence.Attempt
	listener *listener

	history    []change
	settled    bool      // nothing changes the outcome any more
	fewChanges [4]change // what most attempts need, so that it is no memory of its own
}

// Client is the address that the first SYN came from.
func (a *Attempt) Client() netip.AddrPort { return a.seen.Ends.Client }

// Server is the address that the client wants to reach.
func (a *Attempt) Server() netip.AddrPort { return a.seen.Ends.Server }

// Start is when the first packet of the attempt was seen.
func (a *Attempt) Start() time.Duration { return a.seen.Started }

// Seen is all that was seen of it. It is the tracker's, and must not be changed.
func (a *Attempt) Seen() *evidence.Attempt { return &a.seen }

// Unasked reports that the server's SYN-ACK is all that was seen.
func (a *Attempt) Unasked() bool { return a.seen.Unasked() }

// Verdict returns what is to be made of the attempt with all that was given so far. It
// changes nothing.
func (a *Attempt) Verdict() judge.Verdict {
	return judge.Attempt(&a.seen, a.queue())
}

// Story describes the attempt in sentences, in the order of time, as a verdict has it. They hold no
// address and no absolute time: attempts that went alike have equal stories.
func (a *Attempt) Story(v *judge.Verdict) []story.Line { return story.Tell(&a.seen, v) }

// Evidence returns the packets that a verdict rests on, by their numbers: those of the
// handshake, and what the story mentions.
func (a *Attempt) Evidence(v *judge.Verdict) []story.Citation { return story.Cite(&a.seen, v) }

// Hypotheses returns what can have befallen the attempt, as far as packets alone show, with
// what contradicts or proves each: nothing for an attempt without trouble.
func (a *Attempt) Hypotheses() []judge.Ruling { return judge.Hypotheses(&a.seen, a.queue()) }

// Sequel returns how the attempt goes on after its handshake.
func (a *Attempt) Sequel() judge.Sequel { return judge.SequelOf(&a.seen) }

// queue is that of its listener, reconstructed from all that was seen.
func (a *Attempt) queue() *judge.Queue {
	a.listener.tracker.weigh()
	return &a.listener.queue
}

// over reports that nothing more is to be expected of the attempt, from packets alone.
func (a *Attempt) over() bool {
	e := &a.seen
	quiet := e.Scene.Now - e.Last
	closed := e.Server.FINSent && e.Client.FINSent || e.Client.Reset.N > 0 || e.Server.Reset.N > 0
	return quiet > forsaken || closed && quiet > lingering
}
