package explain

import (
	"math"
	"net/netip"

	"listenq/internal/answer"
	"listenq/internal/evidence"
)

// adjust sets the clocks of all files by that of the first, and finds which hosts
// were captured at both ends.
func (e *explainer) adjust() {
	e.start = math.MaxInt64
	read := e.read()
	for i, s := range read {
		for _, other := range read[:i] {
			if e.match(other, s) {
				break
			}
		}
	}
	for _, s := range read {
		if s.packets > 0 {
			e.start = min(e.start, s.first+s.shift)
		}
		if len(s.ahead) > 0 {
			e.start = min(e.start, s.ahead[0].at+s.shift)
		}
	}
	if e.start == math.MaxInt64 {
		e.start = 0
	}
	e.last = e.start
}

// match compares the beginnings of two files. If one was captured at the client and
// one at the server, the packets that are in both give the difference of their clocks: a
// packet is seen first where it was sent, and the shortest way there is taken to be as
// long as the shortest way back.
func (e *explainer) match(a, b *source) bool {
	if sidesOf(a.place.place)|sidesOf(b.place.place) != bothSides || a.place.place == b.place.place || a.place.place == answer.PlaceBoth || b.place.place == answer.PlaceBoth {
		return false
	}
	client, server := a, b
	if client.place.place == answer.PlaceServer {
		client, server = b, a
	}
	seen := firstSeen(client)
	there, back, matched := int64(math.MaxInt64), int64(math.MaxInt64), 0
	for i := range server.ahead {
		p := &server.ahead[i]
		at, both := seen[markOf(p)]
		if !both {
			continue
		}
		delete(seen, markOf(p)) // what is sent again matches nothing
		matched++
		if e.pairs == nil {
			e.pairs = map[pair]netip.Addr{}
		}
		if p.Flags.Has(evidence.ACK) {
			back = min(back, at-p.at)
			e.pairs[pairOf(p)] = p.Dst.Addr()
		} else {
			there = min(there, p.at-at)
			e.pairs[pairOf(p)] = p.Src.Addr()
		}
	}
	if matched == 0 {
		return false
	}
	if there != math.MaxInt64 && back != math.MaxInt64 {
		e.delay = max(e.delay, (there+back)/2)
	}
	b.matched = matched
	b.shift = a.shift + difference(there, back, b == server)
	e.overlap = max(e.overlap, a.first+a.shift, b.first+b.shift)
	return true
}

// firstSeen is when each SYN and SYN-ACK was seen first.
func firstSeen(s *source) map[mark]int64 {
	seen := map[mark]int64{}
	for i := range s.ahead {
		p := &s.ahead[i]
		if _, again := seen[markOf(p)]; !again && p.Flags.Has(evidence.SYN) {
			seen[markOf(p)] = p.at
		}
	}
	return seen
}

// difference is what is to be added to the second file's clock. Of one way alone it is
// only known that it takes time: then it is taken to take none.
func difference(there, back int64, secondIsServer bool) int64 {
	ahead := there // of the server's clock
	switch {
	case there == math.MaxInt64:
		ahead = -back
	case back != math.MaxInt64:
		ahead = (there - back) / 2
	}
	if secondIsServer {
		return -ahead
	}
	return ahead
}

// mark identifies a SYN or SYN-ACK.
type mark struct {
	pair     pair
	ports    [2]uint16
	seq, ack uint32
}

func markOf(p *segment) mark {
	return mark{pairOf(p), [2]uint16{p.Src.Port(), p.Dst.Port()}, p.Seq, p.Ack}
}
