package main

import (
	"encoding/binary"
	"slices"
	"time"

	"listenq/internal/evidence"
)

// frame is what one interface saw.
type frame struct {
	T      time.Duration
	Side   evidence.Side
	Data   []byte // from the Ethernet header on, as far as it was captured
	Length int    // on the wire
}

// point is a capture that somebody might have taken of an experiment, instead of one of
// both ends, from before its beginning until after its end, with every byte.
type point struct {
	name string
	take func([]frame) []frame // of frames in the order of time; they are not changed
}

// points are the captures that are compared besides those of one end and of both.
var points = []point{
	{"one hop before the server", hopBefore(100 * time.Microsecond)},
	{"only what clients send", direction(false)},
	{"only what the server sends", direction(true)},
	{"only SYN and RST", onlyFlags(evidence.SYN | evidence.RST)},
	{"60 bytes of each", snap(60)},
	{"started late", startedLate(1, 3)},
	{"ended early", endedEarly(2, 3)},
	{"each packet twice", twice(10 * time.Microsecond)},
	{"out of order", outOfOrder(4)},
}

// kept are the frames that a condition holds for.
func kept(frames []frame, holds func(frame) bool) (all []frame) {
	for _, f := range frames {
		if holds(f) {
			all = append(all, f)
		}
	}
	return all
}

func atServer(f frame) bool { return f.Side&evidence.ServerSide != 0 }

// fromServer reports whether a frame at the server's end was sent there: the lab gives
// the server the second Ethernet address.
func fromServer(f frame) bool { return len(f.Data) >= 12 && f.Data[11] == 2 }

// hopBefore is a capture at a router before the server: what goes there is seen earlier
// than it comes, what comes from there later and with one hop less to live.
func hopBefore(away time.Duration) func([]frame) []frame {
	return func(frames []frame) []frame {
		all := kept(frames, atServer)
		for i := range all {
			f := &all[i]
			if !fromServer(*f) {
				f.T -= away
				continue
			}
			f.T += away
			f.Data = oneHopLess(f.Data)
		}
		slices.SortStableFunc(all, func(a, b frame) int { return int(min(1, max(-1, a.T-b.T))) })
		return all
	}
}

// oneHopLess is a copy of a frame after a router (RFC 1812, 5.3.1; RFC 8200, 3).
func oneHopLess(data []byte) []byte {
	const ethernet = 14
	data = slices.Clone(data)
	switch ip := data[min(len(data), ethernet):]; {
	case len(ip) >= 20 && ip[0]>>4 == 4:
		ip[8]--
		clear(ip[10:12])
		sum := uint32(0)
		for i := 0; i < 4*int(ip[0]&15) && i+1 < len(ip); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(ip[i:]))
		}
		for sum > 0xffff {
			sum = sum>>16 + sum&0xffff
		}
		binary.BigEndian.PutUint16(ip[10:], ^uint16(sum))
	case len(ip) >= 40 && ip[0]>>4 == 6:
		ip[7]--
	}
	return data
}

// direction is a capture at the server that has one direction alone.
func direction(server bool) func([]frame) []frame {
	return func(frames []frame) []frame {
		return kept(frames, func(f frame) bool { return atServer(f) && fromServer(f) == server })
	}
}

// onlyFlags is a capture at the server with a filter for segments that have one of the flags.
func onlyFlags(any evidence.Flags) func([]frame) []frame {
	return func(frames []frame) []frame {
		return kept(frames, func(f frame) bool {
			at := flagsAt(f.Data)
			return atServer(f) && at < len(f.Data) && evidence.Flags(f.Data[at])&any != 0
		})
	}
}

// flagsAt is where the flags of TCP are in a frame of the lab: IPv4, or IPv6 without extensions.
func flagsAt(data []byte) int {
	const ethernet, ipv6, flags = 14, 40, 13
	if len(data) <= ethernet {
		return len(data)
	}
	if data[ethernet]>>4 == 6 {
		return ethernet + ipv6 + flags
	}
	return ethernet + 4*int(data[ethernet]&15) + flags
}

// snap is a capture at the server of the first bytes of each frame.
func snap(length int) func([]frame) []frame {
	return func(frames []frame) []frame {
		all := kept(frames, atServer)
		for i := range all {
			all[i].Data = all[i].Data[:min(length, len(all[i].Data))]
		}
		return all
	}
}

// startedLate is a capture at the server without the first part of its time.
func startedLate(part, of time.Duration) func([]frame) []frame {
	return func(frames []frame) []frame {
		begin, length := duration(frames)
		return kept(frames, func(f frame) bool { return atServer(f) && f.T-begin >= length*part/of })
	}
}

// endedEarly is a capture at the server of the first part of its time alone.
func endedEarly(part, of time.Duration) func([]frame) []frame {
	return func(frames []frame) []frame {
		begin, length := duration(frames)
		return kept(frames, func(f frame) bool { return atServer(f) && f.T-begin <= length*part/of })
	}
}

func duration(frames []frame) (begin, length time.Duration) {
	if len(frames) == 0 {
		return 0, 0
	}
	return frames[0].T, frames[len(frames)-1].T - frames[0].T
}

// twice is a capture at the server whose mirror port shows what comes in and what goes out.
func twice(later time.Duration) func([]frame) []frame {
	return func(frames []frame) (all []frame) {
		for _, f := range kept(frames, atServer) {
			again := f
			again.T += later
			all = append(all, f, again)
		}
		slices.SortStableFunc(all, func(a, b frame) int { return int(min(1, max(-1, a.T-b.T))) })
		return all
	}
}

// outOfOrder is a capture at the server whose file has so many frames in a row backwards,
// as one of several queues of a card has.
func outOfOrder(row int) func([]frame) []frame {
	return func(frames []frame) []frame {
		all := kept(frames, atServer)
		for part := range slices.Chunk(all, row) {
			slices.Reverse(part)
		}
		return all
	}
}
