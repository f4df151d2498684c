package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

var (
	alice = netip.MustParseAddrPort("10.0.0.1:40000")
	bob   = netip.MustParseAddrPort("10.0.0.2:80")
)

// frame is an Ethernet frame with a segment in it.
func frame(t *testing.T, change func(*layers.TCP), before ...gopacket.SerializableLayer) []byte {
	t.Helper()
	tcp := layers.TCP{SrcPort: 40000, DstPort: 80, Seq: 7, Window: 100, SYN: true, Options: []layers.TCPOption{
		{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: []byte{0, 0, 1, 2, 0, 0, 0, 0}},
	}}
	change(&tcp)
	ip := layers.IPv4{Version: 4, TTL: 64, Id: 9, Protocol: layers.IPProtocolTCP, SrcIP: alice.Addr().AsSlice(), DstIP: bob.Addr().AsSlice()}
	if err := tcp.SetNetworkLayerForChecksum(&ip); err != nil {
		t.Fatal(err)
	}
	b := gopacket.NewSerializeBuffer()
	all := append(before, &ip, &tcp, gopacket.Payload("hello"))
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ethernet(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: kind}
}

// TestDecode: all that is looked at is what was sent, behind each kind of header.
func TestDecode(t *testing.T) {
	plain := frame(t, func(*layers.TCP) {}, ethernet(layers.EthernetTypeIPv4))
	for _, x := range []struct {
		name  string
		link  int
		frame []byte
		taken bool
	}{
		{"Ethernet", 1, plain, true},
		{"VLAN", 1, frame(t, func(*layers.TCP) {}, ethernet(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 5, Type: layers.EthernetTypeIPv4}), true},
		{"raw", 101, frame(t, func(*layers.TCP) {}), true},
		{"the device any", 276, append(append(binary.BigEndian.AppendUint16(nil, 0x0800), make([]byte, 18)...), plain[14:]...), true},
		{"padded", 1, append(slices.Clone(plain), 0, 0, 0), true},
		{"ARP", 1, frame(t, func(*layers.TCP) {}, ethernet(layers.EthernetTypeARP)), false},
		{"a fragment", 1, changed(plain, 20, 0x20), false},
		{"UDP", 1, changed(plain, 23, 17), false},
		{"longer than its frame", 1, changed(plain, 17, 200), false},
		{"another link", 105, plain, false},
	} {
		s := decode(x.link, x.frame, len(x.frame))
		switch {
		case s == nil && !x.taken:
		case s == nil || !x.taken:
			t.Errorf("%s: %v", x.name, s)
		case s.src != alice || s.dst != bob || s.seq != 7 || s.flags != syn || s.len != 5 || s.hops != 64 || s.id != 9 || !s.stamped || s.tsval != 0x102 || s.wrong:
			t.Errorf("%s: %+v", x.name, *s)
		}
	}
	if s := decode(1, changed(plain, len(plain)-1, 'x'), len(plain)); !s.wrong || s.partial {
		t.Errorf("another payload: %+v", *s)
	}
	if s := decode(1, plain[:60], len(plain)); s == nil || s.len != 5 || s.wrong {
		t.Errorf("cut: %v", s)
	}
}

func changed(frame []byte, at int, b byte) []byte {
	frame = slices.Clone(frame)
	frame[at] = b
	return frame
}

// TestReadCapture: copies and times, of a file that ends in the middle, too.
func TestReadCapture(t *testing.T) {
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	if err := w.WriteFileHeader(65536, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	began := time.Unix(1000, 0).UTC()
	data := frame(t, func(*layers.TCP) {}, ethernet(layers.EthernetTypeIPv4))
	for _, after := range []time.Duration{0, 10 * time.Millisecond, time.Second} {
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: began.Add(after), CaptureLength: len(data), Length: len(data)}, data); err != nil {
			t.Fatal(err)
		}
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(b.Bytes())
	z.Close()
	for name, x := range map[string]struct {
		file            []byte
		segments, total int
		complete        bool
	}{
		"whole": {b.Bytes(), 2, 3, true},
		"gzip":  {zipped.Bytes(), 2, 3, true},
		"cut":   {b.Bytes()[:b.Len()-4], 1, 2, false},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, x.file, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := readCapture(path)
		if c == nil || (err == nil) != x.complete || c.total != x.total || len(c.segments) != x.segments || c.copies != 1 || !c.first.Equal(began) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}
