package explain

import (
	"net/netip"
	"time"

	"listenq/internal/capture"
	"listenq/internal/handshake"
)

// votes is what the beginning of a file tells of where it was captured.
type votes struct {
	local                map[netip.Addr]locality
	open                 map[flow]*opening
	hosts                []flow // client and server of handshakes, once each
	handshakes, directed int
	looped               int // packets that did not leave their host
}

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
	syn, ack := s.Flags.Has(handshake.SYN), s.Flags.Has(handshake.ACK)
	switch {
	case syn && !ack:
		v.syn(flow{s.Src, s.Dst}, s)
	case syn:
		v.synack(flow{s.Dst, s.Src}, s)
	case ack && !s.Flags.Has(handshake.RST):
		v.ack(flow{s.Src, s.Dst}, s)
	}
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
func (v *votes) decide() (Place, map[netip.Addr]locality) {
	var server, client int
	for _, f := range v.hosts {
		switch {
		case v.local[f.server.Addr()].here():
			server++
		case v.local[f.client.Addr()].here():
			client++
		}
	}
	switch {
	case server > 0 && client > 0:
		return Mixed, v.local
	case server > 0:
		return Server, nil
	case client > 0:
		return Client, nil
	case len(v.hosts) == 0 && v.looped > 0:
		return Both, nil
	}
	return Between, nil
}
