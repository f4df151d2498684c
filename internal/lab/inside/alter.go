package inside

import (
	"net/netip"
	"slices"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/lab/network"
	"listenq/internal/lab/script"
	"listenq/internal/lab/wire"
)

// segments matches those of a kind to that side, of those clients if there are any.
func segments(kind script.FrameKind, to evidence.Side, clients []netip.AddrPort) func(*evidence.Packet) bool {
	return func(p *evidence.Packet) bool {
		client := p.Src
		if to == evidence.ClientSide {
			client = p.Dst
		}
		return isKind(p, kind) && (clients == nil || slices.Contains(clients, client))
	}
}

// alter changes segments from now on.
func (e *experiment) alter(do script.Alter) error {
	if do.Kind == "" {
		e.net.Wire.LeaveAlone()
		return nil
	}
	change := wire.Change{Times: do.Times}
	switch do.Change {
	case script.ChangeChecksum:
		change.Checksum = true
	case script.ChangeAck:
		change.Ack = do.N
	case script.ChangeSeq:
		change.Seq = do.N
	case script.ChangeTimestamp:
		change.Timestamp = uint32(do.D / time.Millisecond) // the clock of TSval (tcp_clock_ms, include/net/tcp.h)
	}
	for _, side := range destinations(do.To) {
		e.net.Wire.Alter(side, segments(do.Kind, side, e.addresses(do.From)), change)
	}
	return nil
}

// answer lets the wire answer segments from now on.
func (e *experiment) answer(do script.Answer) error {
	if do.Kind == "" {
		e.net.Wire.Silence()
		return nil
	}
	reply := wire.Reply{Both: do.Both, Times: do.Times}
	switch do.With {
	case script.FrameRST:
		reply.Flags = evidence.RST
	case script.FrameSYNACK:
		reply.Flags = evidence.SYN | evidence.ACK
	case script.FrameACK:
		reply.Flags = evidence.ACK
	}
	for _, side := range destinations(do.To) {
		e.net.Wire.Answer(side, segments(do.Kind, side, e.addresses(do.From)), reply)
	}
	return nil
}

// route takes the server's routes away, or gives them back.
func (e *experiment) route(do script.Route) (err error) {
	if do.Lost {
		e.routes, err = wire.Unroute(int(e.net.Server.Netns.Fd()), network.HostInterface)
		return err
	}
	return e.routes.Restore()
}
