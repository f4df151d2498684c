package judge

import (
	"slices"
	"time"
)

// pace counts the signs of being struck that no limit on the rate explains.
//
// Whatever limits the rate of packets (a token bucket, a number in a time) strikes one
// because of those that it took before: within some time before it so many were taken that
// one more would have been too many. If for each such time as many and one more were taken
// elsewhere within as short a time, it was no such limit. SYNs and what comes after them are
// looked at apart, as filters do.
func pace(visits []Visit) (unpaced int) {
	var syns, acks paced
	for i := range visits {
		v := &visits[i]
		syns.add(v.Admitted, v.SYN)
		acks.add(v.Entered, v.ACK)
	}
	return syns.count() + acks.count()
}

// paced is what was taken and what was struck of one kind.
type paced struct{ taken, struck []time.Duration }

func (p *paced) add(taken time.Duration, s Strike) {
	if taken != None {
		p.taken = append(p.taken, taken)
	}
	for at := range s.times {
		p.struck = append(p.struck, at)
	}
}

// maxPaced bounds how many in a row are looked at.
const maxPaced = 1 << 10

func (p *paced) count() (unpaced int) {
	if len(p.struck) == 0 {
		return 0
	}
	slices.Sort(p.taken)
	shortest := p.shortest()
	for _, at := range p.struck {
		if p.unexplained(at, shortest) {
			unpaced++
		}
	}
	return unpaced
}

// shortest is, by their number, the shortest time within which so many were taken.
func (p *paced) shortest() []time.Duration {
	all := make([]time.Duration, 1, min(len(p.taken), maxPaced)+1)
	for n := 1; n <= min(len(p.taken), maxPaced); n++ {
		span := p.taken[n-1] - p.taken[0]
		for i := n; i < len(p.taken); i++ {
			span = min(span, p.taken[i]-p.taken[i-n+1])
		}
		all = append(all, span)
	}
	return all
}

// unexplained reports that whatever was taken before a moment, more was taken elsewhere
// within as short a time.
func (p *paced) unexplained(at time.Duration, shortest []time.Duration) bool {
	before, _ := slices.BinarySearch(p.taken, at)
	for n := 1; n <= before; n++ {
		if n+1 >= len(shortest) || shortest[n+1] > at-p.taken[before-n] {
			return false
		}
	}
	return len(shortest) > 2
}
