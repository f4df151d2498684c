package capture

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/evidence"
)

// sll returns a header of LINUX_SLL.
func sll(kind byte, ether uint16) []byte {
	return big.append16(append([]byte{0, kind, 0, 1, 0, 6}, make([]byte, 8)...), ether)
}

// sll2 returns a header of LINUX_SLL2, of device 3.
func sll2(kind byte, ether uint16) []byte {
	return append(big.append16(nil, ether), append([]byte{0, 0, 0, 0, 0, 3, 0, 1, kind, 6}, make([]byte, 8)...)...)
}

// linked is a frame on a link, and what is read of it.
type linked struct {
	name   string
	link   LinkType
	frame  []byte
	skip   Skip
	way    Direction
	device int
}

// links are TCP segments of 5 bytes, and what is none.
func links() []linked {
	v4, v6 := ipv4(nil, tcpHeader, payload), ipv6(protoTCP, tcpHeader, payload)
	vlan := []byte{0, 7, 8, 0}
	return []linked{
		{name: "ethernet", link: Ethernet, frame: ether(etherIPv4, v4)},
		{name: "loopback, little endian", link: Null, frame: append([]byte{2, 0, 0, 0}, v4...)},
		{name: "loopback, big endian", link: Null, frame: append([]byte{0, 0, 0, 2}, v4...)},
		{name: "loopback of macOS, IPv6", link: Null, frame: append([]byte{30, 0, 0, 0}, v6...)},
		{name: "loopback of FreeBSD, IPv6", link: Null, frame: append([]byte{0, 0, 0, 28}, v6...)},
		{name: "loopback of OpenBSD, IPv6", link: Loop, frame: append([]byte{0, 0, 0, 24}, v6...)},
		{name: "loopback, another family", link: Null, frame: append([]byte{7, 0, 0, 0}, v4...), skip: NotIP},
		{name: "raw 12", link: Raw12, frame: v4},
		{name: "raw 14", link: Raw14, frame: v6},
		{name: "raw", link: Raw, frame: v6},
		{name: "raw, another version", link: Raw, frame: changed(v4, 0, 0x55), skip: NotIP},
		{name: "raw, empty", link: Raw, skip: Malformed},
		{name: "IPv4", link: RawIPv4, frame: v4},
		{name: "IPv6", link: RawIPv6, frame: v6},
		{name: "IPv4 on a link of IPv6", link: RawIPv6, frame: v4, skip: Malformed},
		{name: "any, received", link: LinuxSLL, frame: append(sll(0, etherIPv4), v4...), way: Inbound},
		{name: "any, sent", link: LinuxSLL, frame: append(sll(4, etherIPv6), v6...), way: Outbound},
		{name: "any, of others, VLAN", link: LinuxSLL, frame: slices.Concat(sll(3, etherVLAN), vlan, v4)},
		{name: "any 2, received", link: SLL2, frame: append(sll2(0, etherIPv6), v6...), way: Inbound, device: 3},
		{name: "any 2, sent, VLAN", link: SLL2, frame: slices.Concat(sll2(4, etherQinQ), vlan, v4), way: Outbound, device: 3},
		{name: "any 2, ARP", link: SLL2, frame: sll2(1, 0x0806), skip: NotIP, device: 3},
		{name: "802.11", link: 105, frame: v4, skip: UnknownLink},
	}
}

func TestLinks(t *testing.T) {
	for _, tt := range links() {
		t.Run(tt.name, func(t *testing.T) {
			var got evidence.Packet
			s, skip := locate(tt.link, tt.frame, len(tt.frame))
			if skip != tt.skip {
				t.Fatalf("%v, want %v", skip, tt.skip)
			}
			if way, device := cooked(tt.link, tt.frame); way != tt.way || device != tt.device {
				t.Errorf("direction %d, device %d, want %d, %d", way, device, tt.way, tt.device)
			}
			if skip != Taken {
				return
			}
			if s.read(&got); got.Src.Port() != 40000 || got.Dst.Port() != 80 || got.Len != len(payload) {
				t.Errorf("read %+v", got)
			}
		})
	}
}

