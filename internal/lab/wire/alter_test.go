package wire

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/capture"
	"listenq/internal/evidence"
)

// tcpFrame is an Ethernet frame with a segment of TCP, its timestamps among the options.
func tcpFrame(six bool, flags evidence.Flags, data string) []byte {
	options := []byte{1, 1, 8, 10, 0, 0, 0x10, 0, 0, 0, 0, 7}
	tcp := make([]byte, 20, 32+len(data))
	binary.BigEndian.PutUint16(tcp, 20001)
	binary.BigEndian.PutUint16(tcp[2:], 8080)
	binary.BigEndian.PutUint32(tcp[4:], 1000)
	binary.BigEndian.PutUint32(tcp[8:], 2000)
	tcp[12], tcp[13] = 8<<4, byte(flags)
	tcp = append(append(tcp, options...), data...)
	frame := append(make([]byte, 12, 200), 8, 0)
	copy(frame, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01")
	if six {
		frame[12], frame[13] = 0x86, 0xdd
		ip := make([]byte, 40)
		ip[0], ip[6], ip[7], ip[8], ip[23], ip[24], ip[39] = 0x60, 6, 64, 0xfc, 1, 0xfc, 2
		binary.BigEndian.PutUint16(ip[4:], uint16(len(tcp)))
		frame = append(frame, ip...)
	} else {
		ip := []byte{0x45, 0, 0, byte(20 + len(tcp)), 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2}
		binary.BigEndian.PutUint16(ip[10:], headerSum(ip))
		frame = append(frame, ip...)
	}
	frame = append(frame, tcp...)
	capture.FillChecksums(frame)
	return frame
}

// read decodes a frame; right says whether its checksum is.
func read(t *testing.T, frame []byte) (p evidence.Packet, right bool) {
	t.Helper()
	if !capture.Decode(frame, &p) {
		t.Fatalf("no segment of TCP: %x", frame)
	}
	filled := append([]byte(nil), frame...)
	capture.FillChecksums(filled)
	return p, cmp.Equal(filled, frame)
}

func TestChange(t *testing.T) {
	for _, six := range []bool{false, true} {
		for _, test := range []struct {
			name     string
			change   Change
			seq, ack uint32
			tsval    uint32
			right    bool
		}{
			{"nothing", Change{}, 1000, 2000, 0x1000, true},
			{"checksum", Change{Checksum: true}, 1000, 2000, 0x1000, false},
			{"numbers", Change{Seq: 5, Ack: 1 << 31}, 1005, 1<<31 + 2000, 0x1000, true},
			{"clock", Change{Timestamp: 0x2000}, 1000, 2000, 0xfffff000, true},
		} {
			frame := tcpFrame(six, evidence.ACK, "hello")
			test.change.apply(frame)
			p, right := read(t, frame)
			if p.Seq != test.seq || p.Ack != test.ack || p.Options.TSVal != test.tsval || right != test.right {
				t.Errorf("%s: seq %d, ack %d, TSval %#x, checksum right: %v", test.name, p.Seq, p.Ack, p.Options.TSVal, right)
			}
		}
	}
}

// A segment with options that end nowhere has no timestamps.
func TestTimestamp(t *testing.T) {
	for _, options := range [][]byte{{8, 10, 1, 2}, {2, 0, 8}, {0, 8, 10, 1}, {1, 1, 1, 1}, {8}} {
		tcp := append(make([]byte, 20), options...)
		tcp[12] = byte(len(tcp)/4) << 4
		if at := timestamp(tcp); at != 0 {
			t.Errorf("%v: at %d", options, at)
		}
	}
}

// What is crafted is what RFC 9293, 3.10.7 has a host answer.
func TestCraft(t *testing.T) {
	for _, six := range []bool{false, true} {
		for _, test := range []struct {
			name        string
			sent, flags evidence.Flags
			data        string
			seq, ack    uint32
			want        evidence.Flags
		}{
			{"SYN refused", evidence.SYN, evidence.RST, "", 0, 1001, evidence.RST | evidence.ACK},
			{"SYN answered", evidence.SYN, evidence.SYN | evidence.ACK, "", 0, 1001, evidence.SYN | evidence.ACK},
			{"data reset", evidence.ACK, evidence.RST, "hello", 2000, 1005, evidence.RST},
			{"data acknowledged", evidence.ACK, evidence.ACK, "hello", 2000, 1005, evidence.ACK},
		} {
			f := &frame{data: tcpFrame(six, test.sent, test.data)}
			before, _ := read(t, f.data)
			f.packet = before
			p, right := read(t, craft(make([]byte, len(f.data)), f, test.flags))
			if p.Src != before.Dst || p.Dst != before.Src || p.Seq != test.seq || p.Ack != test.ack || p.Flags != test.want || p.Len != 0 || !right {
				t.Errorf("%s: %+v, checksum right: %v", test.name, p, right)
			}
			p, right = read(t, instead(make([]byte, len(f.data)), f))
			if p.Src != before.Src || p.Seq != before.Seq || p.Flags != evidence.RST || p.Len != 0 || !right {
				t.Errorf("%s, in its place: %+v, checksum right: %v", test.name, p, right)
			}
		}
	}
}
