package evidence

import (
	"time"
)

// Segment is what a client's segment is to the handshake.
type Segment uint8

// Limits on how many segments are followed.
const (
	SegOther Segment = iota
	SegSYN
	SegACK
	SegData
	SegFIN
	SegRST
)

// Times that distinguish the kernel's timers.
const (
	FirstTimeout = 900 * time.Millisecond // less than TCP_TIMEOUT_INIT, 1 s (include/net/tcp.h)
	dataTimeout  = 150 * time.Millisecond // less than TCP_RTO_MIN, 200 ms
)

// nearServer reports whether a segment of the client was seen as near to the
// server as there are eyes.
func (a *Attempt) nearServer(seen sight) bool { return seen.arrived || !a.Sees(ServerSide) }

// sight is how a segment was seen. Where only its receiver's side is watched,
// its arrival is taken for its sending, too.
type sight struct{ sent, arrived bool }

// Take takes a segment of the client or of the server, and returns what one of the client's
// is to the handshake. It does not keep p.
func (a *Attempt) Take(p *Packet, fromClient bool) Segment {
	a.Last = p.T
	from, to := ServerSide, ClientSide
	if fromClient {
		from, to = to, from
	}
	seen := sight{
		sent:    p.Side&from != 0 || a.Scene.Sides&from == 0,
		arrived: p.Side&to != 0,
	}
	if !fromClient {
		a.On.Heard = true
		a.fromServer(p, seen)
		return SegOther
	}
	a.On.Asked = true
	return a.fromClient(p, seen)
}

// fromClient takes a segment of the client.
func (a *Attempt) fromClient(p *Packet, seen sight) Segment {
	switch {
	case p.Flags.Has(RST):
		return a.takeClientRST(p, seen)
	case p.Flags.Has(SYN | ACK):
		a.Crossed = true
		return SegOther
	case p.Flags.Has(SYN):
		return a.takeSYN(p, seen)
	case p.Flags.Has(ACK):
		return a.takeACK(p, seen)
	}
	return SegOther
}

func (a *Attempt) takeSYN(p *Packet, seen sight) Segment {
	duplicate := !a.Sees(ClientSide) && a.Client.SYN.N > 0 && p.T-a.Client.SYN.Last < FirstTimeout/2
	if seen.sent && !duplicate {
		if a.Client.SYN.N > 0 {
			a.Client.SYNGap = p.T - a.Client.SYN.Last
		}
		a.Client.SYN.add(p.T)
		switch a.Client.SYN.N {
		case 1:
			a.Client.Hops, a.Client.BadSYN = p.Hops, p.Sum == SumBad
			a.Client.TSVal, a.Client.SYNLen, a.Client.Offered = p.Options.TSVal, uint32(p.Len), p.Options.Present
		case 2:
			a.Client.SYNAgain = p.T
		}
		if a.Client.SYN.N > 1 {
			a.note(Note{What: SYNAgain}, p.T, p.Number)
			a.remark(p.Number, Note{What: SYNAgain, N: a.Client.SYN.N - 1})
		}
	}
	a.Client.SawSYN = true
	number(&a.Firsts.SYN, p)
	if seen.arrived {
		a.Client.SYNIn.add(p.T)
	}
	if a.Server.SYNACK.N == 0 {
		a.Client.TriesSent = a.Client.SYN.N
	}
	if a.nearServer(seen) {
		a.Server.SYNSince = true
		if a.Server.SYNACK.N == 0 && (a.Client.Tries == 0 || p.T-a.Client.Asked >= FirstTimeout/2) {
			a.Client.Tries++
			a.Client.Vain, a.Client.Asked = a.Client.Asked, p.T
			a.countSYN()
		}
	}
	return SegSYN
}

