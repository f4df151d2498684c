package capture

import (
	"fmt"
	"iter"
	"time"

	"listenq/internal/evidence"
)

// Packet is one packet of a capture file.
type Packet struct {
	Number    int       // as Wireshark counts them, from 1
	Time      time.Time // in UTC; zero if the file does not say
	Interface int       // place in Reader.Interfaces
	Device    int       // number of the interface on the host, where the packets of several come as one (LINUX_SLL2); 0 if not known
	Direction Direction
	Data      []byte // what was captured of it, until Next is called again
	Size      int    // its bytes on the link, len(Data) or more
	Dropped   int64  // packets that the capture lost since the one before; -1 if not known

	// Segment is the TCP segment of a packet that is Taken: its number, but
	// neither its time nor its side.
	Segment evidence.Packet
	Skip    Skip
	Cut     bool   // the header was not captured whole: the window may be missing, and options
	ID      uint16 // of its IPv4 header; 0 with IPv6, and where the sender gives none (RFC 6864)

	options []byte // of its block
	order   order
}

// Comments are those that the file holds for the packet, while Data is valid.
func (p *Packet) Comments() iter.Seq[string] {
	return func(yield func(string) bool) {
		for code, value := range blockOptions(p.options, p.order) {
			if code == optComment && !yield(string(value)) {
				return
			}
		}
	}
}

// Skip is why a packet holds no TCP segment for us.
type Skip uint8

// Reasons to skip a packet, and the one not to.
const (
	Taken       Skip = iota // it holds a TCP segment
	UnknownLink             // of a link type that is not understood
	NotIP
	NotTCP
	Fragment  // a part of a TCP segment
	Truncated // captured to before the flags of the TCP header
	Malformed // lengths or versions that do not agree; a kernel drops it
	skips
)

// Skips are all reasons to skip a packet.
func Skips() iter.Seq[Skip] {
	return func(yield func(Skip) bool) {
		for s := Taken + 1; s < skips && yield(s); s++ {
		}
	}
}

// String is the reason as output names it.
func (s Skip) String() string {
	return [...]string{"taken", "unknown-link", "not-ip", "not-tcp", "fragment", "truncated", "malformed"}[s]
}

// Interface is where packets of a capture file were captured.
type Interface struct {
	Name        string // empty if not known, as in pcap; bytes of the file, not fit for a terminal
	Description string
	Filter      string
	Comments    []string
	Link        LinkType
	SnapLen     int   // bytes captured of each packet at most; 0 is no limit
	Section     int   // of the file, from 0; each is a capture of its own
	Dropped     int64 // packets that the capture lost in all; -1 if not known
}

// DamageError is where a file is cut or damaged. Everything before was given.
type DamageError struct {
	File   string
	Offset int64 // in the file, or in what gzip unpacks of it: where the damaged part begins
	Text   string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("read %s: byte %d: %s", e.File, e.Offset, e.Text)
}