// TestSnap cuts a SYN with options at every length: what is said of it is true,
// and without its flags nothing is.
func TestSnap(t *testing.T) {
	for name, whole := range map[string][]byte{
		"ipv4": withOptions(2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8, 1, 3, 3, 7),
		"ipv6": ether(etherIPv6, ipv6(protoHopByHop, []byte{protoTCP, 0, 1, 4, 0, 0, 0, 0}, withOptions(2, 4, 5, 0xb4)[ethernetLen+ipv4Len:], payload)),
	} {
		t.Run(name, func(t *testing.T) {
			want, _ := locate(Ethernet, whole, len(whole))
			offset := len(whole) - len(want.tcp)
			for n := range len(whole) {
				s, skip := locate(Ethernet, whole[:n], len(whole))
				if n < offset+flagsEnd {
					if skip != Truncated {
						t.Fatalf("%d bytes: %v", n, skip)
					}
					continue
				}
				var got, full evidence.Packet
				s.read(&got)
				want.read(&full)
				if n < offset+want.header() {
					full.Options, got.Options = evidence.Options{}, evidence.Options{}
				}
				if n < offset+windowEnd {
					full.Window = 0
				}
				if diff := cmp.Diff(full, got, addresses); skip != Taken || diff != "" {
					t.Fatalf("%d bytes: %v, (-want +got):\n%s", n, skip, diff)
				}
			}
		})
	}
}

// TestLengths: frames longer than a length field can tell, and lengths that lie.
func TestLengths(t *testing.T) {
	const size = 100_000
	giant4 := ether(etherIPv4, changed(changed(ipv4(nil, tcpHeader), 2, 0), 3, 0))
	giant6 := ether(etherIPv6, changed(ipv6(protoHopByHop, []byte{protoTCP, 0, 0xc2, 4, 0, 1, 0x86, 0x6a}, tcpHeader), 5, 0))
	tests := []struct {
		name  string
		frame []byte
		size  int
		skip  Skip
		want  int // bytes of payload
	}{
		{"ipv4 of any length", giant4, size, Taken, size - ethernetLen - ipv4Len - tcpLen},
		{"jumbogram", giant6, size, Taken, size - ethernetLen - ipv6Len - 8 - tcpLen},
		{"longer than its frame", ether(etherIPv4, changed(ipv4(nil, tcpHeader), 3, 41)), 0, Malformed, 0},
		{"no longer than a frame that was cut", ether(etherIPv4, changed(ipv4(nil, tcpHeader), 3, 41)), 55, Taken, 1},
		{"fragment of UDP", ether(etherIPv4, changed(changed(ipv4(nil, tcpHeader), 6, 0x20), 9, 17)), 0, NotTCP, 0},
		{"ipv6 fragment of UDP", ether(etherIPv6, ipv6(protoFragment, []byte{17, 0, 0, 1, 0, 0, 0, 0}, tcpHeader)), 0, NotTCP, 0},
		{"ipv6 fragment", ether(etherIPv6, ipv6(protoFragment, []byte{protoTCP, 0, 0, 8, 0, 0, 0, 0}, tcpHeader)), 0, Fragment, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, skip := locate(Ethernet, tt.frame, tt.size)
			if skip != tt.skip {
				t.Fatalf("%v, want %v", skip, tt.skip)
			}
			var got evidence.Packet
			if skip == Taken {
				s.read(&got)
			}
			if got.Len != tt.want {
				t.Errorf("payload of %d bytes, want %d", got.Len, tt.want)
			}
		})
	}
}

// TestTsharkLinks: it finds the same segments, by the bytes of their payload.
func TestTsharkLinks(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("needs tshark")
	}
	file, want := sectionBlock(little), ""
	for i, l := range links() {
		file = append(file, interfaceBlock(little, l.link, 0)...)
		file = append(file, packetBlock(little, uint32(i), 1, l.frame, 0)...)
		want += l.name + "\t"
		if l.skip == Taken {
			want += strconv.Itoa(len(payload))
		}
		want += "\n"
	}
	path := filepath.Join(t.TempDir(), "links.pcapng")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	got := ""
	for i, line := range slices.Collect(strings.Lines(tshark(t, "-r", path, "-T", "fields", "-e", "tcp.len"))) {
		got += links()[i].name + "\t" + line
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("payloads (-ours +tshark):\n%s", diff)
	}
}
