package evidence

func (a *Attempt) takeRST(p *Packet, seen sight) {
	a.Server.OtherHops = a.Server.OtherHops || p.Hops != 0 && a.Server.Hops != 0 && p.Hops != a.Server.Hops
	if a.strange(p) {
		return
	}
	if a.Server.SYNACK.N == 0 && a.Client.ACK.N > 0 && !a.Scene.Sockets {
		a.Midway = true // its client has answered a SYN-ACK that was not captured
	}
	a.closes(p.T, true)
	if a.Client.ACK.N > 0 {
		a.acts(ActReset, p.T)
	}
	if p.Flags.Has(ACK) && a.Server.SYNACK.N > 0 {
		a.serves(p.T)
	}
	a.leave()
	a.serve()
	sent, in := &a.Server.Reset, &a.Server.ResetIn
	stray := a.Dead() && !p.Flags.Has(ACK)
	if stray {
		sent, in = &a.Server.Stray, &a.Server.StrayIn
	}
	if seen.arrived {
		in.add(p.T)
	}
	switch {
	case seen.sent && stray:
		a.note(Note{What: StrayReset}, p.T, p.Number)
		a.remark(p.Number, Note{What: StrayReset})
	case seen.sent && a.Server.Reset.N == 0:
		a.firstReset(p)
	}
	if seen.sent && !stray && a.Server.Reset.N > 0 && a.Server.RefusedSYN {
		a.note(Note{What: ServerReset}, p.T, p.Number)
	}
	if seen.sent {
		sent.add(p.T)
	}
	if seen.sent && !stray && a.Server.Reset.N == 1 && !(a.Server.PlainReset || a.Server.RefusedSYN || a.Accepted()) {
		a.fall()
	}
	if seen.sent && !stray {
		n := Note{What: ServerReset}
		if a.Counters.Aborted {
			n.Witness = Overflows
		}
		a.remark(p.Number, n)
	}
	if in.N > sent.N {
		a.ForeignReset = true
	}
}

func (a *Attempt) firstReset(p *Packet) {
	a.Server.ResetSeq, a.Server.Misfit = p.Seq, a.misfits(p)
	switch {
	case a.Server.SYNACK.N == 0 && !a.Midway:
		a.Server.RefusedSYN = true
		a.On.Denied = p.T
	case !p.Flags.Has(ACK):
		a.Server.PlainReset = true
	}
	if a.Server.PlainReset && a.Counters.Taken && !(a.Held.Connection || a.Accepted()) {
		a.mistaken()
	}
	n := Note{What: ServerReset}
	if a.Server.PlainReset {
		n.Segment = a.Client.LastKind
	}
	a.note(n, p.T, p.Number)
}

// misfits reports that the numbers of an RST are none that the server's TCP sends: 0 to refuse a
// SYN; what the client acknowledges, to a segment that no connection took (tcp_v4_send_reset,
// net/ipv4/tcp_ipv4.c); and where both ends are, to reset a connection (tcp_send_active_reset,
// net/ipv4/tcp_output.c), which is no less than was acknowledged before.
func (a *Attempt) misfits(p *Packet) bool {
	switch answered := a.Server.SYNACK.N > 0 && a.Client.ACK.N > 0; {
	case a.Midway || a.Scene.Sockets:
		return false
	case a.Server.SYNACK.N == 0:
		return a.Client.ACK.N == 0 && p.Seq != 0
	case !answered:
		return false
	case p.Flags.Has(ACK):
		return int32(p.Seq-a.Client.Acks) < 0 || int32(p.Ack-a.Client.ISN-1-a.Server.Acked) < 0
	case p.Seq == a.Client.Misack:
		return false
	}
	return int32(p.Seq-a.Client.Acks) > farOff || int32(a.Client.Acks-p.Seq) > farOff
}

// farOff is further from what is due than what a capture may have missed.
const farOff = 1 << 20

// strange reports that an RST is none that a client takes which has sent a SYN alone: it
// must acknowledge that (RFC 9293, 3.10.7.3).
func (a *Attempt) strange(p *Packet) bool {
	if a.Server.SYNACK.N > 0 || !a.Client.SawSYN || a.Client.ACK.N > 0 {
		return false
	}
	acked := p.Ack - a.Client.ISN
	if p.Flags.Has(ACK) && acked > 0 && acked <= a.Client.SYNLen+1 {
		return false
	}
	count(&a.Server.Strange)
	a.note(Note{What: StrangeReset}, p.T, p.Number)
	a.remark(p.Number, Note{What: StrangeReset})
	return true
}
