package inside

import (
	"context"
	"net/netip"

	"listenq/internal/evidence"
	"listenq/internal/lab/script"
)

// hold keeps frames on the wire from now on.
func (e *experiment) hold(do script.Hold) error {
	clients := e.addresses(do.From)
	for _, side := range destinations(do.To) {
		e.holds = append(e.holds, e.net.Wire.Hold(side, segments(do.Kind, side, clients)))
	}
	return nil
}

// isKind reports whether a segment is what the language calls so.
func isKind(p *evidence.Packet, kind script.FrameKind) bool {
	has := p.Flags.Has
	switch kind {
	case script.FrameSYN:
		return has(evidence.SYN) && !has(evidence.ACK)
	case script.FrameSYNACK:
		return has(evidence.SYN | evidence.ACK)
	case script.FrameACK:
		return has(evidence.ACK) && p.Len == 0 && p.Flags&(evidence.SYN|evidence.FIN|evidence.RST) == 0
	case script.FrameData:
		return p.Len > 0
	case script.FrameFIN:
		return has(evidence.FIN)
	case script.FrameRST:
		return has(evidence.RST)
	}
	return true
}

// release lets the frames of those clients go, one client after the other; of
// all, if none is named, and then nothing is held any more.
func (e *experiment) release(ctx context.Context, names []string) error {
	for _, client := range e.addresses(names) {
		e.net.Wire.Release(e.holds, func(p *evidence.Packet) bool { return belongs(p, client) })
		if err := e.settle(ctx); err != nil {
			return err
		}
	}
	if len(names) > 0 {
		return nil
	}
	for _, h := range e.holds {
		h.Close()
	}
	e.holds = nil
	return nil
}

func belongs(p *evidence.Packet, client netip.AddrPort) bool {
	return p.Src == client || p.Dst == client
}
