package capture

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"
)

// FuzzReader: whatever a file holds, reading it ends, takes memory as the file
// is long, and gives packets that agree with themselves. What pcapgo reads, too,
// is the same.
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
		if bytes.HasPrefix(file, []byte{0x1f, 0x8b}) && len(file) > 10_000 {
			return // unpacks to more than one run should take
		}
		packets, interfaces := fuzzed(t, file)
		for i, p := range packets {
			switch {
			case p.Interface >= len(interfaces), p.Size < len(p.Data), i > 0 && p.Number <= packets[i-1].Number:
				t.Fatalf("packet %d of %d: %+v", i, len(packets), p)
			case (p.Segment.Number == p.Number) != (p.Skip == Taken), p.Segment.Len < 0, p.Segment.Len > p.Size:
				t.Fatalf("segment %+v, skip %v", p.Segment, p.Skip)
			case !p.Time.IsZero() && (p.Time.Unix() < 0 || p.Time.Year() > 9999):
				t.Fatalf("time %v", p.Time)
			}
			for range p.Comments() {
			}
		}
		sameAsPcapgo(t, file, packets)
	})
}

// fuzzed reads a file and looks at the memory that it takes.
func fuzzed(t *testing.T, file []byte) ([]Packet, []Interface) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	packets, interfaces, err := readAll(bytes.NewReader(file))
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Fatalf("%d bytes for a file of %d", grown, len(file))
	}
	var damage *DamageError
	if err != nil && !errors.As(err, &damage) && !errors.Is(err, errFormat) {
		t.Logf("%v", err)
	}
	return packets, interfaces
}

// sameAsPcapgo compares files of pcap as far as pcapgo reads them.
func sameAsPcapgo(t *testing.T, file []byte, packets []Packet) {
	r, err := pcapgo.NewReader(bytes.NewReader(file))
	if err != nil || bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
		return
	}
	for i := 0; ; i++ {
		data, info, err := r.ReadPacketData()
		if err != nil {
			return
		}
		if i >= len(packets) || !bytes.Equal(packets[i].Data, data) || !packets[i].Time.Equal(info.Timestamp.Truncate(time.Nanosecond)) {
			t.Fatalf("packet %d: pcapgo reads %d bytes at %v", i, len(data), info.Timestamp)
		}
	}
}
