package handshake

import "time"

// segment is what a client's segment is to the handshake.
type segment uint8

const (
	segOther segment = iota
	segSYN
	segACK
	segData
	segFIN
	segRST
)

// struck is the segment as the packet that a cause hit.
func (s segment) struck() Struck {
	return [...]Struck{segSYN: StruckSYN, segACK: StruckACK, segData: StruckData, segFIN: StruckFIN, segRST: ""}[s]
}

// Times that the kernel's timers tell apart.
const (
	firstTimeout = 900 * time.Millisecond // less than TCP_TIMEOUT_INIT, 1 s (include/net/tcp.h)
	dataTimeout  = 150 * time.Millisecond // less than TCP_RTO_MIN, 200 ms
)

// nearServer reports whether a segment of the client was seen as near to the
// server as there are eyes.
func (a *Attempt) nearServer(seen sight) bool { return seen.arrived || !a.sees(ServerSide) }

// fromClient takes a segment of the client.
func (a *Attempt) fromClient(p *Packet, seen sight) segment {
	switch {
	case p.Flags.Has(RST):
		return a.takeClientRST(p, seen)
	case p.Flags.Has(SYN | ACK):
		a.set(crossed)
		return segOther
	case p.Flags.Has(SYN):
		return a.takeSYN(p, seen)
	case p.Flags.Has(ACK):
		return a.takeACK(p, seen)
	}
	return segOther
}

func (a *Attempt) takeSYN(p *Packet, seen sight) segment {
	duplicate := !a.sees(ClientSide) && a.syn.n > 0 && p.T-a.syn.last < firstTimeout/2
	if seen.sent && !duplicate {
		if a.syn.n > 0 {
			a.synGap = p.T - a.syn.last
		}
		a.syn.add(p.T)
		switch a.syn.n {
		case 1:
			a.odd.hops, a.odd.badSYN = p.Hops, p.Sum == SumBad
			a.tsval, a.synLen, a.offered = p.Options.TSVal, uint32(p.Len), p.Options.Present
		case 2:
			a.synAgain = p.T
		}
		if a.syn.n > 1 {
			a.note(note{what: synAgain}, p.T, p.Number)
			a.remark(p.Number, note{what: synAgain, n: a.syn.n - 1})
		}
	}
	a.set(sawSYN)
	number(&a.firsts.syn, p)
	if seen.arrived {
		a.synIn.add(p.T)
	}
	if a.synack.n == 0 {
		a.triesSent = a.syn.n
	}
	if a.nearServer(seen) {
		a.set(synSince)
		if a.synack.n == 0 && (a.tries == 0 || p.T-a.asked >= firstTimeout/2) {
			a.tries++
			a.vain, a.asked = a.asked, p.T
			a.knock()
		}
	}
	return segSYN
}

// takeACK takes the final ACK and what follows it. Keep-alives, which begin one
// byte before what is due, say nothing.
func (a *Attempt) takeACK(p *Packet, seen sight) segment {
	if a.is(midway) {
		a.ack.add(p.T)
		return segOther
	}
	begin, size := p.Seq-a.isn-1, uint32(p.Len)
	if p.Flags.Has(FIN) {
		size++
	}
	if begin == ^uint32(0) || size == 0 && a.hasConnection() && !a.is(overtaken) {
		return segOther
	}
	kind := kindOf(p)
	if p.Flags.Has(FIN) && !a.is(finSent) {
		a.set(finSent)
		a.finAt = p.T
		a.closes(p.T, a.is(serverFIN))
	}
	a.inspect(p, size)
	if a.synack.n == 0 {
		a.listener.deaf = true
	}
	if !a.hasConnection() || a.is(fastOpened) { // else the one that made it was not captured
		number(&a.firsts.ack, p)
	}
	if seen.sent {
		if a.ack.n == 0 {
			a.beforeACK = a.synack.n
			if kind != segACK {
				a.set(dataFirst)
			}
			if kind != segACK || a.beforeACK > 1 {
				a.lost()
			}
		}
		a.ack.add(p.T)
		if size > 0 {
			a.takeData(p, begin, begin+size)
		}
	}
	if seen.arrived {
		a.ackIn.add(p.T)
	}
	if a.nearServer(seen) {
		a.arrive(p.T)
		a.lastIn, a.lastKind = p.T, kind
		if kind == segData && a.dataIn == 0 {
			a.dataIn = p.T
		}
		if a.is(overtaken) {
			a.established = a.maker()
			a.clear(overtaken)
		}
	}
	return kind
}

