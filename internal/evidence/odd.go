package evidence

// count counts up to what a byte holds.
func count(n *uint8) { *n = min(*n, 254) + 1 }

// unseen is how much a server may acknowledge of what a capture has lost. A number that is
// further off is none of this connection.
const unseen = 1 << 20

// challenges takes a bare ACK that answers a SYN: of a connection that has the client's
// address and port (tcp_timewait_state_process, net/ipv4/tcp_minisocks.c;
// tcp_validate_incoming, net/ipv4/tcp_input.c). It reports whether it was one.
func (a *Attempt) challenges(p *Packet) bool {
	if p.Len > 0 || p.Flags.Has(FIN) || !p.Flags.Has(ACK) || !a.Client.SawSYN || a.Midway || a.Client.ACK.N > 0 {
		return false
	}
	if a.Scene.Sockets && p.Ack-a.Client.ISN-1 <= a.Client.SYNLen {
		return false
	}
	if !a.Scene.Sockets && p.Ack-a.Client.ISN-1 <= a.Client.SYNLen+unseen {
		a.Midway = true // it is of this connection: the SYN-ACK was not captured, nor what is acknowledged
		return false
	}
	count(&a.Server.Challenges)
	a.Server.Challenged = p.Ack
	a.note(Note{What: BareACK}, p.T, p.Number)
	a.remark(p.Number, Note{What: BareACK})
	return true
}

// answersChallenge reports that an RST of the client answers such an ACK: it ends the old
// connection, and the attempt goes on (RFC 9293, 3.10.7.3). Where a capture has no ACKs, the
// number of the RST shows that there was one: it is what that ACK acknowledged.
func (a *Attempt) answersChallenge(p *Packet) bool {
	switch {
	case a.Server.SYNACK.N > 0:
		return false
	case a.Server.Challenges > 0:
		return p.Seq == a.Server.Challenged
	case a.Scene.Sockets || a.Scene.ACKs || !a.Client.SawSYN || p.Flags.Has(ACK) || p.Seq-a.Client.ISN-1 <= a.Client.SYNLen+unseen:
		return false
	}
	a.Client.Disowns = true
	return true
}

// inspect looks whether the server can take a segment that follows the SYN: as tcp_check_req
// (net/ipv4/tcp_minisocks.c) and tcp_rcv_established do.
func (a *Attempt) inspect(p *Packet, size uint32) {
	if a.Scene.Sockets || a.HasConnection() || a.Server.SYNACK.N == 0 {
		return
	}
	if p.Sum == SumBad && !a.On.Crowd.Sumless {
		if a.Client.BadSums == 0 {
			a.note(Note{What: WrongSum, Segment: kindOf(p)}, p.T, p.Number)
		}
		a.remark(p.Number, Note{What: WrongSum, Segment: kindOf(p)})
		count(&a.Client.BadSums)
	}
	if p.Ack-a.Server.ISN-1 > 1<<30 || a.Client.Top == 0 && p.Ack != a.Server.ISN+1 && !a.Held.FastOpened && a.Server.ServedAt == 0 {
		count(&a.Client.Misacks)
		a.Client.Misack = p.Ack
	}
	if p.Options.Present.Has(OptTimestamps) {
		a.Client.Older = int32(p.Options.TSVal-a.Client.Latest) < 0 && a.Client.Latest != 0
		if !a.Client.Older {
			a.Client.Latest = p.Options.TSVal
		}
	}
	a.Server.DataSince = a.Server.DataSince || size > 0
}

// refuses takes an ACK of the server that acknowledges the SYN and nothing after it. One that
// answers data says that the server knows of the connection, and does not take the data.
func (a *Attempt) refuses(p *Packet) {
	if a.Scene.Sockets || !a.Server.DataSince || a.HasConnection() || p.Seq != a.Server.ISN+1 {
		return
	}
	count(&a.Server.Refusals)
	a.Server.DataSince = false
	a.note(Note{What: TakesNone}, p.T, p.Number)
	a.remark(p.Number, Note{What: TakesNone})
}
