package judge

import (
	"listenq/internal/evidence"
)

// spoofed reports that the client is one of so many that have sent a single SYN, and have
// not sent it again when it was due, that its address is taken for a forged one.
func (a attempt) spoofed() bool {
	c := &a.On.Crowd
	return a.Among.Lone && c.Mixed && c.Lone >= floodFrom && c.Lone*2 > c.Attempts && a.Scene.Now-a.Client.SYN.Last >= evidence.FirstTimeout
}

// informed reports that there are others to judge by: packets alone, seen at the server.
func (a attempt) informed() bool {
	return !a.Scene.Sockets && a.Sees(evidence.ServerSide) && (a.On.Crowd.Attempts > 1 || a.Accepted()) && !a.strict
}

// lossless reports that nothing in the capture shows that packets of this client, or those of
// connections that are there, are lost before they come to it.
func (a attempt) lossless() bool {
	if a.queue != nil && a.queue.Lost > 0 {
		return false
	}
	_, losing := a.Scene.Gaps[a.Ends.Client.Addr()]
	return a.informed() && !losing && len(a.Scene.Gaps) < evidence.MaxGaps
}

// dropsSYN is what a server can have dropped the first SYN for, by what it did with
// those of others.
func (a attempt) dropsSYN() causes {
	set := anySYN &^ a.ruledOut(evidence.StageSYN)
	if !a.informed() || a.On.Crowd.Answered < 0 {
		return set
	}
	left := a.left() & anySYN
	if left == 0 || left == hostDrop {
		return set // the others mislead: settings change, and so does what is let in
	}
	return set & left
}

// reserves reports that n requests can be what is let in before the last quarter of
// net.ipv4.tcp_max_syn_backlog: tcp_conn_request (net/ipv4/tcp_input.c) drops when the
// limit less n is below limit>>2. The default limit is a power of two (tcp_init,
// net/ipv4/tcp.c), and one that somebody sets is round, or small.
func reserves(n int) bool {
	kept := n - 1
	for limit := 4 * kept / 3; limit > 4*(kept-1)/3; limit-- {
		if limit < 128 || limit%64 == 0 || limit%100 == 0 || limit&(limit+1) == 0 {
			return true
		}
	}
	return false
}

// hadRoom reports that nothing speaks for a full queue when the final ACK came.
func (a attempt) hadRoom() bool {
	c := &a.On.Crowd
	if !a.informed() || a.Client.ACKIn.N == 0 || a.Held.Ignored || a.Client.Unacked || a.Client.Untaken || a.Sees(evidence.ClientSide) && a.Server.Resent.N > 0 && a.Client.ACK.First < a.Server.Resent.First {
		return false
	}
	return a.Among.Alone && !c.AskedAlone || a.Among.Followed && !c.Again
}

// undeferred reports that the server is not held back by TCP_DEFER_ACCEPT: it has sent
// first, or there is no request that could wait (cookie_v4_check, net/ipv4/syncookies.c).
func (a attempt) undeferred() bool {
	return a.informed() && (a.On.Crowd.Speaks || a.Held.Cookie)
}

// dropsACK narrows what a server can have dropped a final ACK for.
func (a attempt) dropsACK(set causes) causes {
	if !a.informed() {
		return set
	}
	if a.undeferred() || a.Client.Untaken {
		set &^= deferred
	}
	if left := a.left() & (anyACK | refusedCause | sumCause); left != 0 {
		return set&left | left&(refusedCause|sumCause)
	}
	return set
}

// blind reports that the capture lacks what shows what became of any attempt on this address:
// one direction.
func (a attempt) blind() bool {
	l := a.On
	switch {
	case a.Scene.Sockets || a.Server.Reset.N > 0:
		return false
	case !l.Heard:
		return l.Deaf
	}
	return !l.Asked
}
