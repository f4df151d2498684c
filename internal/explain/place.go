package explain

import (
	"fmt"
	"net/netip"

	"listenq/internal/answer"
	"listenq/internal/evidence"
)

const bothSides = evidence.ClientSide | evidence.ServerSide

// sidesOf are those that a capture at a place sees. What was captured on the way is
// known to have been sent, and not whether it arrived: neither side.
func sidesOf(p answer.Place) evidence.Side {
	switch p {
	case answer.PlaceServer:
		return evidence.ServerSide
	case answer.PlaceClient:
		return evidence.ClientSide
	case answer.PlaceBoth:
		return bothSides
	}
	return 0
}

// placeOf is the place that sees these sides.
func placeOf(sides evidence.Side) answer.Place {
	switch sides {
	case evidence.ServerSide:
		return answer.PlaceServer
	case evidence.ClientSide:
		return answer.PlaceClient
	case bothSides:
		return answer.PlaceBoth
	}
	return answer.PlaceBetween
}

// vantage is where a file was captured, and how that is known.
type vantage struct {
	place   answer.Place
	how     string
	named   bool // by the names of its interfaces
	local   map[netip.Addr]locality
	servers map[netip.AddrPort]struct{} // of Mixed
}

// locality counts what speaks for an address to be of the host that captured, and against it.
type locality struct{ near, far int }

func (l locality) here() bool { return l.near > 3*l.far }

// sideNamed is the side of an interface as recordings of the lab name it.
func sideNamed(name string) evidence.Side {
	switch name {
	case "client":
		return evidence.ClientSide
	case "server":
		return evidence.ServerSide
	case "lo":
		return bothSides
	}
	return 0
}

// find finds out where a file was captured: by the names of its interfaces, by the
// direction of packets, by which of the two waits of a handshake is the longer.
func (p *vantage) find(ahead []segment) {
	if p.place != answer.PlaceUnknown {
		return
	}
	if p.place = fromNames(ahead); p.place != answer.PlaceUnknown {
		p.how, p.named = "by the names of its interfaces", true
		return
	}
	v := votes{local: map[netip.Addr]locality{}, open: map[flow]*opening{}, hops: map[netip.Addr]uint8{}}
	for i := range ahead {
		v.take(&ahead[i])
	}
	p.place, p.local = v.decide()
	switch {
	case p.place == answer.PlaceBoth:
		p.how = "by the addresses"
	case len(ahead) == 0:
		p.place = answer.PlaceUnknown
	case p.place == answer.PlaceBetween && v.elsewhere():
		p.how = "its packets have passed a router on both sides"
	case p.place == answer.PlaceBetween && v.directed > 0:
		p.how = "the directions of packets do not show it"
	case p.place == answer.PlaceBetween && v.handshakes == 0:
		p.how = "no handshake was captured whole"
	case p.place == answer.PlaceBetween:
		p.how = "the waits in handshakes do not show it"
	case v.directed > 0:
		p.how = "by the direction of packets"
	default:
		p.how = fmt.Sprintf("by the waits in %d handshakes", v.handshakes)
	}
	if p.place == answer.PlaceMixed {
		p.servers = map[netip.AddrPort]struct{}{}
	}
}

// fromNames is the place if the interfaces of all packets are named by sides.
func fromNames(ahead []segment) answer.Place {
	var all evidence.Side
	for i := range ahead {
		if ahead[i].named == 0 {
			return answer.PlaceUnknown
		}
		all |= ahead[i].named
	}
	if all == 0 {
		return answer.PlaceUnknown
	}
	return placeOf(all)
}

// of says at which sides the attempt of a packet was watched, and at which of them the
// packet was seen.
func (p *vantage) of(s *segment) (sides, side evidence.Side) {
	switch {
	case s.named != 0 && p.named:
		return sidesOf(p.place), s.named
	case loops(s):
		return bothSides, bothSides
	case p.place == answer.PlaceMixed:
		sides = p.mixed(s)
	default:
		sides = sidesOf(p.place)
	}
	return sides, sides
}

// loops reports that a packet does not leave its host.
func loops(s *segment) bool {
	src, dst := s.Src.Addr(), s.Dst.Addr()
	return src == dst || src.IsLoopback() && dst.IsLoopback()
}

// mixed is where the host stands to one connection.
func (p *vantage) mixed(s *segment) evidence.Side {
	server, client := p.ends(s)
	switch {
	case p.local[server.Addr()].here():
		return evidence.ServerSide
	case p.local[client.Addr()].here():
		return evidence.ClientSide
	}
	return 0
}

// maxServers bounds the addresses that are known to be servers'.
const maxServers = 1 << 16

// ends distinguishes the server from the client: by the handshake, by what was a server before,
// else by the lower port.
func (p *vantage) ends(s *segment) (server, client netip.AddrPort) {
	if s.Flags.Has(evidence.SYN) {
		server, client = s.Dst, s.Src
		if s.Flags.Has(evidence.ACK) {
			server, client = client, server
		}
		if len(p.servers) < maxServers {
			p.servers[server] = struct{}{}
		}
		return server, client
	}
	if _, ok := p.servers[s.Dst]; ok {
		return s.Dst, s.Src
	}
	if _, ok := p.servers[s.Src]; ok || s.Src.Port() < s.Dst.Port() {
		return s.Src, s.Dst
	}
	return s.Dst, s.Src
}
