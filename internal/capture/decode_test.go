package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"listenq/internal/evidence"
	"listenq/test/memory"
)

// addresses compares packets; what TestSum and TestHops are about is left to them.
var addresses = cmp.Options{
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
	cmpopts.IgnoreFields(evidence.Packet{}, "Hops", "Sum"),
}

// The parts of the frames below.
var (
	tcpHeader = []byte{0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 5 << 4, 0x18, 1, 0, 0, 0, 0, 0}
	payload   = []byte("hello")
)

// ether puts an Ethernet header before b.
func ether(kind uint16, b ...[]byte) []byte {
	f := binary.BigEndian.AppendUint16(make([]byte, 12), kind)
	return append(f, bytes.Join(b, nil)...)
}

// ipv4 puts an IPv4 header with options before b.
func ipv4(options []byte, b ...[]byte) []byte {
	rest := bytes.Join(b, nil)
	h := []byte{byte(0x45 + len(options)/4), 0, 0, 0, 0, 0, 0x40, 0, 64, protoTCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}
	binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(options)+len(rest)))
	return bytes.Join([][]byte{h, options, rest}, nil)
}

// ipv6 puts an IPv6 header before b, whose first header is next.
func ipv6(next byte, b ...[]byte) []byte {
	rest := bytes.Join(b, nil)
	h := []byte{0x60, 0, 0, 0, 0, 0, next, 64}
	binary.BigEndian.PutUint16(h[4:], uint16(len(rest)))
	src, dst := netip.MustParseAddr("fd00::1").As16(), netip.MustParseAddr("fd00::2").As16()
	return bytes.Join([][]byte{h, src[:], dst[:], rest}, nil)
}

// changed returns a copy of b with the byte at i set.
func changed(b []byte, i int, to byte) []byte {
	b = bytes.Clone(b)
	b[i] = to
	return b
}

// withOptions returns a SYN with these TCP options.
func withOptions(o ...byte) []byte {
	h := append(bytes.Clone(tcpHeader), o...)
	h[12], h[13] = byte(len(h)/4)<<4, byte(evidence.SYN)
	return ether(etherIPv4, ipv4(nil, h))
}

