// Package filter hides packet filters: nftables in a network namespace, by
// netlink, and classic BPF programs for sockets. A filter drops or rejects
// segments of TCP by rule and counts them.
//
//	table := filter.Open(netns) // nothing is there before the first Add
//	err := table.Add(filter.Rule{Name: "f", Kind: filter.SYN, ToServer: true, Rate: 2, Burst: 5})
//	packets, err := table.Packets("f")
//
// A filter of nftables stands at the hook input of a namespace: behind routing
// and before TCP, which counts nothing of what is dropped there.
package filter

// Kind is a kind of TCP segment.
type Kind string

// The kinds. An ack has ACK set, no SYN, FIN or RST, and no data. Invalid is what
// connection tracking takes for no part of any connection that it knows.
const (
	SYN     Kind = "syn"
	SYNACK  Kind = "syn-ack"
	ACK     Kind = "ack"
	Data    Kind = "data"
	FIN     Kind = "fin"
	RST     Kind = "rst"
	All     Kind = "all"
	Invalid Kind = "invalid"
)

// Rule is one filter. Of those that match Kind and Ports it takes all, or what one of
// the limits says: at most one of them is set.
type Rule struct {
	Name     string
	Kind     Kind
	Ports    []uint16 // of the clients; nil: all
	ToServer bool     // the client's port is the source's, else the destination's
	Reject   bool     // answer with a reset, else drop without a word

	Rate, Burst int     // what is above Rate per second, after Burst at once
	Connections int     // what belongs to a connection above so many
	Chance      float64 // a part of them at random, 0 to 1
	OneIn       int     // each so-many-th, the first first
}

// portRange is ports in a row.
type portRange struct{ first, last uint16 }

// ranges are the ports in as few ranges as their order gives.
func ranges(ports []uint16) []portRange {
	var all []portRange
	for _, p := range ports {
		if n := len(all); n > 0 && all[n-1].last+1 == p {
			all[n-1].last = p
			continue
		}
		all = append(all, portRange{p, p})
	}
	return all
}
