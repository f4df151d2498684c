package wire

import (
	"slices"

	"listenq/internal/evidence"
)

// class says where a frame is counted.
type class uint8

const (
	betweenHosts class = iota
	other
	classes
)

// Traffic counts frames of one direction. At any time
//
//	Sent + Duplicated = Delivered + Lost + Refused + Held + InFlight
type Traffic struct {
	Sent, Duplicated         uint64
	Delivered, Lost, Refused uint64
	Held                     uint64 // now, by rules
	InFlight                 uint64 // now: delayed, released, or next to be delivered
}

// Direction is what went towards one side. Frames between the hosts can be
// compared with the hosts' own counters: TcpInSegs, and TcpOutSegs +
// TcpRetransSegs, where a SYN-ACK sent again is in both (tcp_make_synack and
// tcp_rtx_synack, net/ipv4/tcp_output.c), and other segments sent again only in
// the latter (__tcp_transmit_skb).
type Direction struct {
	Hosts   Traffic // TCP segments from one of Config.Hosts to another; all TCP if that is empty
	Others  Traffic // spoofed senders and the answers to them, ICMP, and the rest
	Arrived bool    // frames lie in the ring that the wire has not taken up yet; they are counted nowhere
	Retries uint64  // writes that the kernel refused for the moment
	Dropped uint64  // frames that found the ring full: the wire never saw them (PACKET_STATISTICS)
}

// Snapshot is the state of the wire between two frames.
type Snapshot struct {
	ToClient, ToServer Direction
}

// Quiet reports whether nothing is under way between the hosts but what a Hold keeps.
func (s Snapshot) Quiet() bool {
	return s.ToClient.quiet() && s.ToServer.quiet()
}

// HostsQuiet is the same in spite of spoofed traffic that goes on: what lies in the
// ring is not counted.
func (s Snapshot) HostsQuiet() bool {
	return s.ToClient.Hosts.InFlight == 0 && s.ToServer.Hosts.InFlight == 0
}

func (d Direction) quiet() bool { return !d.Arrived && d.Hosts.InFlight == 0 && d.Others.InFlight == 0 }

// Snapshot counts what happened so far.
func (w *Wire) Snapshot() Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Snapshot{ToClient: w.direction(evidence.ClientSide), ToServer: w.direction(evidence.ServerSide)}
}

func (w *Wire) direction(to Side) Direction {
	l, source := &w.links[index(to)], w.ports[index(opposite(to))]
	return Direction{
		Hosts:   l.traffic[betweenHosts],
		Others:  l.traffic[other],
		Arrived: source.ring.ready(),
		Retries: l.retries,
		Dropped: source.drops(),
	}
}

// classify says where a frame is counted.
func (w *Wire) classify(f *frame) class {
	if f.tcp && (len(w.hosts) == 0 ||
		slices.Contains(w.hosts, f.packet.Src.Addr()) && slices.Contains(w.hosts, f.packet.Dst.Addr())) {
		return betweenHosts
	}
	return other
}
