package capture

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"

	"listenq/test/memory"
)

// FuzzReader: whatever a file holds, reading it ends, takes little memory however
// long the file is, and gives packets that agree with themselves. What pcapgo
// reads, too, is the same.
func FuzzReader(f *testing.F) {
	recorded, err := os.ReadFile(recording)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(recorded[:900])
	f.Add(pcapFile(big, magicNano, LinuxSLL, stored{1, 1, append(sll(4, etherIPv4), syn[ethernetLen:]...), 0}))
	f.Add(gzipped(f, pcapFile(little, magicMicro, Null, stored{1, 1, append([]byte{2, 0, 0, 0}, syn[ethernetLen:]...), 2000})))
	f.Add(slices.Concat(sectionBlock(big), interfaceBlock(big, SLL2, 96, opt(big, optIfResolution, []byte{0x8a}), opt(big, optIfOffset, numbers(big, 1, 2))),
		packetBlock(big, 0, 7, syn, 90, opt(big, optComment, []byte("why"))), block(big, blockSimple, numbers(big, 60, 1, 2)),
		block(big, blockStatistics, numbers(big, 0, 1, 2), opt(big, optIsbDroppedByIf, numbers(big, 1, 2))), sectionBlock(little)))
	f.Fuzz(func(t *testing.T, file []byte) {
		defer memory.Bound(t)()
		packed := bytes.HasPrefix(file, []byte{0x1f, 0x8b})
		if packed && len(file) > 10_000 {
			return // unpacks to more than one run should take
		}
		c, err := NewReader(bytes.NewReader(file), "file")
		if err != nil {
			return
		}
		peer, err := pcapgo.NewReader(bytes.NewReader(file))
		if err != nil || packed {
			peer = nil
		}
		var p Packet
		for last := 0; c.Next(&p) == nil; last = p.Number {
			if p.Number <= last {
				t.Fatalf("packet %d after %d", p.Number, last)
			}
			agrees(t, c, &p)
			if peer != nil && !sameAsPcapgo(t, peer, &p) {
				peer = nil
			}
		}
		if peer == nil {
			return
		}
		if data, _, err := peer.ReadPacketData(); err == nil {
			t.Fatalf("pcapgo reads %d bytes after packet %d, the last", len(data), p.Number)
		}
	})
}

// agrees fails if what is told of a packet does not agree.
func agrees(t *testing.T, c *Reader, p *Packet) {
	t.Helper()
	switch {
	case p.Interface >= len(c.Interfaces()), p.Size < len(p.Data):
		t.Fatalf("packet %+v", p)
	case (p.Segment.Number == p.Number) != (p.Skip == Taken), p.Segment.Len < 0, p.Segment.Len > p.Size:
		t.Fatalf("segment %+v, skip %v", p.Segment, p.Skip)
	case !p.Time.IsZero() && (p.Time.Unix() < 0 || p.Time.Year() > 9999):
		t.Fatalf("time %v", p.Time)
	}
	for range p.Comments() {
	}
}

// sameAsPcapgo compares a packet of pcap with the next one that pcapgo reads. It reports
// false where that reads no further: it takes a length for wrong, and is in the midst of
// the packet then.
func sameAsPcapgo(t *testing.T, peer *pcapgo.Reader, p *Packet) bool {
	t.Helper()
	data, info, err := peer.ReadPacketData()
	if err == nil && (!bytes.Equal(p.Data, data) || !p.Time.Equal(info.Timestamp.Truncate(time.Nanosecond))) {
		t.Fatalf("packet %d: pcapgo reads %d bytes at %v", p.Number, len(data), info.Timestamp)
	}
	return err == nil
}