// takeACK takes the final ACK and what follows it. Keep-alives, which begin one
// byte before what is due, say nothing.
func (a *Attempt) takeACK(p *Packet, seen sight) Segment {
	if a.Midway {
		a.Client.ACK.add(p.T)
		return SegOther
	}
	a.Client.Acks = p.Ack
	begin, size := p.Seq-a.Client.ISN-1, uint32(p.Len)
	if p.Flags.Has(FIN) {
		size++
	}
	if begin == ^uint32(0) || size == 0 && a.HasConnection() && !a.Held.Overtaken {
		return SegOther
	}
	kind := kindOf(p)
	if p.Flags.Has(FIN) && !a.Client.FINSent {
		a.Client.FINSent = true
		a.Client.FINAt = p.T
		a.closes(p.T, a.Server.FINSent)
	}
	a.inspect(p, size)
	if a.Server.SYNACK.N == 0 {
		a.On.Deaf = true
	}
	if !a.HasConnection() || a.Held.FastOpened { // else the one that made it was not captured
		number(&a.Firsts.ACK, p)
	}
	if seen.sent {
		if a.Client.ACK.N == 0 {
			a.Server.BeforeACK = a.Server.SYNACK.N
			if kind != SegACK {
				a.Client.DataFirst = true
			}
			if kind != SegACK || a.Server.BeforeACK > 1 {
				a.gap()
			}
		}
		a.Client.ACK.add(p.T)
		if size > 0 {
			a.takeData(p, begin, begin+size)
		}
	}
	if seen.arrived {
		a.Client.ACKIn.add(p.T)
	}
	if a.nearServer(seen) {
		a.arrive(p.T)
		a.Client.LastIn, a.Client.LastKind = p.T, kind
		if kind == SegData && a.Client.DataIn == 0 {
			a.Client.DataIn = p.T
		}
		if a.Held.Overtaken {
			a.Held.Since = a.maker()
			a.Held.Overtaken = false
		}
	}
	return kind
}

func kindOf(p *Packet) Segment {
	switch {
	case p.Len > 0:
		return SegData
	case p.Flags.Has(FIN):
		return SegFIN
	}
	return SegACK
}

// takeData takes data or a FIN of the client as it was sent.
func (a *Attempt) takeData(p *Packet, begin, end uint32) {
	number(&a.Firsts.Data, p)
	a.Client.Shut = a.Client.Shut || a.Client.Data.N == 0 && p.Len == 0
	if begin > 0 {
		a.Client.Beyond = true
	}
	if int32(end-a.Client.Top) > 0 {
		if a.Server.TakenAt > 0 {
			count(&a.Client.Later)
		}
		a.Client.Top = end
		a.Client.Data.add(p.T)
		return
	}
	if a.copied(&a.Client.Data, p.T, copyDelay) {
		return
	}
	a.Client.DataAgain++
	a.Client.AgainLater = a.Client.AgainLater || a.Server.TakenAt > 0 && int32(end-a.Server.Acked) > 0
	if !(a.Held.Connection || a.Accepted()) && p.T-a.Client.Data.Last >= dataTimeout {
		came := a.Sees(ServerSide) && a.Client.LastIn >= a.Client.Data.First && p.T-a.Client.LastIn >= dataTimeout && !a.BadSum() && a.Server.Refusals == 0
		if came {
			a.repulse()
		}
		if came || !a.Sees(ServerSide) || a.Scene.Sockets {
			a.Client.Unacked = true
		}
	}
	a.Client.Data.add(p.T)
	a.note(Note{What: DataAgain}, p.T, p.Number)
	a.remark(p.Number, Note{What: DataAgain, N: a.Client.DataAgain})
}

// copied reports that a segment is the last of its kind once more, captured twice or
// doubled by the network: no timer sends it again so soon. With the lab's evidence
// copies are known as such.
func (a *Attempt) copied(s *Series, now, soon time.Duration) bool {
	return !a.Scene.Sockets && s.N > 0 && now-s.Last < soon
}

// copyDelay is how far apart two captures of one packet are at most.
const copyDelay = 5 * time.Millisecond

func (a *Attempt) takeClientRST(p *Packet, seen sight) Segment {
	if a.answersChallenge(p) {
		return SegOther
	}
	a.closes(p.T, true)
	a.Client.ResetConnected = p.Flags.Has(ACK) || p.Seq != a.Client.ISN+1 // one that has no socket answers the SYN-ACK without (tcp_v4_send_reset, net/ipv4/tcp_ipv4.c)
	a.Client.OtherHops = a.Client.ACK.N == 0 && p.Hops != 0 && a.Client.Hops != 0 && p.Hops != a.Client.Hops
	a.leave()
	a.accompany()
	if seen.sent {
		a.Client.Reset.add(p.T)
		a.note(Note{What: ClientResets}, p.T, p.Number)
	}
	if seen.arrived {
		a.Client.ResetIn.add(p.T)
	}
	if a.Client.ResetIn.N > a.Client.Reset.N {
		a.ForeignReset = true
	}
	return SegRST
}

// closes notes that an end has closed; the second one ends the connection.
func (a *Attempt) closes(t time.Duration, second bool) {
	if second && a.ClosedAt == 0 {
		a.ClosedAt = t
	}
}

// Asks is how many bytes of data the client has sent; its FIN is none.
func (a *Attempt) Asks() uint32 {
	if a.Client.FINSent && a.Client.Top > 0 {
		return a.Client.Top - 1
	}
	return a.Client.Top
}
