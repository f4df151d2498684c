package evidence

import (
	"net/netip"
	"time"
)

// Scene is what all attempts of one observation have in common: what is looked at, for how
// long, and what no attempt alone shows.
type Scene struct {
	Sides   Side // where packets are seen
	Sockets bool // socket states, listeners and calls are reported, too; and Reactions, at least now and then

	Began    time.Duration // when the first was seen
	Now      time.Duration
	ACKs     bool // something was seen that is neither SYN nor RST nor FIN
	Complete time.Duration
	begun    bool
	sampled  time.Duration // samples of one moment are one look at everything; it is complete once a later one begins

	Settings Settings
	Last     Remark                  // of the packet that was given last
	Gaps     map[netip.Addr]struct{} // clients with a gap in a handshake: a SYN-ACK that they have not answered, or no final ACK
	Probes   map[netip.Addr]Probe    // by client
	Trouble  int                     // times that something came again which was not answered
}

// NewScene returns that of an observation which has seen nothing.
func NewScene(sides Side, sockets bool) *Scene {
	return &Scene{Sides: sides, Sockets: sockets, Gaps: map[netip.Addr]struct{}{}, Probes: map[netip.Addr]Probe{}}
}

// At says that it is so late at least.
func (s *Scene) At(now time.Duration) {
	if !s.begun {
		s.Began, s.begun = now, true
	}
	s.Now = max(s.Now, now)
}

// Sample begins a look at everything, if it is later than the last one; it reports whether
// it is. What that one has not said to be closed was open then.
func (s *Scene) Sample(now time.Duration) bool {
	if now <= s.sampled {
		return false
	}
	s.Complete, s.sampled = s.sampled, now
	return true
}

// Settings of the server's namespace decide whether the last quarter of the SYN queue is
// kept for proven peers (tcp_conn_request, net/ipv4/tcp_input.c, since 2.6); and of the
// client's, how often it tries.
type Settings struct {
	Cookies, Backlog           int // net.ipv4.tcp_syncookies, tcp_max_syn_backlog
	CookiesKnown, BacklogKnown bool
	SYNRetries                 int // net.ipv4.tcp_syn_retries; 0 if not known
}

// Set takes a setting by its name. Others than these are ignored.
func (s *Settings) Set(name string, value int) {
	switch name {
	case "net.ipv4.tcp_syncookies":
		s.Cookies, s.CookiesKnown = value, true
	case "net.ipv4.tcp_max_syn_backlog":
		s.Backlog, s.BacklogKnown = value, true
	case "net.ipv4.tcp_syn_retries":
		s.SYNRetries = value
	}
}

// Remark is what is worth saying of one packet.
type Remark struct {
	Number int
	Note   Note
}

// Begin is for the next packet, of which there is nothing to say yet.
func (r *Remark) Begin(number int) { r.Number, r.Note.What = number, Nothing }

// Probe is how a client looks at addresses.
type Probe struct{ Addresses, Finished int }

// maxProbes bounds the clients that are watched for a scan.
const maxProbes = 1 << 14

// tries notes that a client is the first to try an address.
func (s *Scene) tries(client netip.Addr) {
	p, known := s.Probes[client]
	if !known && len(s.Probes) >= maxProbes {
		return
	}
	p.Addresses++
	s.Probes[client] = p
}

// gap notes that a client has a gap in its handshake.
func (a *Attempt) gap() {
	if len(a.Scene.Gaps) < MaxGaps {
		a.Scene.Gaps[a.Ends.Client.Addr()] = struct{}{}
	}
}

// MaxGaps bounds the clients that are known to have gaps; with so many, all may have.
const MaxGaps = 1 << 16
