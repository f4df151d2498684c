package explain

import (
	"net/netip"
	"time"

	"listenq/internal/answer"
	"listenq/internal/capture"
	"listenq/internal/evidence"
)

// votes is what the beginning of a file shows about where it was captured.
type votes struct {
	local                map[netip.Addr]locality
	open                 map[flow]*opening
	hosts                []flow // client and server of handshakes, once each
	handshakes, directed int
	looped               int                  // packets that did not leave their host
	hops                 map[netip.Addr]uint8 // the TTL of the SYNs and SYN-ACKs of a host; foreign if they differ
}

// foreign is a TTL that no host sends: the host is behind others, by ways that differ.
const foreign = 1

// initial reports that a TTL or hop limit is one that packets begin with: Linux and most
// others 64, Windows 128, routers 255. Of one that was decreased the host is somewhere else.
func initial(hops uint8) bool { return hops == 0 || hops == 64 || hops == 128 || hops == 255 }

// hop notes how far a host's packets have come.
func (v *votes) hop(s *segment) {
	host := s.Src.Addr()
	switch before, known := v.hops[host]; {
	case s.Hops == 0:
	case !known:
		v.hops[host] = s.Hops
	case before != s.Hops:
		v.hops[host] = foreign
	}
}

// near reports that nothing shows a hop between a host and the place of capture.
func (v *votes) near(host netip.Addr) bool { return initial(v.hops[host]) }

type flow struct{ client, server netip.AddrPort }

// opening is a handshake that has begun: when its SYN and SYN-ACK were seen.
type opening struct {
	seq         uint32
	syn, synack int64
	spoilt      bool // something was sent again
}

func (v *votes) take(s *segment) {
	if loops(s) {
		v.looped++
		return
	}
	switch s.direction {
	case capture.Outbound:
		v.vote(s.Src.Addr(), s.Dst.Addr())
		v.directed++
	case capture.Inbound:
		v.vote(s.Dst.Addr(), s.Src.Addr())
		v.directed++
	}
	syn, ack := s.Flags.Has(evidence.SYN), s.Flags.Has(evidence.ACK)
	if syn {
		v.hop(s)
	}
	switch {
	case syn && !ack:
		v.syn(flow{s.Src, s.Dst}, s)
	case syn:
		v.synack(flow{s.Dst, s.Src}, s)
	case ack && !s.Flags.Has(evidence.RST):
		v.ack(flow{s.Src, s.Dst}, s)
	}
}

// elsewhere reports that one side answers sooner, as if the capture was made there, and its
// packets have passed a router all the same.
func (v *votes) elsewhere() bool {
	for _, f := range v.hosts {
		for _, host := range []netip.Addr{f.server.Addr(), f.client.Addr()} {
			if v.local[host].here() && !v.near(host) {
				return true
			}
		}
	}
	return false
}

// vote says which address is nearer.
func (v *votes) vote(near, far netip.Addr) {
	n, f := v.local[near], v.local[far]
	n.near++
	f.far++
	v.local[near], v.local[far] = n, f
}

func (v *votes) syn(f flow, s *segment) {
	o := v.open[f]
	if o == nil || o.seq != s.Seq {
		v.open[f] = &opening{seq: s.Seq, syn: s.at}
		v.hosts = append(v.hosts, f)
		return
	}
	o.spoilt = true
}

func (v *votes) synack(f flow, s *segment) {
	o := v.open[f]
	switch {
	case o == nil:
	case o.synack != 0:
		o.spoilt = true
	default:
		o.synack = s.at
	}
}

// ack ends a handshake: the host that was captured on answers sooner.
func (v *votes) ack(f flow, s *segment) {
	o := v.open[f]
	if o == nil || o.synack == 0 {
		return
	}
	delete(v.open, f)
	if o.spoilt || s.Seq != o.seq+1 || s.direction != capture.UnknownDirection {
		return
	}
	v.handshakes++
	server, client := time.Duration(o.synack-o.syn), time.Duration(s.at-o.synack)
	switch {
	case server*2 < client:
		v.vote(f.server.Addr(), f.client.Addr())
	case client*2 < server:
		v.vote(f.client.Addr(), f.server.Addr())
	default:
		v.vote(netip.Addr{}, f.client.Addr())
		v.vote(netip.Addr{}, f.server.Addr())
	}
}

// decide says where the file was captured: at one place, if all connections that it is
// known of agree.
func (v *votes) decide() (answer.Place, map[netip.Addr]locality) {
	var server, client int
	for _, f := range v.hosts {
		switch {
		case v.local[f.server.Addr()].here() && v.near(f.server.Addr()):
			server++
		case v.local[f.client.Addr()].here() && v.near(f.client.Addr()):
			client++
		}
	}
	switch {
	case server > 0 && client > 0:
		return answer.PlaceMixed, v.local
	case server > 0:
		return answer.PlaceServer, nil
	case client > 0:
		return answer.PlaceClient, nil
	case len(v.hosts) == 0 && v.looped > 0:
		return answer.PlaceBoth, nil
	}
	return answer.PlaceBetween, nil
}
