package judge

import "net/netip"

// Reflections puts those addresses into one whose SYN-ACKs go to a client that has sent
// nothing: somebody has forged its address, and the servers are not the matter. The address
// is then that of the client.
func Reflections(all []ListenerVerdict) []ListenerVerdict {
	servers := map[netip.Addr]int{}
	for i := range all {
		if victim := all[i].reflects(); victim.IsValid() {
			servers[victim]++
		}
	}
	victims := map[netip.Addr]*ListenerVerdict{}
	kept := all[:0]
	for i := range all {
		v := &all[i]
		victim := v.reflects()
		if !victim.IsValid() || servers[victim] < bounces {
			kept = append(kept, *v)
			continue
		}
		sum := victims[victim]
		if sum == nil {
			sum = &ListenerVerdict{
				Address: netip.AddrPortFrom(victim, 0), Finding: Reflecting, Confidence: Likely, Servers: servers[victim],
				Tally: Tally{Outcomes: map[Outcome]int{}, Causes: map[Cause]int{}},
			}
			victims[victim] = sum
		}
		sum.Attempts += v.Attempts
		for o, n := range v.Outcomes {
			sum.Outcomes[o] += n
		}
		for c, n := range v.Causes {
			sum.Causes[c] += n
		}
	}
	for _, sum := range victims {
		kept = append(kept, *sum)
	}
	return kept
}

// reflects is the client that all answers of a server go to, unasked for; none if there is
// no such one.
func (v *ListenerVerdict) reflects() netip.Addr {
	if v.Unasked != v.Attempts {
		return netip.Addr{}
	}
	return v.Victim
}
