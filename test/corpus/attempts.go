package main

import (
	"net/netip"
	"slices"
	"time"
)

// How far apart in time two captures of one packet are, and SYNs and SYN-ACKs that show
// one and the same.
const (
	hop      = time.Millisecond
	hopOfSYN = 20 * time.Millisecond
	oneSYN   = 450 * time.Millisecond
	oneData  = 5 * time.Millisecond
)

// withoutCopies leaves out what was captured twice at one side: the same segment, so soon
// that nobody has sent it again, and with the same number of its IP packet, if it has any.
func withoutCopies(all []*segment) (kept []*segment, copies int) {
	type mark struct {
		src, dst netip.AddrPort
		seq, ack uint32
		len      int
		flags    flags
		window   uint16
		options  string
		side     side
	}
	last := map[mark]*segment{}
	for _, s := range all {
		m := mark{s.src, s.dst, s.seq, s.ack, s.len, s.flags, s.window, s.options, s.side}
		soon := hop
		if s.flags.has(syn) {
			soon = hopOfSYN
		}
		before := last[m]
		last[m] = s
		if before != nil && s.stamp.Sub(before.stamp).Abs() < soon && (s.id == before.id || s.id == 0 || before.id == 0) {
			copies++
			continue
		}
		kept = append(kept, s)
	}
	return kept, copies
}

// attempt is what was captured of one try to connect.
type attempt struct {
	client, server netip.AddrPort
	began          time.Duration
	isn            uint32 // of the client
	midway         bool   // nothing of its handshake was captured
	crossed        bool   // both ends have sent a SYN
	all            []*segment
}

// ends are a client and a server.
type ends struct{ client, server netip.AddrPort }

// split sorts the segments into attempts, in the order of their beginnings. A SYN with
// another number begins a new one; a segment that follows no SYN is of one that began
// before the capture.
func split(all []*segment) (attempts []*attempt) {
	latest := map[ends]*attempt{}
	answers := map[netip.AddrPort]bool{} // SYNs
	start := func(client, server netip.AddrPort, s *segment) *attempt {
		a := &attempt{client: client, server: server, began: s.at}
		attempts = append(attempts, a)
		latest[ends{client, server}] = a
		return a
	}
	for _, s := range all {
		there, back := ends{s.src, s.dst}, ends{s.dst, s.src}
		a := latest[there]
		switch {
		case s.flags.has(syn) && !s.flags.has(ack):
			if a == nil || a.midway || a.isn != s.seq {
				a = start(s.src, s.dst, s)
				a.isn = s.seq
			}
			other := latest[back]
			if other != nil && !other.midway && len(other.synacks(0)) == 0 {
				a.crossed, other.crossed = true, true
			}
		case a != nil:
			a.crossed = a.crossed || s.flags.has(syn|ack) && !s.flags.has(rst)
		case latest[back] != nil:
			a = latest[back]
		case s.flags.has(rst):
			continue
		case s.flags.has(syn):
			a = start(s.dst, s.src, s)
			a.isn = s.ack - 1
		case answers[s.src] || !answers[s.dst] && s.src.Port() < s.dst.Port():
			a = start(s.dst, s.src, s)
			a.midway = true
		default:
			a = start(s.src, s.dst, s)
			a.midway = true
		}
		if s.flags.has(syn|ack) && s.src == a.server {
			answers[s.src] = true
		}
		a.all = append(a.all, s)
	}
	return attempts
}

// sent are the segments that one end has sent and that are of a kind, each as it was seen
// first: in a capture of both sides at the side of the sender.
func (a *attempt) sent(by netip.AddrPort, named side, is func(*segment) bool) (all []*segment) {
	at := server
	if by == a.client {
		at = client
	}
	for _, s := range a.all {
		there := named&at == 0 || s.side&at != 0
		if s.src == by && there && is(s) {
			all = append(all, s)
		}
	}
	return all
}

// syns are the SYNs that the client has sent.
func (a *attempt) syns(named side) []*segment {
	return a.sent(a.client, named, func(s *segment) bool { return s.flags.has(syn) && !s.flags.has(ack) && !s.flags.has(rst) })
}

// synacks are those that answer the SYN.
func (a *attempt) synacks(named side) []*segment {
	data := uint32(0)
	for _, s := range a.all {
		if s.src == a.client && s.flags.has(syn) && !s.flags.has(ack) {
			data = uint32(s.len)
			break
		}
	}
	return a.sent(a.server, named, func(s *segment) bool {
		return s.flags.has(syn|ack) && !s.flags.has(rst) && s.ack-a.isn-1 <= data && !a.midway
	})
}

// follows are the segments of the client that follow its SYN.
func (a *attempt) follows(named side) []*segment {
	return a.sent(a.client, named, func(s *segment) bool {
		return s.flags.has(ack) && !s.flags.has(syn) && !s.flags.has(rst) && s.seq != a.isn
	})
}

// data are those of them that have data or a FIN.
func (a *attempt) data(named side) []*segment {
	return slices.DeleteFunc(a.follows(named), func(s *segment) bool { return s.size() == 0 })
}

// resets are the RSTs that an end has sent.
func (a *attempt) resets(by netip.AddrPort, named side) []*segment {
	return a.sent(by, named, func(s *segment) bool { return s.flags.has(rst) })
}

// once leaves out what came within a time of the last that is kept, and is the same.
func once(all []*segment, soon time.Duration, same func(a, b *segment) bool) (kept []*segment) {
	for _, s := range all {
		if n := len(kept); n > 0 && s.at-kept[n-1].at < soon && same(s, kept[n-1]) {
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// again are the segments of a list that have nothing new: all of their bytes were sent
// before, and not just now.
func (a *attempt) again(data []*segment) (all []*segment) {
	top, last := uint32(0), time.Duration(-1)
	for _, s := range data {
		end := s.seq - a.isn - 1 + s.size()
		switch {
		case int32(end-top) > 0:
			top = end
		case last >= 0 && s.at-last < oneData:
			continue
		default:
			all = append(all, s)
		}
		last = s.at
	}
	return all
}
