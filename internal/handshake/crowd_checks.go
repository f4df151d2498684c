package handshake

import (
	"fmt"
	"net/netip"
)

// reflections puts those addresses into one whose SYN-ACKs go to a client that has sent
// nothing: somebody has forged its address, and the servers are not the matter. The address
// is then that of the client.
func reflections(all []ListenerVerdict, sums map[netip.AddrPort]*tally) []ListenerVerdict {
	victims := map[netip.Addr]*ListenerVerdict{}
	servers := map[netip.Addr]int{}
	reflects := func(v *ListenerVerdict) netip.Addr {
		if y := sums[v.Address]; y != nil && y.unasked == y.attempts {
			return y.victim
		}
		return netip.Addr{}
	}
	for i := range all {
		if victim := reflects(&all[i]); victim.IsValid() {
			servers[victim]++
		}
	}
	kept := all[:0]
	for i := range all {
		v := &all[i]
		victim := reflects(v)
		if !victim.IsValid() || servers[victim] < bounces {
			kept = append(kept, *v)
			continue
		}
		sum := victims[victim]
		if sum == nil {
			sum = &ListenerVerdict{
				Address: netip.AddrPortFrom(victim, 0), Finding: Reflecting, Confidence: Likely,
				Outcomes: map[Outcome]int{}, Causes: map[Cause]int{},
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
	for victim, sum := range victims {
		sum.Text = fmt.Sprintf("SYN-ACKs of %d servers come to %s, which has sent none of them a SYN: somebody has forged its address", servers[victim], victim)
		kept = append(kept, *sum)
	}
	return kept
}

// probe is how a client looks at addresses.
type probe struct{ addresses, finished int }

// maxProbes bounds the clients that are watched for a scan.
const maxProbes = 1 << 14

// tries notes that a client is the first to try an address.
func (t *Tracker) tries(client netip.Addr) {
	p, known := t.probes[client]
	if !known && len(t.probes) >= maxProbes {
		return
	}
	p.addresses++
	t.probes[client] = p
}

// scans reports that a client has tried many addresses and finished next to nothing.
func (t *Tracker) scans(client netip.Addr) bool {
	p := t.probes[client]
	return p.addresses >= scanFrom && p.finished*10 < p.addresses
}
