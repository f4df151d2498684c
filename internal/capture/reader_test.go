package capture

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"listenq/internal/evidence"
)

var visible = cmpopts.IgnoreUnexported(Packet{})

const stampSeconds = 1795176000 // of 2026-11-20 12:00

var (
	noon   = time.Unix(stampSeconds, 0).UTC()
	syn    = ether(etherIPv4, ipv4(nil, segmentOf(1)))
	finV6  = ether(etherIPv6, ipv6(protoTCP, changed(tcpHeader, 13, byte(evidence.FIN|evidence.ACK))))
	noTCP  = ether(etherIPv4, changed(ipv4(nil, tcpHeader), 9, 17))
	synCut = syn[:ethernetLen+ipv4Len+flagsEnd]
)

// segmentAt is what is decoded of a frame.
func segmentAt(t *testing.T, number int, frame []byte) evidence.Packet {
	t.Helper()
	var p evidence.Packet
	if !Decode(frame, &p) {
		t.Fatal("not decoded")
	}
	p.Number = number
	return p
}

// TestFormats: the same packets in every format, byte order and packing.
func TestFormats(t *testing.T) {
	ng := func(o order, resolution byte, units uint64) []byte {
		at := stampSeconds * units
		return slices.Concat(
			sectionBlock(o), interfaceBlock(o, Ethernet, 0, opt(o, optIfResolution, []byte{resolution})),
			packetBlock(o, 0, at, syn, 0), packetBlock(o, 0, at+units/2, noTCP, 0), packetBlock(o, 0, at+units, synCut, len(syn)))
	}
	pc := func(o order, magic, half uint32) []byte {
		return pcapFile(o, magic, Ethernet,
			stored{stampSeconds, 0, syn, 0}, stored{stampSeconds, half, noTCP, 0}, stored{stampSeconds + 1, 0, synCut, len(syn)})
	}
	tests := []struct {
		name string
		file []byte
	}{
		{"pcap", pc(little, magicMicro, 5e5)},
		{"pcap, big endian", pc(big, magicMicro, 5e5)},
		{"pcap, nanoseconds", pc(little, magicNano, 5e8)},
		{"pcap, nanoseconds, big endian", pc(big, magicNano, 5e8)},
		{"pcap, gzip", gzipped(t, pc(little, magicMicro, 5e5))},
		{"pcapng", ng(little, micro, 1e6)},
		{"pcapng, big endian", ng(big, micro, 1e6)},
		{"pcapng, nanoseconds", ng(little, nano, 1e9)},
		{"pcapng, binary", ng(big, binaryBit|10, 1<<10)},
		{"pcapng, gzip", gzipped(t, ng(little, nano, 1e9))},
	}
	cut := segmentAt(t, 3, syn)
	cut.Window = 0
	want := []Packet{
		{Number: 1, Time: noon, Data: syn, Size: len(syn), Dropped: -1, Segment: segmentAt(t, 1, syn)},
		{Number: 2, Time: noon.Add(time.Second / 2), Data: noTCP, Size: len(noTCP), Dropped: -1, Skip: NotTCP},
		{Number: 3, Time: noon.Add(time.Second), Data: synCut, Size: len(syn), Dropped: -1, Segment: cut, Cut: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{bytes.NewReader(tt.file), iotest.OneByteReader(bytes.NewReader(tt.file))} {
				got, _, err := readAll(r)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got, addresses, visible); diff != "" {
					t.Errorf("packets (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestSections: sections, interfaces, every kind of block, and what options tell.
func TestSections(t *testing.T) {
	oldBlock := block(little, blockOld, little.append16(little.append16(nil, 1), 5),
		numbers(little, 0, 3, uint32(len(syn)), uint32(len(syn))), padded(syn))
	file := slices.Concat(
		sectionBlock(big, opt(big, optComment, []byte("first"))),
		interfaceBlock(big, Ethernet, 96, opt(big, optIfName, []byte("eth0")), opt(big, optIfFilter, []byte("\x00tcp")),
			opt(big, optComment, []byte("a")), opt(big, optComment, []byte("b"))),
		block(big, blockSimple, numbers(big, 200), padded(syn[:54]), make([]byte, 42)),
		block(big, blockStatistics, numbers(big, 0, 0, 0), opt(big, optIsbDroppedByIf, numbers(big, 0, 3)), opt(big, optIsbDroppedByOS, numbers(big, 0, 4))),
		sectionBlock(little),
		interfaceBlock(little, Raw, 0),
		block(little, 0x0bad, make([]byte, 100)),
		interfaceBlock(little, Loop, 0, opt(little, optIfDescription, []byte("lo")), opt(little, optIfOffset, numbers(little, 10, 0))),
		packetBlock(little, 0, 7, finV6[ethernetLen:], 0, opt(little, optEpbFlags, numbers(little, 2)),
			opt(little, optComment, []byte("one")), opt(little, optEpbDropCount, numbers(little, 9, 0)), opt(little, optComment, []byte("two")), opt(little, optEndOfOpt, nil)),
		block(little, blockJournal, []byte("MESSAGE=x\n")),
		oldBlock,
	)
	got, interfaces, err := readAll(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	wantInterfaces := []Interface{
		{Name: "eth0", Filter: "tcp", Comments: []string{"a", "b"}, Link: Ethernet, SnapLen: 96, Dropped: 7},
		{Link: Raw, Section: 1, Dropped: -1},
		{Description: "lo", Link: Loop, Section: 1, Dropped: -1},
	}
	if diff := cmp.Diff(wantInterfaces, interfaces); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
	type told struct {
		Number, Interface, Data, Size int
		Time                          time.Time
		Direction                     Direction
		Dropped                       int64
		Comments                      []string
	}
	var gotTold []told
	for _, p := range got {
		gotTold = append(gotTold, told{p.Number, p.Interface, len(p.Data), p.Size, p.Time, p.Direction, p.Dropped, slices.Collect(p.Comments())})
	}
	wantTold := []told{
		{1, 0, 96, 200, time.Time{}, UnknownDirection, -1, nil},
		{2, 1, len(finV6) - ethernetLen, len(finV6) - ethernetLen, time.Unix(0, 7000).UTC(), Outbound, 9, []string{"one", "two"}},
		{4, 2, len(syn), len(syn), time.Unix(10, 3000).UTC(), UnknownDirection, 5, nil},
	}
	if diff := cmp.Diff(wantTold, gotTold); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
}

// TestDamage: what comes before the damage is given, and where it is.
func TestDamage(t *testing.T) {
	head := slices.Concat(sectionBlock(little), interfaceBlock(little, Ethernet, 0))
	good := slices.Concat(head, packetBlock(little, 0, 1, syn, 0))
	plain := pcapFile(little, magicMicro, Ethernet, stored{1, 1, syn, 0})
	packed := gzipped(t, good)
	endsAs := packetBlock(little, 0, 1, syn, 0)
	endsAs[len(endsAs)-1] = 7
	tests := []struct {
		name    string
		file    []byte
		packets int
		want    DamageError
	}{
		{"empty", nil, 0, DamageError{"file", 0, "the file is empty"}},
		{"three bytes", plain[:3], 0, DamageError{"file", 0, "the file ends in the middle: 3 bytes are left"}},
		{"cut in its header", plain[:20], 0, DamageError{"file", 0, "the file ends in the middle: 20 bytes are left"}},
		{"cut in the header of a record", append(bytes.Clone(plain), 1, 2), 1, DamageError{"file", 94, "the file ends in the middle: 2 bytes are left"}},
		{"cut in a record", slices.Concat(plain, plain[24:60]), 1, DamageError{"file", 94, "the file ends in the middle: 36 bytes are left"}},
		{"a record of 4 GiB", slices.Concat(plain, numbers(little, 0, 0, ^uint32(0), 1)), 1, DamageError{"file", 94, "a packet of 4294967295 bytes is longer than any"}},
		{"cut in a block", good[:len(good)-9], 0, DamageError{"file", 48, "the file ends in the middle: 79 bytes are left"}},
		{"a block of 4 bytes", slices.Concat(good, numbers(little, 6, 4, 4)), 1, DamageError{"file", 136, "invalid block length 4"}},
		{"a block of 4 GiB", slices.Concat(good, numbers(little, 6, ^uint32(0), 4)), 1, DamageError{"file", 136, "invalid block length 4294967295"}},
		{"a block with another end", slices.Concat(good, endsAs), 1, DamageError{"file", 136, "a block of 88 bytes ends as one of 117440600"}},
		{"an interface that is not there", slices.Concat(good, packetBlock(little, 1, 1, syn, 0)), 1, DamageError{"file", 136, "a packet of an interface that was not described"}},
		{"an interface of the section before", slices.Concat(good, sectionBlock(big), packetBlock(big, 0, 1, syn, 0)), 1, DamageError{"file", 164, "a packet of an interface that was not described"}},
		{"a simple packet without interface", slices.Concat(sectionBlock(little), block(little, blockSimple, numbers(little, 4, 4))), 0, DamageError{"file", 28, "a packet of an interface that was not described"}},
		{"a packet longer than its block", slices.Concat(good, block(little, blockPacket, numbers(little, 0, 0, 0, 5, 5, 0))), 1, DamageError{"file", 136, "a packet that is longer than its block"}},
		{"a packet without length", slices.Concat(good, block(little, blockPacket, numbers(little, 0, 0, 0))), 1, DamageError{"file", 136, "a packet without a length"}},
		{"statistics of nothing", slices.Concat(good, block(little, blockStatistics, numbers(little, 1, 0, 0))), 1, DamageError{"file", 136, "statistics of an interface that was not described"}},
		{"an interface too short", slices.Concat(good, block(little, blockInterface, numbers(little, 1))), 1, DamageError{"file", 136, "an interface without a link type"}},
		{"a section without byte order", slices.Concat(good, block(little, blockSection, numbers(little, 1, 1, 1))), 1, DamageError{"file", 136, "a section without a byte order"}},
		{"a version of the future", changed(good, 12, 2), 0, DamageError{"file", 0, "pcapng of version 2 is not understood"}},
		{"gzip, cut", packed[:len(packed)-12], 1, DamageError{"file", 136, "the file ends in the middle of what gzip packed"}},
		{"gzip, header only", []byte{0x1f, 0x8b, 8}, 0, DamageError{"file", 0, "no gzip header: unexpected EOF"}},
		{"gzip, with something behind", append(bytes.Clone(packed), "garbage garbage"...), 1, DamageError{"file", 136, "gzip: invalid header"}},
		{"gzip, wrong sum", changed(packed, len(packed)-5, 1), 1, DamageError{"file", 136, "gzip: invalid checksum"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			packets, _, err := readAll(bytes.NewReader(tt.file))
			var got *DamageError
			if !errors.As(err, &got) {
				t.Fatalf("error %v, want damage", err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("damage (-want +got):\n%s", diff)
			}
			if len(packets) != tt.packets {
				t.Errorf("%d packets before the damage, want %d", len(packets), tt.packets)
			}
		})
	}
}

func TestReaderErrors(t *testing.T) {
	if _, err := NewReader(bytes.NewReader([]byte("#!/bin/sh\n")), "file"); !errors.Is(err, errFormat) {
		t.Errorf("a script gives %v", err)
	}
	good := pcapFile(little, magicMicro, Ethernet, stored{1, 1, syn, 0})
	broken := errors.New("input/output error")
	packets, _, err := readAll(io.MultiReader(bytes.NewReader(good), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || len(packets) != 1 {
		t.Errorf("%d packets and %v from a broken disk", len(packets), err)
	}
	if _, _, err := readAll(io.MultiReader(bytes.NewReader(good), idle{})); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("%v from a source that gives nothing", err)
	}
}

// idle gives nothing, and no error.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestReaderAllocations(t *testing.T) {
	one := slices.Concat(
		packetBlock(little, 0, 1, syn, 0, opt(little, optEpbFlags, numbers(little, 1)), opt(little, optComment, []byte("why"))),
		packetBlock(little, 0, 1, finV6, 0))
	file := slices.Concat(sectionBlock(little), interfaceBlock(little, Ethernet, 0), bytes.Repeat(one, 2000))
	r, err := NewReader(bytes.NewReader(file), "file")
	if err != nil {
		t.Fatal(err)
	}
	var p Packet
	if err := r.Next(&p); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(3000, func() {
		if err := r.Next(&p); err != nil || p.Skip != Taken {
			t.Fatal(err, p.Skip)
		}
	}); n != 0 {
		t.Errorf("%v allocations for each packet, want 0", n)
	}
}

func BenchmarkReader(b *testing.B) {
	const packets = 10_000
	one := pcapFile(little, magicMicro, Ethernet, stored{1, 1, withOptions(2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8, 1, 3, 3, 7), 0})
	file := append(bytes.Clone(one[:headerLen]), bytes.Repeat(one[headerLen:], packets)...)
	b.ReportAllocs()
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(file), "file")
		if err != nil {
			b.Fatal(err)
		}
		var p Packet
		for err = r.Next(&p); err == nil; err = r.Next(&p) {
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/packets, "ns/packet")
}

// TestInterfaceTexts: what is kept of what interfaces say is bounded for the file.
func TestInterfaceTexts(t *testing.T) {
	said := bytes.Repeat([]byte("x"), maxInterfaceString)
	file := sectionBlock(little)
	for range 2 * maxInterfaceText / maxInterfaceString {
		file = append(file, interfaceBlock(little, Ethernet, 0, opt(little, optIfName, said), opt(little, optComment, said))...)
	}
	r, err := NewReader(bytes.NewReader(append(file, packetBlock(little, 0, 7, syn, len(syn))...)), "file")
	if err != nil {
		t.Fatal(err)
	}
	var p Packet
	if err := r.Next(&p); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, i := range r.Interfaces() {
		kept += len(i.Name) + len(strings.Join(i.Comments, ""))
	}
	if kept != maxInterfaceText || len(r.Interfaces()[0].Name) != maxInterfaceString {
		t.Errorf("%d bytes are kept", kept)
	}
}
