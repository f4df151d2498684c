package judge

import (
	"net/netip"

	"listenq/internal/evidence"
)

// Finding is what is the matter with a listener.
type Finding string

// From a full queue to nothing at all.
const (
	Overflow    Finding = "accept-queue-overflow"
	SynOverflow Finding = "syn-queue-overflow"
	Flooded     Finding = "syn-flood"  // SYNs of addresses that never come back
	Scanned     Finding = "syn-scan"   // a client looks what is open
	Reflecting  Finding = "reflection" // SYNs bear the address of a victim, which gets the answers
	Gone        Finding = "listener-closed"
	Nothing     Finding = "no-listener"
	Lossy       Finding = "network-loss"
	Filtered    Finding = "host-drop"       // no SYN is answered
	Undecided   Finding = "undecided"       // something was dropped; it is not clear by what
	Halved      Finding = "half-handshakes" // clients answer the SYN-ACK with RST: checks, or a scan
	Fine        Finding = "no-drop"         // nothing was
	Unseen      Finding = "not-enough"      // no attempt was seen from its beginning
)

// ListenerVerdict weighs all attempts on one address.
type ListenerVerdict struct {
	Address netip.AddrPort
	Tally
	Finding    Finding
	Confidence Confidence
	Queue      Queue // its accept queue as packets alone allow it to be reconstructed
	Servers    int   // of a reflection: whose SYN-ACKs come to the victim, which is the address then
}

// Listener judges an address by what all attempts on it add up to. Its queue is as it was
// reconstructed last, and shown is how it was when only an overflow explained what was seen;
// without a client if it never did.
func Listener(l *evidence.Listener, y *Tally, q, shown *Queue) ListenerVerdict {
	v := ListenerVerdict{Address: l.Address, Tally: *y, Confidence: Likely, Queue: *q}
	v.Finding = finding(l, y, shown)
	packets := !l.Scene.Sockets
	switch v.Finding {
	case Overflow:
		if y.Certain {
			v.Confidence = Certain
		}
	case Fine:
		if y.Untold+y.Late+y.Resets+y.Midway > 0 {
			v.Confidence = Possible
		}
	case Lossy:
		if packets && l.Scene.Sides != evidence.ClientSide|evidence.ServerSide {
			v.Confidence = Possible
		}
	case Gone:
		if packets && (y.Together == 0 || l.Denied == 0 || l.Reopened) {
			v.Confidence = Possible
		}
	case Undecided, Unseen, Filtered, SynOverflow, Nothing:
		v.Confidence = Possible
	}
	return v
}

// Numbers from which on many are a pattern.
const (
	floodFrom    = 50   // clients that never came back
	certainFlood = 1000 // the same of a server that answers none
	scanFrom     = 20   // addresses that one client looked at
	bounces      = 20   // SYN-ACKs that one client has not asked for
	looksOnce    = 3    // attempts on one address, of a client that looks what is open; who comes back checks its health
	fewBounces   = 3    // clients that end the handshake at the SYN-ACK
)

// finding weighs. One connection that was struck is no overflow, unless only a full queue
// does what was seen.
func finding(l *evidence.Listener, y *Tally, shown *Queue) Finding {
	c, sockets := &l.Crowd, l.Scene.Sockets
	switch {
	case !c.Mixed && y.Forged >= bounces && y.Forged*10 >= y.Attempts*9:
		return Reflecting
	case !sockets && y.SeenBoth == 0 && (y.Deaf > 0 && y.Heard == 0 || y.Mute+y.Midway >= y.Attempts):
		return Unseen
	case !c.Mixed && scans(l.Scene, c.Only) && (sockets || y.Attempts <= looksOnce):
		return Scanned
	case shown.Clients > 0 && y.Overflowed > 0, y.Certain:
		return Overflow
	case y.SynQueue > 0:
		return SynOverflow
	case !sockets && !l.Scene.ACKs && y.Acked == 0 && l.Answered:
		return Unseen
	case y.Bounced >= fewBounces && y.Bounced*10 >= y.Attempts*9:
		return Halved
	case y.Unfinished >= floodFrom && y.Unfinished*2 > y.Attempts && (l.Answered || y.Unfinished >= certainFlood):
		return Flooded
	case y.Outcomes[Refused] == y.Attempts && !l.Answered:
		return Nothing
	case y.Causes[ListenerClosed] > 0:
		return Gone
	case y.Midway == y.Attempts:
		return Unseen
	case !l.Answered && y.Outcomes[Unanswered]+y.Outcomes[TimedOut]+y.Outcomes[GaveUp] == y.Attempts && y.Causes[NoCause] == y.Open:
		if y.Repeated == 0 && y.Attempts < floodFrom && !sockets {
			return Unseen
		}
		return Filtered
	case y.Overflowed+y.Perhaps+y.Rejected > 0:
		return Undecided
	case y.Causes[NetworkLoss] > 0:
		return Lossy
	}
	return Fine
}

// scans reports that a client has tried many addresses and finished next to nothing.
func scans(s *evidence.Scene, client netip.Addr) bool {
	p := s.Probes[client]
	return p.Addresses >= scanFrom && p.Finished*10 < p.Addresses
}