func kindOf(p *Packet) segment {
	switch {
	case p.Len > 0:
		return segData
	case p.Flags.Has(FIN):
		return segFIN
	}
	return segACK
}

// takeData takes data or a FIN of the client as it was sent.
func (a *Attempt) takeData(p *Packet, begin, end uint32) {
	number(&a.firsts.data, p)
	a.odd.shut = a.odd.shut || a.data.n == 0 && p.Len == 0
	if begin > 0 {
		a.set(beyond)
	}
	if int32(end-a.top) > 0 {
		if a.takenAt > 0 {
			count(&a.odd.later)
		}
		a.top = end
		a.data.add(p.T)
		return
	}
	if a.copied(&a.data, p.T, copyDelay) {
		return
	}
	a.dataAgain++
	a.odd.lost = a.odd.lost || a.takenAt > 0 && int32(end-a.odd.acked) > 0
	if !a.is(child|owned) && p.T-a.data.last >= dataTimeout {
		came := a.sees(ServerSide) && a.lastIn >= a.data.first && p.T-a.lastIn >= dataTimeout && !a.badSum() && a.odd.refusals == 0
		if came {
			a.repulse()
		}
		if came || !a.sees(ServerSide) || a.t.cfg.Sockets {
			a.set(unacked)
		}
	}
	a.data.add(p.T)
	a.note(note{what: dataAgain}, p.T, p.Number)
	a.remark(p.Number, note{what: dataAgain, n: a.dataAgain})
}

// copied reports that a segment is the last of its kind once more, captured twice or
// doubled by the network: no timer sends it again so soon. With the lab's evidence
// copies are known as such.
func (a *Attempt) copied(s *series, now, soon time.Duration) bool {
	return !a.t.cfg.Sockets && s.n > 0 && now-s.last < soon
}

// copyDelay is how far apart two captures of one packet are at most.
const copyDelay = 5 * time.Millisecond

func (a *Attempt) takeClientRST(p *Packet, seen sight) segment {
	if a.answersChallenge(p) {
		return segOther
	}
	a.closes(p.T, true)
	a.odd.connected = p.Flags.Has(ACK) || p.Seq != a.isn+1 // one that has no socket answers the SYN-ACK without (tcp_v4_send_reset, net/ipv4/tcp_ipv4.c)
	a.odd.forged = a.ack.n == 0 && p.Hops != 0 && a.odd.hops != 0 && p.Hops != a.odd.hops
	a.leave()
	a.accompany()
	if seen.sent {
		a.clientReset.add(p.T)
		a.note(note{what: clientResets}, p.T, p.Number)
	}
	if seen.arrived {
		a.rstIn.add(p.T)
		if a.rstIn.n == 1 && a.t.cfg.Sockets && !a.is(owned) {
			a.t.dead = append(a.t.dead, a)
		}
	}
	if a.rstIn.n > a.clientReset.n {
		a.set(foreignReset)
	}
	return segRST
}

// hasConnection reports whether the server has or had one.
func (a *Attempt) hasConnection() bool { return a.is(taken | child | owned) }

// connect notes that the server has a connection, since the segment that came at t.
func (a *Attempt) connect(t time.Duration) {
	if !a.hasConnection() {
		a.established, a.enteredBy = t, a.lastIn
	}
	a.set(child)
	a.clear(unacked | vacant | gone)
}

// show notes that the server's connection was seen. Samples and calls may be told
// of it before the segment that made it: that is stamped when its delivery has returned.
func (a *Attempt) show() {
	if !a.hasConnection() && a.t.cfg.Sockets && (a.ackIn.n == 0 || a.futile == a.lastIn) {
		a.set(overtaken)
	}
	a.connect(a.maker())
}

// accept notes that accept() has returned the connection.
func (a *Attempt) accept(t time.Duration) {
	a.serve()
	a.serves(t)
	if !a.is(owned) {
		a.set(owned)
		a.note(note{what: accepted}, t, 0)
	}
}

// strike notes that a packet was dropped or lost. The first one of its stage
// counts, with one exception: a full accept queue comes before an earlier loss of
// the final ACK, which would have been made good, and before TCP_DEFER_ACCEPT,
// which drops the bare ACK by design.
func (a *Attempt) strike(s stage, c causes, packet Struck, m moment) {
	st := &a.strikes[s]
	if st.n++; st.n == 1 {
		st.since = m.T
	}
	if st.causes == deferred && c == acceptFull {
		st.since = m.T // what was deferred was not late
	}
	if st.causes == 0 || s == stageACK && c == acceptFull && st.causes != acceptFull {
		st.causes, st.packet, st.at = c, packet, m
	}
}