func TestDecode(t *testing.T) {
	v4 := evidence.Packet{
		Src: netip.MustParseAddrPort("10.0.0.1:40000"), Dst: netip.MustParseAddrPort("10.0.0.2:80"),
		Seq: 1, Ack: 2, Flags: evidence.PSH | evidence.ACK, Window: 256, Len: 5,
	}
	v6 := v4
	v6.Src, v6.Dst = netip.MustParseAddrPort("[fd00::1]:40000"), netip.MustParseAddrPort("[fd00::2]:80")
	tests := []struct {
		name  string
		frame []byte
		want  evidence.Packet
	}{
		{"ipv4", ether(etherIPv4, ipv4(nil, tcpHeader, payload)), v4},
		{"ipv4 with options", ether(etherIPv4, ipv4([]byte{1, 1, 1, 0}, tcpHeader, payload)), v4},
		{"ipv4 with padding", ether(etherIPv4, ipv4(nil, tcpHeader, payload), make([]byte, 6)), v4},
		{"vlan", ether(etherVLAN, []byte{0, 7, 8, 0}, ipv4(nil, tcpHeader, payload)), v4},
		{"two vlans", ether(etherQinQ, []byte{0, 7, 0x81, 0, 0, 8, 0x86, 0xdd}, ipv6(protoTCP, tcpHeader, payload)), v6},
		{"ipv6", ether(etherIPv6, ipv6(protoTCP, tcpHeader, payload)), v6},
		{"ipv6 with padding", ether(etherIPv6, ipv6(protoTCP, tcpHeader, payload), make([]byte, 6)), v6},
		{"ipv6 with extension headers", ether(etherIPv6, ipv6(protoHopByHop,
			[]byte{protoRouting, 0, 1, 4, 0, 0, 0, 0},
			[]byte{protoDestOptions, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
			[]byte{protoAuth, 0, 1, 4, 0, 0, 0, 0},
			[]byte{protoFragment, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
			[]byte{protoTCP, 0, 0, 0, 0, 0, 0, 9}, // alone, so whole
			tcpHeader, payload)), v6},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got evidence.Packet
			if !Decode(test.frame, &got) {
				t.Fatal("not decoded")
			}
			if diff := cmp.Diff(test.want, got, addresses); diff != "" {
				t.Errorf("packet (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRejects(t *testing.T) {
	good := ipv4(nil, tcpHeader, payload)
	good6 := ipv6(protoTCP, tcpHeader, payload)
	tests := []struct {
		name  string
		frame []byte
	}{
		{"nothing", nil},
		{"arp", ether(0x0806, make([]byte, 60))},
		{"vlan without its tag", ether(etherVLAN, []byte{0, 7})},
		{"ipv4 with version 6", ether(etherIPv4, changed(good, 0, 0x65))},
		{"ipv4 with a header of 16 bytes", ether(etherIPv4, changed(good, 0, 0x44))},
		{"ipv4 with a header beyond its end", ether(etherIPv4, changed(good, 0, 0x4f))},
		{"ipv4 cut short", ether(etherIPv4, good[:len(good)-1])},
		{"ipv4 shorter than a TCP header", ether(etherIPv4, changed(good, 3, 39))},
		{"udp", ether(etherIPv4, changed(good, 9, 17))},
		{"first fragment", ether(etherIPv4, changed(good, 6, 0x20))},
		{"later fragment", ether(etherIPv4, changed(good, 7, 1))},
		{"tcp with a header of 16 bytes", ether(etherIPv4, changed(good, 32, 4<<4))},
		{"tcp with a header beyond its end", ether(etherIPv4, changed(good, 32, 15<<4))},
		{"ipv6 with version 4", ether(etherIPv6, changed(good6, 0, 0x40))},
		{"ipv6 cut short", ether(etherIPv6, good6[:len(good6)-1])},
		{"ipv6 shorter than a TCP header", ether(etherIPv6, ipv6(protoTCP, tcpHeader[:19]))},
		{"ipv6 fragment", ether(etherIPv6, ipv6(protoFragment, []byte{protoTCP, 0, 0, 1, 0, 0, 0, 0}, tcpHeader))},
		{"ipv6 that ends with an extension header", ether(etherIPv6, ipv6(protoHopByHop, []byte{protoTCP}))},
		{"ipv6 extension header beyond the end", ether(etherIPv6, ipv6(protoHopByHop, []byte{protoTCP, 200, 0, 0}, tcpHeader))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := evidence.Packet{Number: 7}
			if Decode(test.frame, &got) {
				t.Fatalf("decoded: %+v", got)
			}
			if diff := cmp.Diff(evidence.Packet{Number: 7}, got, addresses); diff != "" {
				t.Errorf("packet was changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	tests := []struct {
		name  string
		bytes []byte
		want  evidence.Options
	}{
		{"none", nil, evidence.Options{}},
		{"of a Linux SYN", []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8, 1, 3, 3, 7}, evidence.Options{
			Present: evidence.OptMSS | evidence.OptSACKPermitted | evidence.OptTimestamps | evidence.OptWindowScale,
			MSS:     1460, TSVal: 9, TSEcr: 8, WindowScale: 7,
		}},
		{"fast open", []byte{34, 2, 1, 1}, evidence.Options{Present: evidence.OptFastOpen}},
		{"fast open, experimental", []byte{254, 4, 0xf9, 0x89}, evidence.Options{Present: evidence.OptFastOpen}},
		{"another experiment", []byte{254, 4, 1, 2}, evidence.Options{}},
		{"mptcp", []byte{30, 4, 0, 1}, evidence.Options{Present: evidence.OptMPTCP}},
		{"behind the end", []byte{0, 2, 4, 5}, evidence.Options{}},
		{"wrong length is skipped", []byte{2, 3, 5, 4, 2, 1, 1, 1}, evidence.Options{Present: evidence.OptSACKPermitted}},
		{"beyond the header", []byte{4, 2, 1, 2}, evidence.Options{Present: evidence.OptSACKPermitted}},
		{"length of one", []byte{4, 2, 3, 1}, evidence.Options{Present: evidence.OptSACKPermitted}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got evidence.Packet
			if !Decode(withOptions(test.bytes...), &got) {
				t.Fatal("not decoded")
			}
			if diff := cmp.Diff(test.want, got.Options); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFillChecksums compares with gopacket.
func TestFillChecksums(t *testing.T) {
	tests := []struct {
		name  string
		frame []byte
	}{
		{"ipv4", ether(etherIPv4, ipv4(nil, tcpHeader, payload))},
		{"ipv4 with padding", ether(etherIPv4, ipv4(nil, tcpHeader, payload), []byte{1, 2, 3})},
		{"ipv6", ether(etherIPv6, ipv6(protoTCP, tcpHeader, payload, payload))},
		{"64 KiB of ones", ether(etherIPv4, ipv4(nil, tcpHeader, bytes.Repeat([]byte{0xff}, 65495)))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, before := range []byte{0, 0xab} {
				frame := changed(test.frame, 14+20+17, before) // the checksum of IPv4, an address of IPv6
				FillChecksums(frame)
				p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
				tcp := p.TransportLayer().(*layers.TCP)
				if err := tcp.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
					t.Fatal(err)
				}
				if err, got := tcp.VerifyChecksum(); err != nil || !got.Valid {
					t.Errorf("wrong checksum: %v, %+v", err, got)
				}
			}
		})
	}
}

// TestSum: a segment is right, or wrong, or it cannot be told.
func TestSum(t *testing.T) {
	const at = 14 + 20 + 16 // of the checksum
	good := ether(etherIPv4, ipv4(nil, tcpHeader, payload))
	FillChecksums(good)
	partial := bytes.Clone(good)
	s, _ := locate(Ethernet, partial, len(partial))
	binary.BigEndian.PutUint16(partial[at:], fold(protoTCP+uint64(len(s.tcp))+words(s.src)+words(s.dst)))
	long := ether(etherIPv4, ipv4(nil, tcpHeader, make([]byte, mostSummed)))
	for _, test := range []struct {
		name  string
		frame []byte
		want  evidence.Sum
	}{
		{"right", good, evidence.SumGood},
		{"wrong", changed(good, at, good[at]^1), evidence.SumBad},
		{"to be completed by the card", partial, evidence.SumUnknown},
		{"of several segments, perhaps", long, evidence.SumUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p evidence.Packet
			if !Decode(test.frame, &p) || p.Sum != test.want {
				t.Errorf("checksum: %d, want %d", p.Sum, test.want)
			}
		})
	}
}

// TestHops reads the TTL, and what IPv6 has in its place.
func TestHops(t *testing.T) {
	for _, frame := range [][]byte{
		changed(ether(etherIPv4, ipv4(nil, tcpHeader, payload)), 14+8, 63),
		changed(ether(etherIPv6, ipv6(protoTCP, tcpHeader, payload)), 14+7, 63),
	} {
		var p evidence.Packet
		if !Decode(frame, &p) || p.Hops != 63 {
			t.Errorf("%d hops, want 63", p.Hops)
		}
	}
}

func TestFillChecksumsLeavesOthers(t *testing.T) {
	fragment := ether(etherIPv4, changed(ipv4(nil, tcpHeader, payload), 6, 0x20))
	got := bytes.Clone(fragment)
	FillChecksums(got)
	if !bytes.Equal(got, fragment) {
		t.Error("a fragment was changed")
	}
}

// FuzzDecode: what is decoded lies within the frame, gopacket reads the same in
// it, and its checksum can be completed.
func FuzzDecode(f *testing.F) {
	f.Add(ether(etherIPv4, ipv4([]byte{1, 1, 1, 0}, tcpHeader, payload), make([]byte, 6)))
	f.Add(ether(etherIPv6, ipv6(protoHopByHop, []byte{protoTCP, 0, 1, 4, 0, 0, 0, 0}, tcpHeader)))
	f.Add(ether(etherVLAN, []byte{0, 7, 8, 0}, ipv4(nil, tcpHeader, payload)))
	f.Add(withOptions(2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8, 1, 3, 3, 7))
	f.Fuzz(func(t *testing.T, frame []byte) {
		defer memory.Bound(t)()
		var got evidence.Packet
		if !Decode(frame, &got) {
			return
		}
		if got.Len < 0 || got.Len > len(frame)-ethernetLen-ipv4Len-tcpLen {
			t.Fatalf("payload of %d bytes in a frame of %d", got.Len, len(frame))
		}
		compare(t, frame, got)
		FillChecksums(frame)
		s, skip := locate(Ethernet, frame, len(frame))
		if skip != Taken || s.checksum() != 0 {
			t.Fatalf("checksum is wrong by %#x", s.checksum())
		}
	})
}

// compare looks at the fields that gopacket reads too, if it gets as far.
func compare(t *testing.T, frame []byte, got evidence.Packet) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
	if !ok {
		return
	}
	want := evidence.Packet{
		Seq: tcp.Seq, Ack: tcp.Ack, Window: tcp.Window, Len: len(tcp.Payload),
		Flags: evidence.Flags(tcp.Contents[13]),
		Src:   netip.AddrPortFrom(got.Src.Addr(), uint16(tcp.SrcPort)),
		Dst:   netip.AddrPortFrom(got.Dst.Addr(), uint16(tcp.DstPort)),
	}
	ignore := cmpopts.IgnoreFields(evidence.Packet{}, "Options")
	if diff := cmp.Diff(want, got, addresses, ignore); diff != "" {
		t.Fatalf("gopacket reads something else (-gopacket +got):\n%s", diff)
	}
}

func BenchmarkDecode(b *testing.B) {
	frame := withOptions(2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8, 1, 3, 3, 7)
	var p evidence.Packet
	b.ReportAllocs()
	for b.Loop() {
		Decode(frame, &p)
	}
}

func TestDecodeAllocations(t *testing.T) {
	frame := withOptions(2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8, 1, 3, 3, 7)
	var p evidence.Packet
	if n := testing.AllocsPerRun(100, func() { Decode(frame, &p); FillChecksums(frame) }); n != 0 {
		t.Errorf("%v allocations for each frame, want 0", n)
	}
}
